//! Listeners that come and go with a restart, and Unix sockets, which are paths too.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;

use rustix::process::Signal;

use super::{config, launch};
use crate::support::{Client, Get, Upstream, eventually, wait_for_end};

fn free_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}

#[test]
fn a_unix_socket_survives_restarts_and_its_path_goes_with_the_last_process() {
    let upstream = Upstream::live();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fantail.sock");
    let listen = format!("listen = [\"unix:{}\"]\n", path.display());
    let mut program = launch(&config(&upstream, &listen).replace("1h", "0s"));
    for _ in 0..3 {
        let old = program.id();
        program.restart();
        wait_for_end(old);
        let mut client = Client::unix(&path);
        let get = Get::new("/events").header("Accept", "text/event-stream");
        client.send(get.bytes());
        client.read_head();
        assert_eq!(client.status, 200);
    }
    program.signal(Signal::TERM);
    wait_for_end(program.id());
    assert!(!path.exists(), "the path is left behind");
}

#[test]
fn a_new_process_that_fails_leaves_the_path_alone() {
    let upstream = Upstream::live();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fantail.sock");
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().map(|address| (taken, address)).unwrap();
    let text = config(
        &upstream,
        &format!("listen = [\"unix:{}\"]\n", path.display()),
    );
    let program = launch(&text);
    // The first listener is inherited, the second can not be had.
    let second = format!("listen = [\"{}\", \"unix:", taken.1);
    std::fs::write(
        program.file("fantail.toml"),
        text.replace("listen = [\"unix:", &second),
    )
    .unwrap();
    program.signal(Signal::USR2);
    let failure = program.logs("the new process has not taken over");
    assert!(failure.contains("exit status: 1"), "{failure}");
    assert!(
        program
            .log()
            .contains(&format!("can not listen on {}", taken.1))
    );
    assert!(UnixStream::connect(&path).is_ok());
}

#[test]
fn listeners_come_and_go_with_the_configuration() {
    let upstream = Upstream::live();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fantail.sock");
    let [stays, goes, comes] = [(); 3].map(|()| free_address());
    let listen = format!(
        "listen = [\"{stays}\", \"{goes}\", \"unix:{}\"]\n",
        path.display()
    );
    let mut program = launch(&config(&upstream, &listen));
    let listen = format!("listen = [\"{comes}\", \"{stays}\"]\n");
    std::fs::write(program.file("fantail.toml"), config(&upstream, &listen)).unwrap();
    let old = program.id();
    program.restart();
    for address in [stays, comes] {
        assert_eq!(Get::new("/events").stream(address).status, 200);
    }
    wait_for_end(old);
    eventually("nobody listens there any more", || {
        TcpStream::connect(goes).is_err()
    });
    assert!(!path.exists(), "the path of the Unix socket is left behind");
    assert_eq!(program.count("not configured any more"), 2);
    assert_eq!(Get::new("/events").stream(stays).status, 200);
}

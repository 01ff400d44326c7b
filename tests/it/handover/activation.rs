//! systemd's part, played by the test: sockets of its own, and words about readiness.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::fs::symlink;
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::process::{Command, Stdio};

use command_fds::{CommandFdExt, FdMapping};
use rustix::process::Signal;
use tempfile::TempDir;

use super::{PORTS, PROGRAM, config, serve};
use crate::support::way::{client_config, tls_table};
use crate::support::{Client, Get, Process, Upstream, patience, until, wait_for_end};

/// `serve` with these sockets, as systemd starts it.
fn activate(arguments: &[&str], sockets: Vec<OwnedFd>, names: &str) -> Command {
    // The id is that of the shell, which becomes the program.
    let script = "export LISTEN_PID=$$; exec \"$0\" serve --admin \"\" \"$@\"";
    let mut command = Command::new("sh");
    command.args(["-c", script, PROGRAM]).args(arguments);
    pass(&mut command, sockets, names);
    command
}

fn pass(command: &mut Command, sockets: Vec<OwnedFd>, names: &str) {
    let count = sockets.len().to_string();
    let mappings = sockets.into_iter().zip(3..);
    let mappings = mappings.map(|(parent_fd, child_fd)| FdMapping {
        parent_fd,
        child_fd,
    });
    command
        .envs([("LISTEN_FDS", &*count), ("LISTEN_FDNAMES", names)])
        .fd_mappings(mappings.collect())
        .unwrap();
}

fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

/// Exit code and what was said of a command that does not start.
fn refused(mut command: Command) -> (Option<i32>, String) {
    let mut child = command
        .args(["--log-level", "info"])
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let status = until("the program ends", || child.try_wait().unwrap());
    let said = std::io::read_to_string(child.stderr.take().unwrap()).unwrap();
    (status.code(), said)
}

#[test]
fn sockets_of_a_socket_unit_are_used_as_they_are_if_none_are_configured() {
    let upstream = Upstream::live();
    let url = format!("http://{}", upstream.address());
    let ((one, first), (two, second)) = (listener(), listener());
    // Before anybody serves: who is early waits in the queue.
    let mut early = Client::raw(second);
    early.send("GET /events HTTP/1.1\r\nHost: a\r\nAccept: text/event-stream\r\n\r\n");
    let command = activate(&["--upstream", &url], vec![one.into(), two.into()], "a:b");
    let mut program = Process::start(command, folder());
    early.read_head();
    assert_eq!(early.status, 200);
    let ready = program.logs("fantail is ready");
    assert!(ready.contains(&format!("[{first}, {second}]")), "{ready}");
    // What was given is given on.
    program.restart();
    for address in [first, second] {
        assert_eq!(Get::new("/").stream(address).status, 200);
    }
}

#[test]
fn a_configured_address_is_inherited_and_another_one_is_bound() {
    let upstream = Upstream::live();
    let url = format!("http://{}", upstream.address());
    let (socket, inherited) = listener();
    let arguments = ["--upstream", &url, "--listen", &inherited.to_string()];
    let arguments = [&arguments[..], &["--listen", "127.0.0.1:0"]].concat();
    let command = activate(&arguments, vec![socket.into()], "fantail.socket");
    let program = Process::start(command, folder());
    assert_eq!(program.address(), inherited);
    assert_eq!(program.count("the listening socket is inherited"), 1);
    let ready = program.logs("fantail is ready");
    assert_eq!(ready.matches("127.0.0.1:").count(), 2, "{ready}");
}

#[test]
fn a_socket_at_an_address_of_the_tls_table_is_one_with_tls_and_the_others_stay_plain() {
    let (upstream, folder) = (Upstream::live(), folder());
    let ((one, plain), (two, secured)) = (listener(), listener());
    let table = tls_table(folder.path()).replace("127.0.0.1:0", &secured.to_string());
    let file = folder.path().join("fantail.toml");
    let url = upstream.address();
    let route = format!("[[route]]\npath = \"/events\"\nupstream = \"http://{url}/events\"\n");
    std::fs::write(&file, format!("{table}{route}")).unwrap();
    let arguments = ["--config", file.to_str().unwrap()];
    let command = activate(&arguments, vec![two.into(), one.into()], "a:b");
    let mut program = Process::start(command, folder);
    let ready = program.logs("fantail is ready");
    assert_eq!(ready.matches("127.0.0.1:").count(), 2, "{ready}");
    let mut old = program.id();
    for _ in 0..2 {
        assert_eq!((program.address(), program.tls_address()), (plain, secured));
        assert_eq!(Get::new("/events").stream(plain).status, 200);
        let mut client = Client::secure(secured, &client_config(), "localhost").unwrap();
        client.send(Get::new("/none").bytes());
        client.read_head();
        assert_eq!(client.status, 404);
        drop(client);
        // What was given is given on, and told apart again.
        program.restart();
        assert_ne!(std::mem::replace(&mut old, program.id()), program.id());
    }
}

#[test]
fn a_socket_that_is_not_configured_is_told_and_nothing_is_started() {
    let (socket, address) = listener();
    let upstream = [
        "--upstream",
        "http://127.0.0.1:9",
        "--listen",
        "127.0.0.1:0",
    ];
    let (code, said) = refused(activate(&upstream, vec![socket.into()], "x"));
    assert_eq!(code, Some(1), "{said}");
    let words = format!("the inherited socket {address} is not configured");
    assert!(said.contains(&words), "{said}");
    assert!(!said.contains("fantail is ready"), "{said}");
}

#[test]
fn what_is_no_listening_stream_socket_is_told_by_its_name() {
    let (listener, address) = listener();
    let connection = TcpStream::connect(address).unwrap();
    let datagram = UnixDatagram::unbound().unwrap();
    let upstream = ["--upstream", "http://127.0.0.1:9"];
    for socket in [OwnedFd::from(connection), datagram.into()] {
        let inner = vec![listener.try_clone().unwrap().into(), socket];
        let (code, said) = refused(activate(&upstream, inner, "good:odd"));
        assert_eq!(code, Some(1), "{said}");
        assert!(
            said.contains("descriptor 1 of LISTEN_FDS, \"odd\""),
            "{said}"
        );
    }
}

#[test]
fn sockets_for_another_process_are_left_alone() {
    let (socket, address) = listener();
    let mut command = Command::new(PROGRAM);
    command
        .args(["serve", "--upstream", "http://127.0.0.1:9", "--admin", ""])
        .args(["--listen", "127.0.0.1:0"])
        .env("LISTEN_PID", "1");
    pass(&mut command, vec![socket.into()], "x");
    let program = Process::start(command, folder());
    assert_ne!(program.address(), address);
    assert_eq!(program.count("inherited"), 0);
}

#[test]
fn a_unix_socket_of_a_socket_unit_keeps_its_path_when_the_program_ends() {
    let folder = folder();
    let path = folder.path().join("given.sock");
    let given = UnixListener::bind(&path).unwrap();
    let socket = given.try_clone().unwrap().into();
    let arguments = ["--upstream", "http://127.0.0.1:9"];
    let mut program = Process::start(activate(&arguments, vec![socket], ""), folder);
    program.restart();
    program.signal(Signal::TERM);
    wait_for_end(program.id());
    assert!(path.exists(), "the path was not ours to remove");
}

#[test]
fn systemd_is_told_of_readiness_of_the_new_main_process_and_of_the_end() {
    let upstream = Upstream::live();
    let told = folder();
    let path = told.path().join("notify");
    let systemd = UnixDatagram::bind(&path).unwrap();
    systemd.set_read_timeout(Some(patience())).unwrap();
    let next = || {
        let mut word = [0; 256];
        let length = systemd.recv(&mut word).unwrap();
        String::from_utf8_lossy(&word[..length]).into_owned()
    };
    let folder = folder();
    symlink(PROGRAM, folder.path().join("fantail")).unwrap();
    std::fs::write(folder.path().join("fantail.toml"), config(&upstream, PORTS)).unwrap();
    let mut command = serve(folder.path());
    command.env("NOTIFY_SOCKET", &path);
    let mut program = Process::start(command, folder);
    assert_eq!(next(), "READY=1\n");
    program.restart();
    assert_eq!(next(), format!("MAINPID={}\n", program.id()));
    assert!(program.exit().success());
    program.signal(Signal::TERM);
    assert_eq!(next(), "STOPPING=1\n");
    wait_for_end(program.id());
}

//! The program itself: signals and exit codes.

use std::io::{BufRead, BufReader, Read};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::support::{Client, Get, Upstream, eventually, until};

/// A running `fantail`, ended when dropped.
struct Program {
    child: Child,
    address: SocketAddr,
    _folder: tempfile::TempDir,
}

impl Program {
    /// On a port that was free a moment ago, in front of the upstream.
    fn serve(upstream: &Upstream, drain: &str) -> Self {
        let address = free_address();
        let text = format!(
            "[server]\nlisten = [\"{address}\"]\ndrain = \"{drain}\"\ndrain_delay = \"0s\"\n\
             [admin]\nlisten = \"\"\n[[route]]\npath = \"/events\"\nupstream = \"http://{}/\"\n",
            upstream.address()
        );
        Self::start(address, &text, "info")
    }

    /// What the text configures at that address.
    fn start(address: SocketAddr, text: &str, level: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = write(folder.path(), text);
        let child = command(&["serve", "--config", file.to_str().unwrap()])
            .env("RUST_LOG", level)
            .spawn()
            .unwrap();
        let program = Self {
            child,
            address,
            _folder: folder,
        };
        eventually("the program listens", || {
            std::net::TcpStream::connect(address).is_ok()
        });
        program
    }

    fn subscribe(&self) -> Client {
        Get::new("/events").stream(self.address)
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, signal).unwrap();
    }

    fn wait(&mut self) -> ExitStatus {
        until("the program ends", || self.child.try_wait().unwrap())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fantail"));
    command.args(arguments).env("RUST_LOG", "info");
    command.stdin(Stdio::null());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn free_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}

fn write(folder: &Path, text: &str) -> PathBuf {
    let file = folder.join("fantail.toml");
    std::fs::write(&file, text).unwrap();
    file
}

/// Exit code and all that was printed.
fn run(arguments: &[&str]) -> (Option<i32>, String) {
    let mut child = command(arguments).spawn().unwrap();
    let status = until("the program ends", || child.try_wait().unwrap());
    let mut said = String::new();
    child.stdout.unwrap().read_to_string(&mut said).unwrap();
    child.stderr.unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(status.signal(), None, "{said}");
    (status.code(), said)
}

#[test]
fn a_signal_ends_the_streams_one_by_one_and_the_program_with_0() {
    for signal in [Signal::TERM, Signal::INT] {
        let upstream = Upstream::live();
        let mut program = Program::serve(&upstream, "500ms");
        let mut clients: Vec<Client> = (0..5).map(|_| program.subscribe()).collect();
        program.signal(signal);
        for client in &mut clients {
            client.expect_end();
            assert!(client.retry.unwrap() >= 5000);
        }
        assert_eq!(program.wait().code(), Some(0));
    }
}

#[test]
fn a_second_signal_ends_the_program_at_once_and_with_0() {
    let upstream = Upstream::live();
    let mut program = Program::serve(&upstream, "1h");
    let mut client = program.subscribe();
    let log = BufReader::new(program.child.stderr.take().unwrap());
    program.signal(Signal::TERM);
    let mut lines = log.lines().map_while(Result::ok);
    assert!(
        lines.any(|line| line.contains("draining")),
        "it says that it drains"
    );
    let begin = fantail::clock::now();
    program.signal(Signal::TERM);
    client.expect_end();
    assert_eq!(program.wait().code(), Some(0));
    assert!(
        begin.elapsed() < Duration::from_secs(2),
        "{:?}",
        begin.elapsed()
    );
}

#[test]
fn a_bad_configuration_is_told_whole_and_is_78() {
    let folder = tempfile::tempdir().unwrap();
    let text = "[server]\nlisten = [\"nonsense\"]\n[[route]]\npath = \"/a\"\nupstram = \"x\"\n\
                heartbeat = \"soon\"\n";
    let file = write(folder.path(), text);
    let file = file.to_str().unwrap();
    for arguments in [&["serve", "--config", file][..], &["validate", file]] {
        let (code, said) = run(arguments);
        assert_eq!(code, Some(78), "{said}");
        for fault in [
            "nonsense",
            "upstram",
            "soon",
            "fantail.toml:2",
            "fantail.toml:6",
        ] {
            assert!(said.contains(fault), "{fault} is not told: {said}");
        }
    }
    let (code, said) = run(&["serve", "--config", "/no/such/file.toml"]);
    assert_eq!(code, Some(78), "{said}");
}

#[test]
fn wrong_usage_is_2() {
    for arguments in [
        &["serve"][..],
        &["serv"],
        &["serve", "--nonsense"],
        &["validate"],
    ] {
        let (code, said) = run(arguments);
        assert_eq!(code, Some(2), "{said}");
    }
}

#[test]
fn a_good_file_is_0() {
    let folder = tempfile::tempdir().unwrap();
    let text = "[[route]]\npath = \"/a\"\nupstream = \"http://127.0.0.1:1/\"\n";
    let file = write(folder.path(), text);
    let (code, said) = run(&["validate", file.to_str().unwrap()]);
    assert_eq!(
        (code, said.contains("good (1 route)")),
        (Some(0), true),
        "{said}"
    );
}

#[test]
fn a_port_in_use_is_1_and_nothing_is_half_started() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().map(|address| (taken, address)).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("first.sock");
    let first = format!("unix:{}", socket.display());
    let upstream = ["serve", "--upstream", "http://127.0.0.1:1", "--admin"];
    let address = taken.1.to_string();
    let by_listen = [
        &upstream[..],
        &["", "--listen", &first, "--listen", &address],
    ]
    .concat();
    let free = free_address().to_string();
    let by_admin = [&upstream[..], &[&address, "--listen", &free]].concat();
    for arguments in [by_listen, by_admin] {
        let (code, said) = run(&arguments);
        assert_eq!(code, Some(1), "{said}");
        assert!(
            said.contains(&address) && said.contains("can not listen on"),
            "{said}"
        );
        assert!(!said.contains("fantail is ready"), "{said}");
    }
    assert!(!socket.exists(), "a socket's path is left behind");
}

/// A terminal that is stopped, a collector that hangs: the pipe is full, and so is what waits for it.
#[test]
fn a_log_that_nobody_reads_loses_lines_that_are_counted_and_stops_no_stream() {
    let upstream = Upstream::live();
    let (address, admin) = (free_address(), free_address());
    let text = format!(
        "[server]\nlisten = [\"{address}\"]\n[admin]\nlisten = \"{admin}\"\n\
         [limits]\naccepts_per_second = 0\n[[route]]\npath = \"/events\"\nupstream = \"http://{}/\"\n",
        upstream.address()
    );
    let program = Program::start(address, &text, "trace");
    let mut client = program.subscribe();
    let lost = || {
        let metrics = Get::new("/metrics").connect(admin).body();
        let mut lines = metrics.lines();
        let line = lines.find_map(|line| line.strip_prefix("fantail_log_dropped_total "));
        line.unwrap().parse::<u64>().unwrap()
    };
    assert_eq!(lost(), 0);
    eventually("lines are lost", || {
        for _ in 0..100 {
            assert_eq!(Get::new("/nowhere").connect(address).status, 404);
        }
        lost() > 0
    });
    upstream.emit("data: x\n\n");
    assert_eq!(client.next_event().data, "x");
}

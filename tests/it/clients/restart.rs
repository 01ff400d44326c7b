//! Fantail itself is restarted: by `SIGUSR2`, which hands its sockets over to a new process.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use rstest::rstest;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::Fleet;
use crate::support::{Group, Upstream, Way, eventually, until, way};

/// `fantail serve` and whatever it starts in its own place; all of it is killed when it is dropped.
struct Program {
    way: Way,
    group: Group,
    log: PathBuf,
    _directory: TempDir,
}

// === impl Program ===

impl Program {
    /// With one route, `/events`, and a short drain.
    fn serve(way: Way, upstream: &Upstream) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let config = directory.path().join("fantail.toml");
        let text = format!(
            "[server]\nlisten = [\"127.0.0.1:0\"]\ndrain = \"1s\"\ndrain_delay = \"0s\"\n\
             [admin]\nlisten = \"127.0.0.1:0\"\n\
             {}[[route]]\nname = \"events\"\npath = \"/events\"\n\
             upstream = \"http://{}/events\"\nretry = \"1s\"\n",
            way.table(directory.path()),
            upstream.address()
        );
        std::fs::write(&config, text).unwrap();
        let log = directory.path().join("log");
        let mut command = Command::new(env!("CARGO_BIN_EXE_fantail"));
        command.arg("serve").arg("--config").arg(config);
        Self {
            way,
            group: Group::start(&mut command, &log),
            log,
            _directory: directory,
        }
    }

    /// Waits until so many processes in all have become ready, and gives where the last one listens.
    #[track_caller]
    fn ready(&self, processes: usize) -> SocketAddr {
        let word = match self.way {
            Way::Plain => "\"addresses\":\"[",
            Way::Tls | Way::H2 => "\"tls\":\"[",
        };
        until("the program is ready", || {
            let log = std::fs::read_to_string(&self.log).unwrap();
            let mut lines = log.lines().filter(|line| line.contains("fantail is ready"));
            let line = lines.nth(processes - 1)?;
            let (_, behind) = line.split_once(word).unwrap();
            let (address, _) = behind.split_once([']', ',']).unwrap();
            Some(address.parse().unwrap())
        })
    }

    /// A new process takes its place; waits until the old one is over.
    #[track_caller]
    fn restart(&mut self) {
        kill_process(Pid::from_child(self.group.child()), Signal::USR2).unwrap();
        self.ready(2);
        let ended = until("the old process ends", || {
            self.group.child().try_wait().unwrap()
        });
        assert_eq!(ended.code(), Some(0));
    }
}

#[rstest]
#[ignore = "needs browsers and client libraries: tests/run runs it"]
fn a_restart_of_fantail_closes_no_client_and_all_come_back(
    #[values(Way::Plain, Way::H2)] way: Way,
) {
    let upstream = Upstream::live();
    let mut program = Program::serve(way, &upstream);
    let address = program.ready(1);
    way.note(address);
    let mut fleet = Fleet::take();
    let clients = fleet.open(address, "/events", &["fantail.gap"]);
    upstream.emit("data: before\n\n");
    for client in &clients {
        fleet.until(*client, "hears an event", |seen| seen.events.len() == 1);
    }
    program.restart();
    assert_eq!(program.ready(2), address);
    for client in &clients {
        let seen = fleet.until(*client, "is open again", |seen| {
            (seen.opens, seen.state) == (2, 1)
        });
        assert_eq!(seen.closed, 0, "{client}: {seen:#?}");
    }
    eventually("the upstream has one stream", || upstream.open() == 1);
    upstream.emit("data: after\n\n");
    for client in clients {
        let seen = fleet.until(client, "hears the event after it", |seen| {
            seen.events
                .last()
                .is_some_and(|event| event.data == "after")
        });
        // The new process does not know what the old one has said, and tells so.
        let names: Vec<&str> = seen.events.iter().map(|event| &*event.name).collect();
        assert_eq!(names, ["message", "fantail.gap", "message"], "{client}");
        assert_eq!(seen.closed, 0, "{client}: {seen:#?}");
    }
    way::forget(address);
}

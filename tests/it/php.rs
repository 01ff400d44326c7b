//! The real thing: the tutorial's script and a looping one, run by PHP itself, for a thousand
//! clients. `tests/run` runs these; without PHP they fail.

use std::fs::File;
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use fantail::clock;
use tempfile::TempDir;

use crate::support::{Client, Event, Gateway, Get, Upstream, eventually};

const CLIENTS: usize = 1000;
/// More than the scripts need: that only one is used is what is shown.
const WORKERS: &str = "4";
const FIRST_EVENT: Duration = Duration::from_secs(1);

/// `php -S` with several workers; they are killed with it.
struct Php {
    port: u16,
    directory: TempDir,
    server: Option<Child>,
}

impl Php {
    fn start() -> Self {
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let directory = tempfile::tempdir().unwrap();
        let mut php = Self {
            port,
            directory,
            server: None,
        };
        php.revive();
        php
    }

    fn revive(&mut self) {
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.directory.path().join("log"))
            .unwrap();
        let before = usize::try_from(log.metadata().unwrap().len()).unwrap();
        let scripts = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/backends");
        let server = Command::new("php")
            .args(["-S", &format!("127.0.0.1:{}", self.port), "-t", scripts])
            .env("PHP_CLI_SERVER_WORKERS", WORKERS)
            .stdout(Stdio::null())
            .stderr(log)
            .process_group(0)
            .spawn()
            .expect("PHP is installed: tests/run installs it");
        self.server = Some(server);
        // A connection to try it would be one more in its log, and open for as long as PHP likes.
        eventually("PHP listens", || {
            let text = std::fs::read_to_string(self.directory.path().join("log")).unwrap();
            text.get(before..).unwrap_or_default().contains(") started")
        });
    }

    /// The workers too: they would keep the port.
    fn kill(&mut self) {
        let Some(mut server) = self.server.take() else {
            return;
        };
        let group = format!("-{}", server.id());
        drop(Command::new("kill").args(["-KILL", "--", &group]).status());
        drop(server.wait());
    }

    /// How often a script was asked for, and by how many at a time at most.
    fn requests(&self, script: &str) -> (usize, usize) {
        let log = std::fs::read_to_string(self.directory.path().join("log")).unwrap();
        let asked = log
            .lines()
            .filter(|line| line.contains(&format!("GET /{script}")));
        let (mut open, mut most) = (0_usize, 0);
        for line in log.lines() {
            if line.ends_with("Accepted") {
                open += 1;
            } else if line.ends_with("Closing") || line.contains("Closed without sending") {
                open = open.saturating_sub(1);
            }
            most = most.max(open);
        }
        (asked.count(), most)
    }

    /// In front of all of its scripts.
    fn gateway(&self) -> Gateway {
        let route = format!(
            "[limits]\naccepts_per_second = 0\n[[route]]\nname = \"php\"\npath = \"/{{rest*}}\"\n\
             upstream = \"http://127.0.0.1:{}/{{rest*}}\"\nquery = [\"*\"]\n",
            self.port
        );
        Gateway::start(&route, &Upstream::live())
    }
}

impl Drop for Php {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A thousand streams; the first and the last have had their first event in time.
fn crowd(gateway: &Gateway, target: &str) -> (Vec<Client>, Vec<Event>) {
    let mut clients = Vec::with_capacity(CLIENTS);
    let mut first_events = Vec::with_capacity(CLIENTS);
    for number in 0..CLIENTS {
        let begin = clock::now();
        let mut client = Get::new(target).stream(gateway.address());
        assert_eq!(client.status, 200, "{}", client.head);
        if number == 0 || number == CLIENTS - 1 {
            first_events.push(client.next_event());
            let took = clock::now() - begin;
            assert!(took <= FIRST_EVENT, "client {number} waited {took:?}");
        }
        clients.push(client);
    }
    (clients, first_events)
}

fn subscribers(gateway: &Gateway) -> f64 {
    gateway.metric(r#"fantail_subscribers{protocol="h1",route="php"}"#)
}

#[test]
#[ignore = "needs PHP: tests/run runs it"]
fn a_thousand_clients_of_the_tutorials_script_are_one_poll_at_a_time() {
    const POLLS: usize = 4;
    let php = Php::start();
    let gateway = php.gateway();
    let (mut clients, mut first_events) = crowd(&gateway, "/demo_sse.php");
    let last_first = first_events.pop().unwrap();
    let mut seen = first_events;
    while seen.len() < POLLS {
        seen.push(clients[0].next_event());
    }
    assert!(
        seen.iter()
            .all(|event| event.data.starts_with("The server time is: "))
    );
    let end = seen.last().unwrap().clone();
    for (number, client) in clients.iter_mut().enumerate().skip(1) {
        let mut events = Vec::new();
        if number == CLIENTS - 1 {
            events.push(last_first.clone());
        }
        while events.last() != Some(&end) {
            events.push(client.next_event());
        }
        // Each from where it came in, every one once, and the same for all.
        let begin = seen.len().checked_sub(events.len());
        let begin = begin.unwrap_or_else(|| panic!("client {number}: {events:?}"));
        assert_eq!(events, seen[begin..], "client {number}");
        assert!(events.len() >= 3, "client {number}: {}", events.len());
    }
    let (asked, at_a_time) = php.requests("demo_sse.php");
    assert!((POLLS..=POLLS + 1).contains(&asked), "{asked} requests");
    assert_eq!(at_a_time, 1);
    assert_eq!(
        subscribers(&gateway),
        CLIENTS as f64,
        "nobody's stream has ended"
    );
}

#[test]
#[ignore = "needs PHP: tests/run runs it"]
fn a_thousand_clients_of_a_loop_are_one_connection_and_outlive_phps_death() {
    let mut php = Php::start();
    let gateway = php.gateway();
    let (mut clients, _) = crowd(&gateway, "/loop_sse.php?interval=100");
    let mut places: Vec<u64> = clients
        .iter_mut()
        .map(|client| tick(client, None))
        .collect();
    let newest = follow(&mut clients, &mut places, 50);
    assert_eq!(
        php.requests("loop_sse.php").0,
        0,
        "it is still being answered"
    );
    assert_eq!(
        gateway.metric(&php.upstream("fantail_upstream_connect_attempts_total")),
        1.0
    );

    php.kill();
    let dead = clock::now();
    eventually("PHP has been dead for 5 s", || {
        clock::now() - dead > Duration::from_secs(5)
    });
    assert_eq!(
        subscribers(&gateway),
        CLIENTS as f64,
        "nobody's stream has ended"
    );
    php.revive();
    let after = follow(&mut clients, &mut places, newest + 40);
    assert!(after >= newest + 40);
    assert_eq!(
        subscribers(&gateway),
        CLIENTS as f64,
        "nobody's stream has ended"
    );
    assert_eq!(
        gateway.metric(r#"fantail_gaps_total{cause="upstream",route="php"}"#),
        0.0
    );
}

impl Php {
    fn upstream(&self, name: &str) -> String {
        format!("{name}{{upstream=\"http://127.0.0.1:{}\"}}", self.port)
    }
}

/// Reads every client up to this number, one by one; the newest number of all.
fn follow(clients: &mut [Client], places: &mut [u64], until: u64) -> u64 {
    for (client, place) in clients.iter_mut().zip(places.iter_mut()) {
        while *place < until {
            *place = tick(client, Some(*place));
        }
    }
    places.iter().copied().max().unwrap_or_default()
}

/// The number of the next event, which must be the one behind `last`.
#[track_caller]
fn tick(client: &mut Client, last: Option<u64>) -> u64 {
    let event = client.next_event();
    let id: u64 = event.id.as_deref().unwrap_or_default().parse().unwrap();
    assert_eq!(event.data, format!("tick {id}"));
    if let Some(last) = last {
        assert_eq!(id, last + 1);
    }
    id
}

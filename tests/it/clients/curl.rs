//! curl: the bytes themselves, and what a person resumes with.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, ChildStdout, Command, Stdio};

use super::Relay;
use crate::support::{Gateway, Upstream, eventually};

/// Longer than any of these tests takes: a line that never comes ends curl, and so the test.
const MAX_SECONDS: &str = "60";

/// Killed when it is dropped.
struct Curl {
    child: Child,
    lines: BufReader<ChildStdout>,
}

// === impl Curl ===

impl Curl {
    /// Asks for `target`, and has read what every stream begins with.
    #[track_caller]
    fn start(address: SocketAddr, target: &str, arguments: &[&str]) -> Self {
        let mut child = Command::new("curl")
            .args(["--silent", "--no-buffer", "--noproxy", "*"])
            .args(["--max-time", MAX_SECONDS])
            .args(["--header", "Accept: text/event-stream"])
            .args(arguments)
            .arg(format!("http://{address}{target}"))
            .stdout(Stdio::piped())
            .spawn()
            .expect("curl is installed: tests/run installs it");
        let lines = BufReader::new(child.stdout.take().unwrap());
        let mut curl = Self { child, lines };
        let retry = curl.line().unwrap();
        assert!(retry.starts_with("retry: "), "{retry}");
        assert_eq!(curl.line().as_deref(), Some(":\n"));
        curl
    }

    /// The next line; `None` = the end.
    fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        let read = self.lines.read_line(&mut line).unwrap();
        (read > 0).then_some(line)
    }

    /// The next event, whatever heartbeats come before it; nothing else may.
    #[track_caller]
    fn event(&mut self) -> String {
        let mut event = String::new();
        while !event.ends_with("\n\n") {
            let line = self.line().expect("another event before the end");
            if !event.is_empty() || line != ":\n" {
                assert_ne!(line, if event.is_empty() { "\n" } else { ":\n" });
                event.push_str(&line);
            }
        }
        event
    }

    /// Its exit code, when it ends by itself.
    fn ended(mut self) -> i32 {
        while self.line().is_some() {}
        self.child.wait().unwrap().code().unwrap()
    }
}

impl Drop for Curl {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[test]
#[ignore = "needs curl: tests/run runs it"]
fn curl_prints_each_event_when_it_comes_with_heartbeats_in_between() {
    let upstream = Upstream::live();
    let gateway = Gateway::route(&upstream, "heartbeat = \"100ms\"");
    let mut curl = Curl::start(gateway.address(), "/events", &[]);
    upstream.wait_for_streams(1);
    upstream.emit("id: a\nevent: tick\ndata: 1\ndata: 2\n\n");
    assert_eq!(curl.event(), "id: a\nevent: tick\ndata: 1\ndata: 2\n\n");
    for _ in 0..5 {
        assert_eq!(curl.line().as_deref(), Some(":\n"));
    }
    upstream.emit("data: 3\n\n");
    let event = curl.event();
    assert!(
        event.starts_with("id: ~") && event.ends_with("\ndata: 3\n\n"),
        "{event}"
    );
    drop(curl);
    let subscribers = "fantail_subscribers{protocol=\"h1\",route=\"events\"}";
    eventually("the gateway sees that it is gone", || {
        gateway.metric(subscribers) == 0.0
    });
}

#[test]
#[ignore = "needs curl: tests/run runs it"]
fn curl_resumes_after_a_cut_by_the_header_or_by_the_parameter_and_is_told_of_a_gap() {
    let upstream = Upstream::live();
    let gateway = Gateway::route(&upstream, "");
    let relay = Relay::to(gateway.address());
    let address = relay.address();
    for (by_reset, code) in [(true, 56), (false, 0)] {
        let mut curl = Curl::start(address, "/events", &[]);
        upstream.wait_for_streams(1);
        upstream.emit(&format!("id: last-{by_reset}\ndata: x\n\n"));
        curl.event();
        relay.cut(by_reset);
        assert_eq!(curl.ended(), code);
        upstream.emit("id: next\ndata: missed\n\n");
        let parameter = format!("/events?lastEventId=last-{by_reset}");
        let header = format!("Last-Event-ID: last-{by_reset}");
        let ways = [
            ("/events", vec!["--header", &*header]),
            (&*parameter, vec![]),
        ];
        for (target, arguments) in ways {
            let event = Curl::start(address, target, &arguments).event();
            assert!(event.ends_with("\ndata: missed\n\n"), "{event}");
        }
    }
    let mut lost = Curl::start(
        address,
        "/events",
        &["--header", "Last-Event-ID: never-said"],
    );
    let gap = lost.event();
    let told = "event: fantail.gap\ndata: {\"missed\":null,\"reason\":\"unknown_id\"}\n\n";
    assert!(gap.ends_with(told), "{gap}");
    // And then what is left.
    assert_eq!(lost.event(), "id: last-true\ndata: x\n\n");
}

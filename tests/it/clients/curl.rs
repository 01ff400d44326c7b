//! curl: the bytes themselves, and what a person resumes with.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, ChildStdout, Command, Stdio};

use rstest::rstest;

use super::Relay;
use crate::support::{Gateway, Upstream, Way, eventually, way};

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
            // By TLS or not; the tests' authority is nobody's.
            .arg("--insecure")
            .arg(format!("{}{target}", way::origin(address)))
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

/// How curl is told to come so.
fn version(way: Way) -> &'static str {
    match way {
        Way::Plain | Way::Tls => "--http1.1",
        Way::H2 => "--http2",
    }
}

#[rstest]
#[ignore = "needs curl: tests/run runs it"]
fn curl_prints_each_event_when_it_comes_with_heartbeats_in_between(
    #[values(Way::Plain, Way::Tls, Way::H2)] way: Way,
) {
    let upstream = Upstream::live();
    let gateway = way.route(&upstream, "heartbeat = \"100ms\"");
    let mut curl = Curl::start(gateway.address(), "/events", &[version(way)]);
    assert_eq!(gateway.metric(way.subscribers()), 1.0);
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
    eventually("the gateway sees that it is gone", || {
        gateway.metric(way.subscribers()) == 0.0
    });
}

/// A 413 comes before the upload is over, and curl shows it and is content.
#[rstest]
#[ignore = "needs curl: tests/run runs it"]
fn curl_is_told_by_http2_that_its_upload_is_too_large(
    #[values("", "Transfer-Encoding: chunked")] framing: &str,
) {
    let upstream = Upstream::start(|exchange| drop(exchange.rest()));
    let route = "[[route]]\npath = \"/{rest*}\"\nupstream = \"{upstream}\"\n\
                 [limits]\nbody_bytes = \"100KiB\"\n";
    let gateway = Way::H2.start(route, &upstream);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("large");
    std::fs::write(&file, vec![b'x'; 8 << 20]).unwrap();
    let output = Command::new("curl")
        .args(["--silent", "--noproxy", "*", "--insecure", "--http2"])
        .args(["--max-time", MAX_SECONDS, "--header", framing])
        .args(["--write-out", "%{http_version} %{http_code}", "--output"])
        .arg(folder.path().join("answer"))
        .arg("--data-binary")
        .arg(format!("@{}", file.display()))
        .arg(format!("{}/up", gateway.url()))
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert_eq!(told, "2 413", "{output:?}");
    assert_eq!(output.status.code(), Some(0), "{output:?}");
}

#[test]
#[ignore = "needs curl: tests/run runs it"]
fn curl_with_prior_knowledge_reads_a_stream_where_h2c_is_on_and_is_refused_where_it_is_not() {
    const KNOWN: &str = "--http2-prior-knowledge";
    let upstream = Upstream::live();
    let server = "[server]\nlisten = [\"127.0.0.1:0\"]\nh2c = true\n[[route]]\nname = \"events\"\n\
                  path = \"/events\"\nupstream = \"{upstream}\"\n";
    let gateway = Gateway::start(server, &upstream);
    let mut curl = Curl::start(gateway.address(), "/events", &[KNOWN]);
    let mut other = Curl::start(gateway.address(), "/events", &["--http1.1"]);
    upstream.wait_for_streams(1);
    upstream.emit("id: 1\ndata: x\n\n");
    assert_eq!(curl.event(), "id: 1\ndata: x\n\n");
    assert_eq!(other.event(), "id: 1\ndata: x\n\n");
    for way in [Way::H2, Way::Plain] {
        assert_eq!(gateway.metric(way.subscribers()), 1.0);
    }
    let gateway = Gateway::route(&upstream, "");
    let refused = Command::new("curl")
        .args([
            "--silent",
            "--noproxy",
            "*",
            "--max-time",
            MAX_SECONDS,
            KNOWN,
        ])
        .arg(format!("{}/events", gateway.url()))
        .output()
        .unwrap();
    assert!(!refused.status.success(), "{refused:?}");
    let bad = "fantail_rejects_total{listener=\"127.0.0.1:0\",reason=\"bad_request\"}";
    assert!(gateway.metric(bad) >= 1.0);
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

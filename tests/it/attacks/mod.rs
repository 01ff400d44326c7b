//! Malformed and odd requests, byte by byte (`trust.md` 3.C): each gets its documented answer or a
//! clean close, nothing panics or hangs, and the upstream sees what Fantail wrote and nothing else.

mod churn;
mod framing;
mod heads;
mod lines;
mod silence;
mod table;
mod targets;
mod words;

use std::sync::{Arc, Mutex};

use crate::support::{Client, Gateway, Get, STREAM_HEAD, Upstream, eventually};
use table::{Expect, Row};

const ROUTES: &str = r#"
[[route]]
path = "/s/{name}"
mode = "sse"
upstream = "{upstream}/s/{name}"
query = ["lang"]
headers = ["x-tenant"]
linger = "10ms"

[[route]]
path = "/only/{name}"
mode = "sse"
upstream = "{upstream}/only/{name}"

[[route]]
path = "/open/{rest*}"
upstream = "{upstream}/open/{rest*}"
query = ["*"]
linger = "10ms"
"#;

/// What Fantail may say to a shared upstream, the route's declared header included.
const SAID: [&str; 8] = [
    "host",
    "accept",
    "accept-encoding",
    "cache-control",
    "connection",
    "user-agent",
    "last-event-id",
    "x-tenant",
];

/// Streams for ever, and notes what comes behind a request.
fn recording() -> (Upstream, Arc<Mutex<Vec<u8>>>) {
    let behind = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&behind);
    let upstream = Upstream::start(move |mut exchange| {
        exchange.send(STREAM_HEAD);
        let rest = exchange.rest();
        noted.lock().unwrap().extend(rest);
    });
    (upstream, behind)
}

#[test]
fn every_odd_request_gets_its_answer_and_harms_nobody() {
    let (upstream, behind) = recording();
    let gateway = Gateway::start(ROUTES, &upstream);
    let rows = table::all();
    assert!(rows.len() >= 100, "only {} rows", rows.len());
    let wrong: Vec<String> = rows.iter().filter_map(|row| play(&gateway, row)).collect();
    assert!(
        wrong.is_empty(),
        "{} rows:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert_eq!(
        gateway.metric(r#"fantail_panics_total{part="runtime"}"#),
        0.0
    );
    assert_eq!(gateway.metric(r#"fantail_panics_total{part="shard"}"#), 0.0);

    eventually("every odd client's place is free", || {
        gateway.app().connections() == 0
    });
    upstream.emit("data: for nobody\n\n");
    judge_requests(&upstream.requests());
    drop(gateway);
    eventually("the upstream's connections are closed", || {
        upstream.open() == 0
    });
    assert_eq!(
        *behind.lock().unwrap(),
        b"",
        "something came behind a request"
    );
}

#[test]
fn after_every_odd_request_an_ordinary_client_is_served() {
    let upstream = Upstream::live();
    let gateway = Gateway::start(ROUTES, &upstream);
    let mut bystander = Get::new("/only/a").stream(gateway.address());
    upstream.wait_for_streams(1);
    for row in table::all() {
        Client::raw(gateway.address()).send(&row.bytes);
    }
    upstream.emit("data: still there\n\n");
    assert_eq!(bystander.next_event().data, "still there");
    let mut newcomer = Get::new("/only/a").stream(gateway.address());
    assert_eq!(newcomer.status, 200);
    upstream.emit("data: and new\n\n");
    assert_eq!(newcomer.next_event().data, "and new");
}

/// What is wrong with the answer to a row, if anything is.
fn play(gateway: &Gateway, row: &Row) -> Option<String> {
    let mut client = Client::raw(gateway.address());
    client.send(&row.bytes);
    let fault = match row.expect {
        Expect::Status(status) => refused(&mut client, status),
        Expect::Closed => client
            .try_status()
            .map(|status| format!("{status}, not closed")),
        Expect::Stream => streams(&mut client).err(),
        Expect::Gap => streams(&mut client).err().or_else(|| {
            let event = client.next_event();
            (event.name != "fantail.gap").then(|| format!("no gap but {event:?}"))
        }),
    };
    fault.map(|fault| format!("{}: {fault}", row.name))
}

fn refused(client: &mut Client, expected: u16) -> Option<String> {
    let status = client.try_status();
    if status != Some(expected) {
        return Some(format!("{status:?}, not {expected}\n{}", client.head));
    }
    if matches!(expected, 400 | 421 | 431) {
        drop(client.body());
        if !client.is_ended() {
            return Some("the connection is still open".to_owned());
        }
    }
    None
}

fn streams(client: &mut Client) -> Result<(), String> {
    let status = client.try_status();
    if status != Some(200) || client.header("content-type") != Some("text/event-stream") {
        return Err(format!("{status:?}, not a stream\n{}", client.head));
    }
    match client.line() {
        Some(line) if line.starts_with("retry: ") => Ok(()),
        other => Err(format!("begins with {other:?}")),
    }
}

fn judge_requests(heads: &[String]) {
    assert!(!heads.is_empty());
    for head in heads {
        assert!(!head.contains("muggled"), "smuggled: {head}");
        assert!(
            head.starts_with("GET /") && head.contains(" HTTP/1.1\r\n"),
            "{head}"
        );
        for line in head.lines().skip(1).filter(|line| !line.is_empty()) {
            let name = line.split(':').next().unwrap_or_default();
            assert!(
                SAID.contains(&name.to_ascii_lowercase().as_str()),
                "undeclared {line} in {head}"
            );
        }
    }
}

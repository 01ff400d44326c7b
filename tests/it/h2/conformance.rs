//! B8: each row of the table, against a connection that streams, while another one is served.

use std::time::Duration;

use fantail::clock;

use super::table::{self, Expect, Row};
use super::{Stage, toml};
use crate::support::h2::{
    NO_ERROR, PING, PREFACE, PROTOCOL_ERROR, REFUSED_STREAM, frame, reset, settings,
};
use crate::support::{Client, H2, Upstream, Way, eventually, patience};

const SITE: &str =
    "[[route]]\npath = \"/site\"\nmode = \"proxy\"\nupstream = \"{upstream}/site\"\n";

#[test]
fn every_breach_of_the_protocol_ends_what_it_must_and_nothing_else() {
    let stage = Stage::before(Upstream::live(), Way::Plain, &toml("", SITE));
    let mut other = stage.connect();
    let stream = other.subscribed("/events/a");
    stage.upstream.wait_for_streams(1);
    let rows = table::all();
    assert!(rows.len() >= 80, "only {} rows", rows.len());
    let mut wrong = Vec::new();
    for (number, row) in rows.iter().enumerate() {
        wrong.extend(play(&stage, row).map(|fault| format!("{}: {fault}", row.name)));
        stage.upstream.emit(&format!("data: {number}\n\n"));
        let seen = other.data(stream, number + 1);
        assert_eq!(seen[number], number.to_string(), "after {}", row.name);
    }
    assert!(
        wrong.is_empty(),
        "{} rows:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    stage.assert_sound(1);
    assert!(stage.glitches("protocol") > 0.0);
    assert_eq!(stage.glitches("inbound") + stage.glitches("reset"), 0.0);
}

/// What is wrong with what becomes of a row, if anything is.
fn play(stage: &Stage, row: &Row) -> Option<String> {
    let mut h2 = stage.connect();
    assert_eq!(h2.subscribed("/events/a"), 1);
    h2.send(&row.bytes);
    match row.expect {
        Expect::Connection(code) => return ended(&mut h2, code),
        Expect::Stream(code) => {
            wait(&mut h2, |h2| h2.answer(3).reset.is_some());
            if h2.answer(3).reset != Some(code) {
                return Some(format!("{:?}, {:?}", h2.answer(3), h2.goaway));
            }
        }
        Expect::Refused(status) => {
            wait(&mut h2, |h2| h2.answer(3).status.is_some());
            if h2.answer(3).status != Some(status) {
                return Some(format!("{:?}, {:?}", h2.answer(3), h2.goaway));
            }
        }
        Expect::Fine => {}
    }
    lives(&mut h2)
}

/// Reads on until the condition holds, or nothing comes any more: what has come is judged then.
fn wait(h2: &mut H2, condition: impl Fn(&H2) -> bool) {
    let deadline = clock::now() + patience();
    while !condition(h2) && !h2.is_ended() && h2.goaway.is_none() && clock::now() < deadline {
        h2.pump(Duration::from_millis(50));
    }
}

fn ended(h2: &mut H2, code: u32) -> Option<String> {
    wait(h2, |h2| h2.answers().any(|answer| answer.reset.is_some()));
    let said = h2.goaway.map(|(_, code)| code);
    // The code for whatever has none of its own is right in any case.
    if said != Some(code) && said != Some(PROTOCOL_ERROR) {
        return Some(format!("GOAWAY {said:?}, {:?}", h2.answer(3)));
    }
    h2.wait_for_end();
    None
}

/// The connection answers, and its first stream goes on.
fn lives(h2: &mut H2) -> Option<String> {
    h2.send(frame(PING, 0, 0, &[5; 8]));
    wait(h2, |h2| h2.acknowledged.1 > 0);
    let first = h2.answer(1);
    let is_well = h2.goaway.is_none() && !first.is_over && first.reset.is_none();
    (!is_well).then(|| format!("{:?}, {first:?}", h2.goaway))
}

#[test]
fn a_stream_beyond_the_limit_is_refused_and_can_be_asked_for_again() {
    let stage = Stage::new("h2_streams = 3", "");
    let mut h2 = stage.connect();
    let streams: Vec<u32> = (0..3).map(|_| h2.subscribed("/events/a")).collect();
    let beyond = h2.subscribe("/events/a");
    assert_eq!(h2.status(beyond), None);
    assert_eq!(h2.answer(beyond).reset, Some(REFUSED_STREAM));
    h2.send(reset(streams[0], 8));
    eventually("its place is free", || stage.ended("client") == 1.0);
    h2.subscribed("/events/a");
    assert_eq!(h2.goaway, None);
}

#[test]
fn what_is_no_preface_is_http_1_and_gets_its_answer() {
    let stage = Stage::new("", "");
    for bytes in [
        &b"PRI * HTTP/2.0\r\n\r\nSX\r\n\r\n"[..],
        b"PRI / HTTP/1.1\r\nHost: x\r\n\r\n",
    ] {
        let mut client = Client::raw(stage.gateway.address());
        client.send(bytes);
        let status = client.try_status();
        assert!(matches!(status, Some(400 | 404 | 405) | None), "{status:?}");
    }
    assert_eq!(stage.glitches("protocol"), 0.0);
    stage.assert_sound(0);
}

#[test]
fn a_connection_that_does_not_begin_as_http_2_does_ends() {
    let stage = Stage::by(Way::Tls, "", "");
    let mut h2 = H2::raw(stage.gateway.address());
    h2.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    h2.wait_for_end();
    stage.assert_sound(0);
}

#[test]
fn a_goodbye_of_the_client_lets_its_streams_go_on() {
    let stage = Stage::new("", "");
    let mut h2 = stage.connect();
    let stream = h2.subscribed("/events/a");
    h2.send(frame(7, 0, 0, &[0; 8]));
    stage.upstream.wait_for_streams(1);
    stage.upstream.emit("data: x\n\n");
    assert_eq!(h2.data(stream, 1), ["x"]);
    h2.send(reset(stream, 8));
    h2.expect_goaway(NO_ERROR);
    stage.assert_sound(0);
}

#[test]
fn an_upgrade_to_http_2_is_passed_over() {
    let stage = Stage::new("", "");
    let mut client = Client::raw(stage.gateway.address());
    let payload = settings(&[]);
    client.send(
        "GET /events/a HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\nConnection: Upgrade, \
         HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n",
    );
    client.send([PREFACE, &payload].concat());
    client.read_head();
    assert_eq!(client.status, 200);
    assert!(client.head.starts_with("HTTP/1.1 200"), "{}", client.head);
    stage.upstream.wait_for_streams(1);
    stage.upstream.emit("data: x\n\n");
    assert_eq!(client.next_event().data, "x");
    let head = stage.upstream.requests()[0].to_lowercase();
    assert!(!head.contains("h2c") && !head.contains("http2"), "{head}");
}

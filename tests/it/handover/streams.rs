//! What becomes of the streams of the old process.

use std::time::Duration;

use rustix::process::Signal;

use super::{PORTS, config, launch};
use crate::support::{Client, Get, Process, STREAM_HEAD, Upstream, signal_to, wait_for_end};

fn subscribe(program: &Process) -> Client {
    Get::new("/events").stream(program.address())
}

/// Reads a stream to its end: the last id, and that the client is told to come back.
#[track_caller]
fn last_id(client: &mut Client) -> String {
    client.retry = None;
    let last = client.rest().pop().expect("an event");
    let retry = client.retry.expect("a retry before the end");
    assert!((5000..=60_000).contains(&retry), "{retry}");
    last.id.unwrap()
}

#[test]
fn streams_end_one_by_one_and_come_back_to_be_told_of_the_gap() {
    const STREAMS: usize = 10;
    let upstream = Upstream::live();
    let mut program = launch(&config(&upstream, PORTS));
    let mut clients: Vec<Client> = (0..STREAMS).map(|_| subscribe(&program)).collect();
    upstream.wait_for_streams(1);
    upstream.emit("data: before\n\n");
    let (old, begin) = (program.id(), fantail::clock::now());
    program.restart();
    // What the upstream says while the old process drains is for both.
    let mut new = subscribe(&program);
    upstream.wait_for_streams(2);
    upstream.emit("data: meanwhile\n\n");
    assert_eq!(new.next_event().data, "meanwhile");
    for client in &mut clients {
        let id = last_id(client);
        let mut back = Get::new("/events").after(&id).stream(program.address());
        let gap = back.next_event();
        assert_eq!(gap.name, "fantail.gap");
        assert_eq!(gap.data, "{\"missed\":null,\"reason\":\"epoch\"}");
        assert_eq!(back.next_event().data, "meanwhile");
    }
    wait_for_end(old);
    assert!(begin.elapsed() > Duration::from_millis(500), "all at once");
    assert!(program.exit().success());
    let ended = program.count("a stream ended");
    assert!(ended >= STREAMS, "{ended}");
}

#[test]
fn a_place_that_the_upstream_tells_again_is_found_again() {
    let upstream = Upstream::start(|mut exchange| {
        exchange.send(STREAM_HEAD);
        exchange.send("id: a\ndata: 1\n\nid: b\ndata: 2\n\nid: c\ndata: 3\n\n");
        exchange.stream();
    });
    let mut program = launch(&config(&upstream, PORTS));
    let mut client = subscribe(&program);
    assert_eq!(client.data(2), ["1", "2"]);
    program.restart();
    let mut new = subscribe(&program);
    assert_eq!(new.data(3), ["1", "2", "3"]);
    let mut back = Get::new("/events").after("b").stream(program.address());
    assert_eq!(back.next_event().data, "3");
}

#[test]
fn a_signal_to_an_old_process_leaves_its_streams_their_time_and_a_second_one_does_not() {
    let upstream = Upstream::live();
    let text = config(&upstream, PORTS).replace("drain = \"1s\"", "drain = \"1h\"");
    let mut program = launch(&text);
    let mut client = subscribe(&program);
    let old = program.id();
    program.restart();
    signal_to(old, Signal::TERM);
    program.logs("draining already");
    upstream.emit("data: still there\n\n");
    assert_eq!(client.next_event().data, "still there");
    signal_to(old, Signal::USR2);
    program.logs("this process is ending already");
    signal_to(old, Signal::TERM);
    client.expect_end();
    assert!(program.exit().success());
    assert_eq!(subscribe(&program).status, 200);
}

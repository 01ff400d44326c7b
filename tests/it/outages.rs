//! An upstream that breaks, dies and comes back, and the clients that stay.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::support::{Client, Exchange, Gateway, Get, STREAM_HEAD, Upstream, eventually, patience};

#[test]
fn a_backend_that_is_killed_and_started_again_disconnects_nobody() {
    let upstream = Upstream::live();
    let gateway = Gateway::route(&upstream, "");
    let mut clients: Vec<Client> = (0..20).map(|_| gateway.subscribe()).collect();
    upstream.wait_for_streams(1);
    upstream.emit("id: 1\ndata: 1\n\n");
    for client in &mut clients {
        assert_eq!(client.data(1), ["1"]);
    }
    upstream.kill();
    eventually("the trouble is seen", || {
        gateway.topics()[0]["feed"] == "backoff"
    });
    clients[0].expect_quiet(Duration::from_millis(100));
    upstream.revive();
    upstream.wait_for_streams(1);
    let requests = upstream.requests();
    assert!(
        requests.last().unwrap().contains("Last-Event-Id: 1\r\n"),
        "{requests:?}"
    );
    // The first event is the one that was the last: nothing has been lost in between.
    upstream.emit("id: 1\ndata: 1\n\nid: 2\ndata: 2\n\n");
    for client in &mut clients {
        assert_eq!(client.data(1), ["2"]);
    }
    assert!(patience() > Duration::ZERO);
}

#[test]
fn half_an_event_at_a_cut_is_never_glued_to_the_next_connections_bytes() {
    let may_cut = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&may_cut);
    let upstream = Upstream::start(move |mut exchange: Exchange| {
        if exchange.number == 0 {
            assert_eq!(exchange.header("accept"), Some("text/event-stream"));
            exchange
                .send(STREAM_HEAD.replace("\r\n\r\n", "\r\nTransfer-Encoding: chunked\r\n\r\n"));
            exchange.send_chunk("id: 1\ndata: 1\n\nid: 2\ndata: ha");
            exchange.wait(&flag);
            return exchange.reset();
        }
        exchange.send(format!("{STREAM_HEAD}lf\n\nid: 2\ndata: whole\n\n"));
        exchange.hold();
    });
    let gateway = Gateway::route(&upstream, "");
    let mut client = gateway.subscribe();
    assert_eq!(client.data(1), ["1"]);
    may_cut.store(true, Ordering::SeqCst);
    let next = client.next_event();
    let next = if next.name == "fantail.gap" {
        client.next_event()
    } else {
        next
    };
    assert_eq!((next.id.as_deref(), &*next.data), (Some("2"), "whole"));
}

#[test]
fn a_stream_that_ends_cleanly_is_opened_again_and_nobody_sees_it() {
    let upstream = Upstream::live();
    let gateway = Gateway::route(&upstream, "poll_interval = \"500ms\"");
    let mut client = gateway.subscribe();
    for number in ["1", "2", "3"] {
        upstream.wait_for_streams(1);
        upstream.emit(&format!("data: {number}\n\n"));
        assert_eq!(client.data(1), [number]);
        upstream.end_streams();
    }
}

#[test]
fn an_address_that_has_its_connections_is_sent_away_and_others_are_not() {
    let upstream = Upstream::live();
    let limits = "\n[limits]\nconnections_per_address = 2";
    let gateway = Gateway::route(&upstream, limits);
    let from = |source: &str| {
        let mut client = Get::new("/events").from(source).stream(gateway.address());
        client.line();
        client
    };
    let _held = (from("127.0.0.2"), from("127.0.0.2"));
    let mut third = from("127.0.0.2");
    third.expect_end();
    let mut other = from("127.0.0.3");
    upstream.wait_for_streams(1);
    upstream.emit("data: 1\n\n");
    assert_eq!(other.data(1), ["1"]);
}

//! Odd, and right all the same: bodies in the smallest pieces; and a flood that others live beside.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use fantail::clock;

use super::{Bystander, errors, faulty, gateway};
use crate::support::{Exchange, Get, STREAM_HEAD, Upstream};

const CHUNKED: &str =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
const EVENTS: &str = ":\r\n\r\nid: 1\r\ndata: one\r\n\r\nid: 2\r\ndata: ü\r\n\r\n";
/// What a shared machine of two cores adds to a latency now and then.
const SLACK: Duration = Duration::from_millis(25);
const ROUNDS: usize = 2000;

/// Both events come once and right, the feed stays, others are served, and nothing is an error.
#[track_caller]
fn assert_right(what: &str, script: fn(&mut Exchange)) {
    let upstream = faulty(move |mut exchange| {
        script(&mut exchange);
        exchange.hold();
    });
    let gateway = gateway(&upstream, "");
    let mut bystander = Bystander::of(&gateway, &upstream);
    let mut client = Get::new("/faulty").stream(gateway.address());
    bystander.assert_served(&upstream);
    let events = [client.next_event(), client.next_event()];
    let events = events.map(|event| (event.id.unwrap(), event.data));
    let expected = [("1", "one"), ("2", "ü")].map(|(id, data)| (id.to_owned(), data.to_owned()));
    assert_eq!(events, expected, "{what}");
    client.expect_quiet(Duration::from_millis(20));
    for reason in ["eof", "reset", "silence", "timeout"] {
        assert_eq!(errors(&gateway, &upstream, reason), 0.0, "{what}: {reason}");
    }
    assert_eq!(upstream.requests().len(), 2, "{what}: one of each");
    bystander.assert_served(&upstream);
}

#[test]
fn a_body_in_the_smallest_pieces_is_read_as_a_whole() {
    assert_right("byte by byte", |exchange| {
        // The head has a timeout as a whole.
        for byte in STREAM_HEAD.bytes() {
            exchange.send([byte]);
        }
        for byte in EVENTS.bytes() {
            exchange.send([byte]);
            exchange.rest_for(Duration::from_millis(1));
        }
    });
    assert_right("chunks of one byte, byte by byte", |exchange| {
        exchange.send(CHUNKED);
        for byte in EVENTS.bytes() {
            for piece in [&b"00001\r\n"[..], &[byte], b"\r\n"] {
                exchange.send(piece);
                exchange.rest_for(Duration::from_millis(1));
            }
        }
    });
    assert_right("100 chunks with extensions", |exchange| {
        exchange.send(CHUNKED);
        for (number, byte) in EVENTS.bytes().enumerate() {
            exchange.send(format!("1;ext{number}=\"a;b\";x\r\n"));
            exchange.send([byte]);
            exchange.send("\r\n");
        }
        for _ in 0..50 {
            exchange.send("1;\r\n:\r\n1\r\n\n\r\n");
        }
    });
}

/// The latencies of another topic's events, from the backend to a client, in order of size.
fn latencies(bystander: &mut Bystander, upstream: &Upstream) -> Vec<Duration> {
    let mut times: Vec<Duration> = (0..ROUNDS)
        .map(|_| {
            let begin = clock::now();
            bystander.assert_served(upstream);
            clock::now() - begin
        })
        .collect();
    times.sort_unstable();
    times
}

#[test]
fn beside_a_flood_another_topics_events_take_hardly_longer() {
    let (may_flood, is_over) = (Arc::default(), Arc::<AtomicBool>::default());
    let (flag, over): (Arc<AtomicBool>, _) = (Arc::clone(&may_flood), Arc::clone(&is_over));
    let upstream = faulty(move |mut exchange| {
        exchange.send(STREAM_HEAD);
        exchange.wait(&flag);
        let many = format!("data: {}\n\n", "x".repeat(90)).repeat(500);
        while !over.load(Ordering::SeqCst) && exchange.pour(many.as_bytes(), 1 << 20) > 0 {}
        exchange.hold();
    });
    let gateway = gateway(&upstream, "");
    let mut bystander = Bystander::of(&gateway, &upstream);
    // A client that does not read is the worst that a flood can have.
    let _client = Get::new("/faulty").stream(gateway.address());
    let quiet = latencies(&mut bystander, &upstream);
    may_flood.store(true, Ordering::SeqCst);
    let received = "fantail_events_received_total{route=\"faulty\"}";
    crate::support::eventually("it floods", || gateway.metric(received) > 10_000.0);
    let flooded = latencies(&mut bystander, &upstream);
    let during = gateway.metric(received);
    is_over.store(true, Ordering::SeqCst);
    for (name, at) in [("p50", ROUNDS / 2), ("p99", ROUNDS / 100 * 99)] {
        assert!(
            flooded[at] <= 2 * quiet[at] + SLACK,
            "{name}: {:?} instead of {:?}",
            flooded[at],
            quiet[at]
        );
    }
    assert!(during > 20_000.0, "it went on meanwhile: {during}");
    let kept = gateway.metric("fantail_buffered_bytes{kind=\"log\"}");
    assert!(
        kept < f64::from(16 << 20),
        "the log stays within its bound: {kept}"
    );
}

//! Bodies that break off, never end, or come too fast.

use std::time::Duration;

use super::{Bystander, assert_counted, faulty, gateway};
use crate::support::{Exchange, Gateway, Get, STREAM_HEAD, Upstream, with_length};

/// One whole event, half of a second one, and then as `script` says; the next response is sound.
#[track_caller]
fn assert_half_is_discarded(head: &'static str, cut: fn(Exchange), reason: &str) {
    let upstream = faulty(move |mut exchange| {
        let begin = if exchange.header("last-event-id") == Some("1") {
            exchange.send(STREAM_HEAD);
            exchange.send("id: 2\ndata: two\n\n");
            return exchange.hold();
        } else {
            "id: 1\ndata: one\n\nid: 2\ndata: tw"
        };
        if head.contains("chunked") {
            exchange.send(head);
            exchange.send_chunk(begin);
        } else {
            exchange.send(format!("{head}{begin}"));
        }
        cut(exchange);
    });
    let gateway = gateway(&upstream, "");
    let mut bystander = Bystander::of(&gateway, &upstream);
    let mut client = Get::new("/faulty").stream(gateway.address());
    assert_eq!(client.data(2), ["one", "two"], "never `tw`, never twice");
    assert_counted(&gateway, &upstream, reason);
    bystander.assert_served(&upstream);
}

#[test]
fn a_half_event_is_discarded_however_the_body_breaks() {
    const CHUNKED: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\
                           Transfer-Encoding: chunked\r\n\r\n";
    const LONG: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\
                        Content-Length: 999\r\n\r\n";
    assert_half_is_discarded(LONG, drop, "eof");
    assert_half_is_discarded(CHUNKED, drop, "eof");
    assert_half_is_discarded(CHUNKED, |mut exchange| exchange.send("zz\r\n"), "reset");
}

#[test]
fn an_endless_line_costs_a_bounded_memory_and_ends_the_connection() {
    const MEBIBYTE: usize = 1 << 20;
    let upstream = faulty(|mut exchange| {
        exchange.send(STREAM_HEAD);
        exchange.send("data: ");
        let piece = vec![b'x'; MEBIBYTE];
        for _ in 0..80 {
            exchange.send(&piece);
        }
    });
    let gateway = gateway(&upstream, "");
    let mut bystander = Bystander::of(&gateway, &upstream);
    let before = resident(&gateway);
    let client = Get::new("/faulty").stream(gateway.address());
    assert_counted(&gateway, &upstream, "line_too_long");
    let grown = resident(&gateway) - before;
    assert!(grown < 32.0 * MEBIBYTE as f64, "{grown} bytes more");
    assert_eq!(client.status, 200);
    bystander.assert_served(&upstream);
}

fn resident(gateway: &Gateway) -> f64 {
    gateway.metric("process_resident_memory_bytes")
}

#[test]
fn a_flood_starves_nobody_and_whoever_falls_behind_is_told() {
    let upstream = faulty(|mut exchange| {
        exchange.send(STREAM_HEAD);
        let many = format!("data: {}\n\n", "x".repeat(90)).repeat(2000);
        for _ in 0..100 {
            exchange.send(&many);
        }
        exchange.hold();
    });
    let gateway = gateway(&upstream, "");
    let mut bystander = Bystander::of(&gateway, &upstream);
    let mut client = Get::new("/faulty").stream(gateway.address());
    for _ in 0..20 {
        bystander.assert_served(&upstream);
    }
    let (mut seen, mut missed) = (0_u64, 0_u64);
    while seen + missed < 200_000 {
        let event = client.next_event();
        if event.name == "fantail.gap" {
            let gap: serde_json::Value = serde_json::from_str(&event.data).unwrap();
            missed += gap["missed"].as_u64().expect("the exact size");
        } else {
            seen += 1;
        }
    }
    assert_eq!(seen + missed, 200_000);
    client.expect_quiet(Duration::from_millis(50));
}

#[test]
fn a_silent_upstream_is_asked_again_where_the_route_says_so() {
    let upstream = Upstream::start(|mut exchange| {
        exchange.send(STREAM_HEAD);
        if exchange.number == 0 {
            exchange.send("id: 1\ndata: one\n\nid: 2\ndata: tw");
        } else {
            exchange.send("id: 2\ndata: two\n\n");
        }
        exchange.hold();
    });
    let gateway = Gateway::route(&upstream, "timeouts = { silence = \"300ms\" }");
    let mut client = gateway.subscribe();
    assert_eq!(client.data(2), ["one", "two"]);
    assert_counted(&gateway, &upstream, "silence");
}

#[test]
fn a_retry_of_zero_or_of_ages_is_kept_within_bounds_and_to_ourselves() {
    let polled = |retry: &'static str| {
        Upstream::polled(move |number| with_length(&format!("retry: {retry}\ndata: {number}\n\n")))
    };
    let upstream = polled("0");
    let gateway = Gateway::route(&upstream, "");
    let mut client = gateway.subscribe();
    let begin = fantail::clock::now();
    assert_eq!(client.data(3), ["0", "1", "2"]);
    assert!(
        fantail::clock::now() - begin >= Duration::from_millis(900),
        "two floors of 500 ms"
    );
    let retry = client.retry.expect("our own");
    assert!((1_000..=60_000).contains(&retry), "{retry}");

    let upstream = polled("1000000000000");
    let gateway = Gateway::route(&upstream, "");
    let mut client = gateway.subscribe();
    assert_eq!(client.data(1), ["0"]);
    client.expect_quiet(Duration::from_millis(50));
    assert!(client.retry.is_some_and(|retry| retry <= 60_000));
}

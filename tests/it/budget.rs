//! What an upstream host is spared: its worker budget, and feeds that are replaced in time.

use crate::support::{Gateway, Get, STREAM_HEAD, Upstream, eventually};

const EVENTS: usize = 200;

/// Emits event after event, each once the last has arrived, until `feeds` have been asked for.
fn emit_over_rotations(upstream: &Upstream, gateway: &Gateway, frame: impl Fn(usize) -> String) {
    let mut client = gateway.subscribe();
    upstream.wait_for_streams(1);
    let mut expected = 0;
    let asked = || upstream.requests().len();
    while expected < EVENTS || asked() < 5 {
        expected += 1;
        upstream.emit(&frame(expected));
        let event = client.next_event();
        assert_eq!(
            (event.name.as_str(), event.data),
            ("", expected.to_string())
        );
        assert!(expected < 100_000, "{} feeds were opened", asked());
    }
    assert!(gateway.metric("fantail_gaps_total{cause=\"upstream\",route=\"events\"}") < 0.5);
    eventually("the old feeds are closed", || upstream.open() <= 2);
}

#[test]
fn a_feed_is_replaced_before_it_is_closed_and_no_event_is_lost_or_doubled() {
    let upstream = Upstream::live();
    let gateway = Gateway::route(&upstream, "upstream_max_age = \"100ms\"");
    emit_over_rotations(&upstream, &gateway, |n| format!("id: {n}\ndata: {n}\n\n"));
    let requests = upstream.requests();
    assert!(!requests[0].contains("Last-Event-Id") && requests[2].contains("Last-Event-Id: "));
}

#[test]
fn feeds_of_a_backend_without_ids_change_over_at_the_same_event() {
    let upstream = Upstream::live();
    let gateway = Gateway::route(&upstream, "upstream_max_age = \"100ms\"");
    emit_over_rotations(&upstream, &gateway, |n| format!("data: {n}\n\n"));
}

#[test]
fn a_feed_that_a_successor_can_not_be_had_for_goes_on() {
    let upstream = Upstream::start(|mut exchange| {
        if exchange.number == 0 {
            exchange.send(STREAM_HEAD);
            exchange.stream();
        } else {
            exchange.send("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n");
        }
    });
    let gateway = Gateway::route(&upstream, "upstream_max_age = \"100ms\"");
    let mut client = gateway.subscribe();
    upstream.wait_for_streams(1);
    eventually("a successor has been asked for", || {
        upstream.requests().len() > 2
    });
    upstream.emit("data: still here\n\n");
    assert_eq!(client.data(1), ["still here"]);
}

const SITE: &str = "[limits]\nmax_upstreams = 2\n\n[[route]]\nname = \"r\"\npath = \"/{rest*}\"\n\
                    upstream = \"{upstream}\"\nlinger = \"1ms\"\n";
const WAITING: &str = "fantail_topics_waiting{cause=\"max_upstreams\"}";

#[test]
fn topics_beyond_the_worker_budget_wait_in_turn_and_are_seen_to_wait() {
    let upstream = Upstream::live();
    let gateway = Gateway::start(SITE, &upstream);
    let open = |path: &str| Get::new(path).stream(gateway.address());
    let first = open("/a");
    let _second = open("/b");
    upstream.wait_for_streams(2);
    // It waits, and its client with it: a 200, heartbeats, and no error.
    let mut third = open("/c");
    assert!((gateway.metric(WAITING) - 1.0).abs() < 0.1);
    assert_eq!(upstream.requests().len(), 2);
    drop(first);
    eventually("the third has its turn", || {
        upstream.requests().len() == 3 && upstream.open() == 2
    });
    upstream.emit("data: x\n\n");
    assert_eq!(third.data(1), ["x"]);
    assert!(gateway.metric(WAITING) < 0.1);
}

#[test]
fn polled_topics_share_a_budget_of_one_worker() {
    let upstream = Upstream::start(|mut exchange| {
        exchange.send(format!("{STREAM_HEAD}data: one\n\n"));
    });
    let toml = SITE.replace("= 2", "= 1") + "poll_interval = \"500ms\"\n";
    let gateway = Gateway::start(&toml, &upstream);
    let mut clients: Vec<_> = (0..5)
        .map(|n| Get::new(&format!("/{n}")).stream(gateway.address()))
        .collect();
    for client in &mut clients {
        assert_eq!(client.data(2), ["one", "one"]);
    }
}

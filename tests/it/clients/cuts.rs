//! Connections that are cut: exactly the rest, after the `retry:` that was told, or a gap.
//!
//! Not by HTTP/2, where WebKit does not notice: its streams are "open" for ever when their
//! connection breaks off, whoever breaks it. That we end them otherwise, `restart.rs` tests.

use std::time::Duration;

use fantail::clock;

use super::fleet::Client;
use super::{Fleet, Heard, Relay};
use crate::support::{Gateway, Get, Upstream, eventually};

/// What a client has heard must end so.
fn ends_with(fleet: &mut Fleet, client: Client, events: &[Heard]) {
    let seen = fleet.until(client, "hears the rest", |seen| {
        seen.events.last() == events.last()
    });
    assert!(
        seen.events.ends_with(events),
        "{client}: {seen:#?}, {events:#?}"
    );
    assert_eq!(seen.closed, 0, "{client}: {seen:#?}");
}

#[test]
#[ignore = "needs browsers and client libraries: tests/run runs it"]
fn after_a_cut_every_client_comes_back_to_exactly_the_rest() {
    let upstream = Upstream::live();
    let gateway = Gateway::route(&upstream, "retry = \"1s\"");
    let relay = Relay::to(gateway.address());
    let mut witness = gateway.subscribe();
    let mut fleet = Fleet::take();
    let clients = fleet.open(relay.address(), "/events", &["tick"]);
    let mut heard = Vec::new();
    // A reset, then a clean end; the last event before each has no id of the upstream's, and one.
    for (by_reset, before) in [(true, "data: a\n\n"), (false, "id: b\ndata: b\n\n")] {
        upstream.emit(before);
        heard.push(Heard::from(&witness.next_event()));
        for client in &clients {
            ends_with(&mut fleet, *client, &heard);
        }
        let held = relay.hold();
        relay.cut(by_reset);
        for event in [
            "data: 1\n\n",
            "event: tick\ndata: 2\nid: two\n\n",
            "data: 3\n\n",
        ] {
            upstream.emit(&event.replace("two", &format!("two-{by_reset}")));
            heard.push(Heard::from(&witness.next_event()));
        }
        drop(held);
        for client in &clients {
            // Everything once, in order, across the cut.
            ends_with(&mut fleet, *client, &heard);
        }
    }
    for client in clients {
        let seen = fleet.seen(client);
        assert_eq!((seen.opens, seen.events), (3, heard.clone()), "{client}");
        assert!(seen.errors >= 2, "{client}");
    }
    let full = "fantail_resumes_total{result=\"full\",route=\"events\"}";
    assert_eq!(gateway.metric(full), 24.0);
}

#[test]
#[ignore = "needs browsers and client libraries: tests/run runs it"]
fn every_client_comes_back_after_the_retry_that_it_was_told() {
    // Longer than what anyone does by default: 1, 3 or 5 s.
    const RETRY: Duration = Duration::from_secs(7);
    let upstream = Upstream::live();
    let gateway = Gateway::route(&upstream, "retry = \"7s\"");
    let relay = Relay::to(gateway.address());
    let mut fleet = Fleet::take();
    let clients = fleet.open(relay.address(), "/events", &[]);
    upstream.emit("data: a\n\n");
    for client in &clients {
        fleet.until(*client, "hears an event", |seen| seen.events.len() == 1);
    }
    let before = relay.requests("/events").len();
    let cut = clock::now();
    relay.cut(true);
    eventually("all have come back", || {
        relay.requests("/events").len() >= before + clients.len()
    });
    for request in &relay.requests("/events")[before..] {
        // They count from when they see the cut, and their clocks are coarse.
        let after = request.at - cut + Duration::from_millis(50);
        assert!(after >= RETRY, "after {after:?}: {}", request.head);
    }
}

#[test]
#[ignore = "needs browsers and client libraries: tests/run runs it"]
fn every_client_whose_place_is_gone_is_told_of_the_gap_and_hears_what_is_left() {
    const EVENTS: usize = 20;
    let upstream = Upstream::live();
    let gateway = Gateway::route(&upstream, "retry = \"1s\"\nreplay = { events = 4 }");
    let relay = Relay::to(gateway.address());
    let mut witness = gateway.subscribe();
    let mut fleet = Fleet::take();
    let clients = fleet.open(relay.address(), "/events", &["fantail.gap"]);
    upstream.emit("data: before\n\n");
    let before = witness.next_event();
    for client in &clients {
        ends_with(&mut fleet, *client, &[Heard::from(&before)]);
    }
    let held = relay.hold();
    relay.cut(true);
    for number in 0..EVENTS {
        upstream.emit(&format!("data: {number}\n\n"));
        witness.next_event();
    }
    drop(held);
    let mut raw = Get::new("/events")
        .after(before.id.as_ref().unwrap())
        .stream(gateway.address());
    let rest: Vec<Heard> = (0..5).map(|_| Heard::from(&raw.next_event())).collect();
    assert_eq!(rest[0].name, "fantail.gap");
    let gap: serde_json::Value = serde_json::from_str(&rest[0].data).unwrap();
    assert_eq!(gap["missed"], 16);
    assert_eq!(rest[1].data, "16");
    for client in clients {
        ends_with(&mut fleet, client, &rest);
        assert_eq!(fleet.seen(client).events.len(), 6, "{client}");
    }
}

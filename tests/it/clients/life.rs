//! A stream's life without trouble: open, message, named event, id, heartbeats, close.

use rstest::rstest;

use super::{Fleet, Heard};
use crate::support::{Client, Upstream, Way, eventually};

const EVENTS: [&str; 6] = [
    "data: one\n\n",
    "event: tick\ndata: two\nid: seven\n\n",
    "data: several\ndata:  lines\ndata:\n\n",
    "id: eight\nevent: tick\ndata: \u{4f60}\u{597d}, \u{1f426}\n\n",
    "event: nobody-listens\ndata: and nobody hears\n\n",
    "data: last\n\n",
];
const QUICK: &str = "heartbeat = \"100ms\"";

/// Says them, and gives what a listener must make of them.
fn say(upstream: &Upstream, witness: &mut Client) -> Vec<Heard> {
    let mut heard = Vec::new();
    for event in EVENTS {
        upstream.emit(event);
        heard.push(Heard::from(&witness.next_event()));
    }
    heard.retain(is_listened_to);
    heard
}

fn is_listened_to(event: &Heard) -> bool {
    event.name != "nobody-listens"
}

#[rstest]
#[ignore = "needs browsers and client libraries: tests/run runs it"]
fn every_client_opens_and_hears_messages_named_events_and_ids_over_one_upstream_connection(
    #[values(Way::Plain, Way::H2)] way: Way,
) {
    let upstream = Upstream::live();
    let gateway = way.route(&upstream, "");
    let mut witness = gateway.subscribe();
    let mut fleet = Fleet::take();
    let clients = fleet.open(gateway.address(), "/events", &["tick"]);
    let heard = say(&upstream, &mut witness);
    assert_eq!(
        (heard[0].name.as_str(), heard[0].data.as_str()),
        ("message", "one")
    );
    assert_eq!(
        (heard[1].name.as_str(), heard[1].id.as_str()),
        ("tick", "seven")
    );
    assert!(heard[2].id.starts_with('~'), "{:?}", heard[2]);
    for client in clients {
        let last = heard.last().unwrap();
        let seen = fleet.until(client, "hears the last event", |seen| {
            seen.events.last() == Some(last)
        });
        assert!(seen.is_undisturbed(), "{client}: {seen:#?}");
        // A client without listeners by name gets everything.
        let mut events = seen.events;
        events.retain(is_listened_to);
        assert_eq!(events, heard, "{client}");
    }
    assert_eq!(upstream.requests().len(), 1);
}

#[rstest]
#[ignore = "needs browsers and client libraries: tests/run runs it"]
fn heartbeats_never_surface_as_messages(#[values(Way::Plain, Way::H2)] way: Way) {
    let upstream = Upstream::live();
    let gateway = way.route(&upstream, QUICK);
    let mut fleet = Fleet::take();
    let clients = fleet.open(gateway.address(), "/events", &["tick"]);
    // The witness comes last: who is before it has had as many.
    let mut witness = gateway.subscribe();
    for _ in 0..20 {
        while witness.line().unwrap() != ":\n" {}
    }
    for client in &clients {
        let seen = fleet.seen(*client);
        assert!(
            seen.is_undisturbed() && seen.events.is_empty(),
            "{client}: {seen:#?}"
        );
    }
    // Nor do they disturb the event that follows.
    upstream.emit("event: tick\ndata: x\nid: 1\n\n");
    for client in clients {
        let seen = fleet.until(client, "hears an event", |seen| !seen.events.is_empty());
        let event = &seen.events[0];
        assert_eq!(
            [&*event.name, &*event.data, &*event.id],
            ["tick", "x", "1"],
            "{client}"
        );
    }
}

#[rstest]
#[ignore = "needs browsers and client libraries: tests/run runs it"]
fn a_client_that_closes_is_gone_at_once_and_hears_no_more(#[values(Way::Plain, Way::H2)] way: Way) {
    let upstream = Upstream::live();
    let gateway = way.route(&upstream, QUICK);
    let mut witness = gateway.subscribe();
    let mut fleet = Fleet::take();
    let clients = fleet.open(gateway.address(), "/events", &[]);
    let subscribers = way.subscribers();
    assert_eq!(gateway.metric(subscribers), 1.0 + clients.len() as f64);
    upstream.emit("data: heard\n\n");
    for client in &clients {
        fleet.until(*client, "hears an event", |seen| seen.events.len() == 1);
        fleet.close(*client);
    }
    upstream.emit("data: not heard\n\n");
    assert_eq!(witness.data(2), ["heard", "not heard"]);
    eventually("the gateway serves none of them", || {
        gateway.metric(subscribers) == 1.0
    });
    for client in clients {
        let seen = fleet.until(client, "is closed", |seen| seen.state == 2);
        assert_eq!(
            (seen.opens, seen.events.len()),
            (1, 1),
            "{client}: {seen:#?}"
        );
    }
}

//! Coming back: exactly the rest, or a gap that says how much is gone.

use rstest::rstest;

use crate::support::{Client, Event, Gateway, Get, Upstream, Way, eventually};

const COUNT: usize = 20;

/// An upstream with one stream, and a gateway that has everything it said.
fn said(
    way: Way,
    keys: &str,
    events: impl Iterator<Item = String>,
) -> (Upstream, Gateway, Vec<Event>) {
    let upstream = Upstream::live();
    let gateway = way.route(&upstream, keys);
    let mut witness = gateway.subscribe();
    upstream.wait_for_streams(1);
    // One by one: a burst larger than the log is a gap for the witness too.
    let seen = events.map(|event| {
        upstream.emit(&event);
        witness.next_event()
    });
    let seen = seen.collect();
    (upstream, gateway, seen)
}

fn with_ids() -> impl Iterator<Item = String> {
    (0..COUNT).map(|n| format!("id: u{n}\ndata: {n}\n\n"))
}

fn without_ids() -> impl Iterator<Item = String> {
    (0..COUNT).map(|n| format!("data: {n}\n\n"))
}

fn back(gateway: &Gateway, id: &str) -> Client {
    Get::new("/events").after(id).stream(gateway.address())
}

/// Reads what the gateway still has, up to an event that is said now.
fn rest(upstream: &Upstream, client: &mut Client) -> Vec<Event> {
    upstream.emit("data: marker\n\n");
    let events = std::iter::from_fn(|| Some(client.next_event()));
    events.take_while(|event| event.data != "marker").collect()
}

#[track_caller]
fn assert_every_id_gives_exactly_the_rest(way: Way, events: impl Iterator<Item = String>) {
    let (_upstream, gateway, seen) = said(way, "", events);
    for (place, event) in seen.iter().enumerate() {
        let mut client = back(&gateway, event.id.as_ref().unwrap());
        for expected in &seen[place + 1..] {
            assert_eq!(client.next_event(), *expected);
        }
    }
    let full = "fantail_resumes_total{result=\"full\",route=\"events\"}";
    assert_eq!(gateway.metric(full), COUNT as f64);
}

#[rstest]
fn any_id_of_the_upstream_gives_exactly_the_rest(
    #[values(Way::Plain, Way::Tls, Way::H2)] way: Way,
) {
    assert_every_id_gives_exactly_the_rest(way, with_ids());
}

#[rstest]
fn any_token_gives_exactly_the_rest(#[values(Way::Plain, Way::Tls, Way::H2)] way: Way) {
    assert_every_id_gives_exactly_the_rest(way, without_ids());
}

#[rstest]
fn the_header_goes_before_the_query_and_both_spellings_of_the_query_are_read(
    #[values(Way::Plain, Way::Tls, Way::H2)] way: Way,
) {
    let (_upstream, gateway, seen) = said(way, "", with_ids());
    let first_after = |target: &str, header: Option<&str>| {
        let get = Get::new(target);
        let get = match header {
            Some(id) => get.after(id),
            None => get,
        };
        get.stream(gateway.address()).next_event()
    };
    assert_eq!(first_after("/events?lastEventId=u3", None), seen[4]);
    assert_eq!(first_after("/events?last_event_id=u5", None), seen[6]);
    assert_eq!(first_after("/events?lastEventId=u3", Some("u9")), seen[10]);
    assert_eq!(first_after("/events?lastEventId=u3", Some("")), seen[4]);
}

#[rstest]
fn an_id_that_can_not_be_one_is_an_unknown_place_and_never_a_400(
    #[values(Way::Plain, Way::Tls, Way::H2)] way: Way,
) {
    let (_upstream, gateway, seen) = said(way, "", with_ids());
    let long = "x".repeat(2000);
    for id in ["nonsense", "a\tb", "~", "~000000000000.x", &long] {
        let mut client = back(&gateway, id);
        assert_eq!(client.status, 200, "{id:?}");
        let gap = client.next_event();
        assert_eq!(gap.name, "fantail.gap", "{id:?}");
        assert_eq!(gap.data, "{\"missed\":null,\"reason\":\"unknown_id\"}");
        assert_eq!(client.next_event(), seen[0]);
    }
    let mut client = Get::new("/events?lastEventId=%ff%").stream(gateway.address());
    assert_eq!(client.next_event().name, "fantail.gap");
}

#[rstest]
fn a_place_that_is_gone_is_a_gap_of_exact_size_which_is_not_told_twice(
    #[values(Way::Plain, Way::Tls, Way::H2)] way: Way,
) {
    let (upstream, gateway, seen) = said(way, "replay = { events = 5 }", without_ids());
    for (place, event) in seen.iter().enumerate().take(COUNT - 6) {
        let mut client = back(&gateway, event.id.as_ref().unwrap());
        let gap = client.next_event();
        let missed = COUNT - 5 - (place + 1);
        let data = format!("{{\"missed\":{missed},\"reason\":\"evicted\"}}");
        assert_eq!((&*gap.name, gap.data), ("fantail.gap", data));
        assert_eq!(client.next_event(), seen[COUNT - 5]);
        let mut again = back(&gateway, gap.id.as_ref().unwrap());
        assert_eq!(again.next_event(), seen[COUNT - 5], "the gap is repeated");
    }
    let total: usize = (1..COUNT - 5).sum();
    let missed = "fantail_frames_missed_total{reason=\"resume\",route=\"events\"}";
    assert_eq!(gateway.metric(missed), total as f64);
    let newest = seen[COUNT - 1].id.as_ref().unwrap();
    assert_eq!(rest(&upstream, &mut back(&gateway, newest)), []);
}

#[rstest]
fn a_token_of_another_life_of_the_log_is_a_gap_of_unknown_size(
    #[values(Way::Plain, Way::Tls, Way::H2)] way: Way,
) {
    let (_upstream, gateway, seen) = said(way, "", without_ids());
    let mut client = back(&gateway, "~0123456789ab.3");
    let gap = client.next_event();
    assert_eq!(gap.data, "{\"missed\":null,\"reason\":\"epoch\"}");
    assert_eq!(client.next_event(), seen[0]);
}

#[rstest]
fn a_token_of_the_future_is_an_unknown_place(#[values(Way::Plain, Way::Tls, Way::H2)] way: Way) {
    let (_upstream, gateway, seen) = said(way, "", without_ids());
    let newest = seen[COUNT - 1].id.clone().unwrap();
    let future = newest.replace(".19", ".20");
    let gap = back(&gateway, &future).next_event();
    assert_eq!(gap.data, "{\"missed\":null,\"reason\":\"unknown_id\"}");
}

#[rstest]
fn on_gap_live_goes_on_with_what_comes_next(#[values(Way::Plain, Way::Tls, Way::H2)] way: Way) {
    let keys = "on_gap = \"live\"\nreplay = { events = 5 }";
    let (upstream, gateway, seen) = said(way, keys, without_ids());
    let mut client = back(&gateway, seen[0].id.as_ref().unwrap());
    let gap = client.next_event();
    assert_eq!(gap.data, "{\"missed\":19,\"reason\":\"evicted\"}");
    assert_eq!(gap.id, seen[COUNT - 1].id);
    assert_eq!(rest(&upstream, &mut client), []);
}

#[rstest]
fn without_gap_events_gaps_are_counted_all_the_same(
    #[values(Way::Plain, Way::Tls, Way::H2)] way: Way,
) {
    let keys = "gap_event = false\nreplay = { events = 5 }";
    let (_upstream, gateway, seen) = said(way, keys, without_ids());
    let mut client = back(&gateway, seen[0].id.as_ref().unwrap());
    assert_eq!(client.next_event(), seen[COUNT - 5]);
    let gaps = "fantail_gaps_total{cause=\"evicted\",route=\"events\"}";
    let missed = "fantail_frames_missed_total{reason=\"resume\",route=\"events\"}";
    assert_eq!((gateway.metric(gaps), gateway.metric(missed)), (1.0, 14.0));
}

#[rstest]
fn ids_gateway_gives_every_frame_a_token(#[values(Way::Plain, Way::Tls, Way::H2)] way: Way) {
    let (_upstream, gateway, seen) = said(way, "ids = \"gateway\"", with_ids());
    for (place, event) in seen.iter().enumerate() {
        let id = event.id.as_ref().unwrap();
        assert!(
            id.starts_with('~') && id.ends_with(&format!(".{place}")),
            "{id}"
        );
    }
    let mut client = back(&gateway, seen[7].id.as_ref().unwrap());
    assert_eq!(client.next_event(), seen[8]);
}

#[rstest]
fn ids_upstream_gives_exactly_the_id_that_the_upstream_has_in_force(
    #[values(Way::Plain, Way::Tls, Way::H2)] way: Way,
) {
    let said_ids = ["id: 1\n", "", "id\n", "", "id: 1\n"];
    let events = said_ids.iter().map(|id| format!("{id}data: x\n\n"));
    let (_upstream, _gateway, seen) = said(way, "ids = \"upstream\"", events);
    let raw: Vec<&str> = seen.iter().map(|event| &*event.raw).collect();
    // The id in force, written out: whoever comes later reads the same `lastEventId`.
    let one = "id: 1\ndata: x\n\n";
    let reset = "id:\ndata: x\n\n";
    assert_eq!(raw, [one, one, reset, reset, one]);
}

#[rstest]
fn an_id_that_comes_twice_is_replaced_by_a_token(
    #[values(Way::Plain, Way::Tls, Way::H2)] way: Way,
) {
    let events = ["a", "b", "a", "a b", "ä"];
    let events = events.iter().map(|id| format!("id: {id}\ndata: {id}\n\n"));
    let (_upstream, gateway, seen) = said(way, "", events);
    let is_token = |event: &Event| event.id.as_ref().unwrap().starts_with('~');
    let tokens: Vec<bool> = seen.iter().map(is_token).collect();
    assert_eq!(tokens, [false, false, true, true, true]);
    assert_eq!(back(&gateway, "a").next_event(), seen[1]);
    assert_eq!(
        back(&gateway, seen[2].id.as_ref().unwrap()).next_event(),
        seen[3]
    );
    let replaced = "fantail_ids_replaced_total{route=\"events\"}";
    assert_eq!(gateway.metric(replaced), 3.0);
}

#[test]
fn a_client_resumes_through_a_cascade_of_two_gateways() {
    let upstream = Upstream::live();
    let inner = Gateway::route(&upstream, "");
    let route = format!(
        "[[route]]\nname = \"events\"\npath = \"/events\"\nupstream = \"{}/events\"\n",
        inner.url()
    );
    let outer = Gateway::start(&route, &upstream);
    let mut client = outer.subscribe();
    upstream.wait_for_streams(1);
    upstream.emit(&without_ids().collect::<String>());
    let seen: Vec<Event> = (0..COUNT).map(|_| client.next_event()).collect();
    for place in [0, 7, COUNT - 2] {
        let id = seen[place].id.as_ref().unwrap();
        assert_eq!(back(&outer, id).next_event(), seen[place + 1]);
        // The same id means the same place at the gateway behind.
        assert_eq!(back(&inner, id).next_event(), seen[place + 1]);
    }
    eventually("one stream at the upstream", || upstream.open() == 1);
}

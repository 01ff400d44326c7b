//! What a newcomer gets before the live stream, and who has a gap.

use rstest::rstest;

use super::{quote, quotes, say, up_to};
use crate::support::{Get, Upstream, Way, eventually, with_length};

#[rstest]
fn a_newcomer_gets_the_newest_of_every_symbol_in_their_order_and_then_everything(
    #[values(Way::Plain, Way::Tls, Way::H2)] way: Way,
) {
    let upstream = Upstream::live();
    let keys = "snapshot = \"keys\"\nreplay = { events = 4 }";
    let (gateway, mut witness) = quotes(way, &upstream, keys);
    // B is quiet: its price has long been evicted when the newcomer comes.
    let said = [
        ("A", 1),
        ("B", 2),
        ("A", 3),
        ("C", 4),
        ("A", 5),
        ("C", 6),
        ("A", 7),
        ("A", 8),
    ];
    say(&upstream, &mut witness, said.map(|(s, p)| quote(s, p)));
    let mut newcomer = gateway.subscribe();
    let last = quote("A", 8);
    assert_eq!(
        up_to(&mut newcomer, &last),
        [quote("B", 2), quote("C", 6), last]
    );
    say(&upstream, &mut witness, [quote("A", 9), quote("A", 10)]);
    let last = quote("A", 10);
    assert_eq!(up_to(&mut newcomer, &last), [quote("A", 9), last]);
    assert_eq!(
        gateway.metric("fantail_gaps_total{cause=\"lag\",route=\"events\"}"),
        0.0
    );
}

#[rstest]
fn a_newcomer_gets_the_last_event_where_the_route_says_so(
    #[values(Way::Plain, Way::Tls, Way::H2)] way: Way,
) {
    let upstream = Upstream::live();
    let (gateway, mut witness) = quotes(way, &upstream, "snapshot = \"last\"");
    say(
        &upstream,
        &mut witness,
        (1..5).map(|price| quote("A", price)),
    );
    let mut newcomer = gateway.subscribe();
    assert_eq!(newcomer.next_event().data, quote("A", 4));
    say(&upstream, &mut witness, [quote("B", 5)]);
    assert_eq!(newcomer.next_event().data, quote("B", 5));
}

#[rstest]
fn who_opens_a_topic_gets_all_that_its_upstream_says(
    #[values(Way::Plain, Way::Tls, Way::H2)] way: Way,
) {
    let upstream = Upstream::live();
    let (_gateway, mut witness) = quotes(way, &upstream, "snapshot = \"keys\"");
    let burst = [quote("A", 1), quote("A", 2), quote("A", 3)];
    upstream.emit(
        &burst
            .clone()
            .map(|data| format!("data: {data}\n\n"))
            .concat(),
    );
    assert_eq!(up_to(&mut witness, &burst[2]), burst);
}

#[rstest]
fn who_comes_back_with_an_id_that_is_known_gets_the_dense_rest(
    #[values(Way::Plain, Way::Tls, Way::H2)] way: Way,
) {
    let upstream = Upstream::live();
    let (gateway, mut witness) = quotes(way, &upstream, "snapshot = \"keys\"");
    upstream.emit("id: begin\ndata: 0\n\n");
    assert_eq!(witness.next_event().data, "0");
    let rest: Vec<_> = (1..6).map(|price| quote("A", price)).collect();
    say(&upstream, &mut witness, rest.clone());
    let mut back = Get::new("/events").after("begin").stream(gateway.address());
    assert_eq!(up_to(&mut back, &rest[4]), rest);
}

#[rstest]
fn after_a_gap_comes_the_newest_of_what_has_not_been_seen(
    #[values(Way::Plain, Way::Tls, Way::H2)] way: Way,
) {
    let upstream = Upstream::live();
    let keys = "snapshot = \"keys\"\nreplay = { events = 2 }";
    let (gateway, mut witness) = quotes(way, &upstream, keys);
    say(&upstream, &mut witness, [quote("A", 1)]);
    upstream.emit(&format!("id: seen\ndata: {}\n\n", quote("B", 2)));
    assert_eq!(witness.next_event().data, quote("B", 2));
    let said = [("C", 3), ("B", 4), ("D", 5), ("D", 6), ("D", 7)];
    say(&upstream, &mut witness, said.map(|(s, p)| quote(s, p)));
    let mut back = Get::new("/events").after("seen").stream(gateway.address());
    let gap = back.next_event();
    assert_eq!(gap.data, "{\"missed\":null,\"reason\":\"evicted\"}");
    let last = quote("D", 7);
    // A is not among them: it has seen its newest.
    assert_eq!(
        up_to(&mut back, &last),
        [quote("C", 3), quote("B", 4), last.clone()]
    );
    let mut lost = Get::new("/events")
        .after("nonsense")
        .stream(gateway.address());
    let gap = lost.next_event();
    assert_eq!(gap.data, "{\"missed\":null,\"reason\":\"unknown_id\"}");
    let all = [quote("A", 1), quote("C", 3), quote("B", 4), last.clone()];
    assert_eq!(up_to(&mut lost, &last), all);
    let missed = "fantail_frames_missed_total{reason=\"resume\",route=\"events\"}";
    assert_eq!(gateway.metric(missed), 3.0);
}

#[rstest]
fn a_key_beyond_max_keys_is_forgotten_and_counted(
    #[values(Way::Plain, Way::Tls, Way::H2)] way: Way,
) {
    let upstream = Upstream::live();
    let keys = "snapshot = \"keys\"\nreplay = { events = 1 }\nmax_keys = 2";
    let (gateway, mut witness) = quotes(way, &upstream, keys);
    let said = ["A", "B", "C", "D", "E"].map(|symbol| quote(symbol, 1));
    say(&upstream, &mut witness, said.clone());
    let forgotten = "fantail_keys_forgotten_total{route=\"events\"}";
    eventually("two are forgotten", || gateway.metric(forgotten) == 2.0);
    let mut newcomer = gateway.subscribe();
    assert_eq!(up_to(&mut newcomer, &said[4]), said[2..]);
}

#[rstest]
fn a_poll_begins_with_the_snapshot_too(#[values(Way::Plain, Way::Tls, Way::H2)] way: Way) {
    let upstream = Upstream::live();
    let keys = "snapshot = \"keys\"\nreplay = { events = 2 }";
    let (gateway, mut witness) = quotes(way, &upstream, keys);
    let said = [("A", 1), ("B", 2), ("C", 3), ("C", 4), ("C", 5)];
    say(&upstream, &mut witness, said.map(|(s, p)| quote(s, p)));
    let poll = |id: Option<&str>| {
        let get = Get::new("/events?fantail=poll");
        let get = match id {
            Some(id) => get.after(id),
            None => get,
        };
        get.stream(gateway.address()).rest()
    };
    let first = poll(None);
    let data: Vec<_> = first.iter().map(|event| &*event.data).collect();
    assert_eq!(data, [quote("A", 1), quote("B", 2), quote("C", 5)]);
    say(&upstream, &mut witness, [quote("C", 6)]);
    let next = poll(first.last().unwrap().id.as_deref());
    let data: Vec<_> = next.iter().map(|event| &*event.data).collect();
    assert_eq!(data, [quote("C", 6)]);
}

/// What is polled gives newcomers the last complete response, unless the route says what they get.
#[rstest]
#[case("none", &[("A", 9), ("A", 10)])]
#[case("last", &[("A", 10)])]
#[case("keys", &[("B", 0), ("A", 10)])]
fn a_snapshot_goes_before_the_last_response_of_a_topic_that_is_polled(
    #[case] snapshot: &str,
    #[case] expected: &[(&str, usize)],
    #[values(Way::Plain, Way::Tls, Way::H2)] way: Way,
) {
    let answers = [
        format!("data: {}\n\n", quote("B", 0)),
        format!("data: {}\n\ndata: {}\n\n", quote("A", 9), quote("A", 10)),
    ];
    // From then on nothing.
    let upstream = Upstream::polled(move |n| with_length(answers.get(n).map_or("", |a| a)));
    let keys = format!("key = \"json:/s\"\nsnapshot = \"{snapshot}\"\npoll_interval = \"100ms\"");
    let gateway = way.route(&upstream, &keys);
    let mut witness = gateway.subscribe();
    let last = quote("A", 10);
    assert_eq!(up_to(&mut witness, &last).last(), Some(&last));
    // Its end is known once the next is asked for.
    eventually("the response is over", || upstream.requests().len() > 2);
    let mut newcomer = gateway.subscribe();
    let expected: Vec<_> = expected.iter().map(|(s, p)| quote(s, *p)).collect();
    assert_eq!(up_to(&mut newcomer, &last), expected);
}

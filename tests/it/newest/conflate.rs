//! A subscriber that is behind, of a route that conflates.

use rstest::rstest;

use super::{quote, quotes, say};
use crate::support::{Client, Gateway, Get, Upstream, Way, eventually};

/// Takes little before it blocks.
const BUFFER: usize = 4 << 10;
/// Of one event's data, beside the quote.
const SIZE: usize = 8 << 10;
/// Events enough to overrun every buffer between the log and a client that does not read.
const EVENTS: usize = 400;

/// A quote that takes up room.
fn large(symbol: &str, price: usize) -> String {
    let filler = "x".repeat(SIZE);
    format!("{{\"s\":\"{symbol}\",\"p\":{price},\"x\":\"{filler}\"}}")
}

fn slow_reader(gateway: &Gateway) -> Client {
    let get = Get::new("/events").receive_buffer(BUFFER);
    get.stream(gateway.address())
}

fn symbol_and_price(data: &str) -> (String, u64) {
    let quote: serde_json::Value = serde_json::from_str(data).unwrap();
    let price = quote["p"].as_u64().unwrap();
    (quote["s"].as_str().unwrap().to_owned(), price)
}

fn conflating(way: Way, upstream: &Upstream) -> (Gateway, Client, Client) {
    with_a_slow_reader(way, upstream, "slow = \"conflate\"")
}

/// A gateway that keeps ten events, its witness, and a client that does not read yet.
fn with_a_slow_reader(way: Way, upstream: &Upstream, keys: &str) -> (Gateway, Client, Client) {
    let keys = format!("{keys}\nreplay = {{ events = 10 }}");
    let limits = "\n[limits]\nsend_buffer = \"16KiB\"";
    let (gateway, witness) = quotes(way, upstream, &format!("{keys}{limits}"));
    let slow = slow_reader(&gateway);
    (gateway, witness, slow)
}

#[rstest]
fn who_stopped_reading_gets_the_newest_of_each_symbol_in_order_and_no_gap(
    #[values(Way::Plain, Way::Tls, Way::H2)] way: Way,
) {
    let upstream = Upstream::live();
    let (gateway, mut witness, mut slow) = conflating(way, &upstream);
    // One symbol is said once, behind what the buffers hold, and evicted before anybody reads on.
    let symbol = |n| {
        if n == EVENTS - 100 {
            "ONCE"
        } else {
            ["A", "B", "C"][n % 3]
        }
    };
    say(
        &upstream,
        &mut witness,
        (0..EVENTS).map(|n| large(symbol(n), n)),
    );
    let mut got = Vec::new();
    while got
        .last()
        .is_none_or(|(_, price)| *price != EVENTS as u64 - 1)
    {
        let event = slow.next_event();
        assert_ne!(event.name, "fantail.gap");
        got.push(symbol_and_price(&event.data));
    }
    assert!(got.is_sorted_by_key(|(_, price)| *price) && got.len() < EVENTS);
    let newest: Vec<_> = got[got.len() - 4..]
        .iter()
        .map(|(_, price)| *price)
        .collect();
    let last = EVENTS as u64 - 1;
    assert_eq!(newest, [last - 99, last - 2, last - 1, last]);
    let conflated = "fantail_frames_conflated_total{reason=\"slow\",route=\"events\"}";
    eventually("what was passed over is counted", || {
        gateway.metric(conflated) == (EVENTS - got.len()) as f64
    });
    assert_eq!(
        gateway.metric("fantail_gaps_total{cause=\"lag\",route=\"events\"}"),
        0.0
    );
    // With the others again: every event.
    for expected in (0..5).map(|price| quote("A", EVENTS + price)) {
        say(&upstream, &mut witness, [expected.clone()]);
        assert_eq!(slow.next_event().data, expected);
    }
}

#[rstest]
fn what_nothing_replaces_and_is_gone_is_a_gap_of_unknown_size(
    #[values(Way::Plain, Way::Tls, Way::H2)] way: Way,
) {
    let upstream = Upstream::live();
    let (gateway, mut witness, mut slow) = conflating(way, &upstream);
    let said = |n| {
        if n == EVENTS - 100 {
            "news".to_owned()
        } else {
            large("A", n)
        }
    };
    say(&upstream, &mut witness, (0..EVENTS).map(said));
    let gap = loop {
        let event = slow.next_event();
        if event.name == "fantail.gap" {
            break event;
        }
    };
    assert_eq!(gap.data, "{\"missed\":null,\"reason\":\"lag\"}");
    let last = slow.next_event();
    assert_eq!(
        symbol_and_price(&last.data),
        ("A".to_owned(), EVENTS as u64 - 1)
    );
    assert_eq!(
        gateway.metric("fantail_gaps_total{cause=\"lag\",route=\"events\"}"),
        1.0
    );
}

#[rstest]
fn who_comes_back_too_late_gets_the_newest_and_no_gap_if_nothing_else_is_gone(
    #[values(Way::Plain, Way::Tls, Way::H2)] way: Way,
) {
    let upstream = Upstream::live();
    let keys = "slow = \"conflate\"\nreplay = { events = 2 }";
    let (gateway, mut witness) = quotes(way, &upstream, keys);
    upstream.emit(&format!("id: seen\ndata: {}\n\n", quote("A", 0)));
    assert_eq!(witness.next_event().data, quote("A", 0));
    let said = [("B", 1), ("A", 2), ("A", 3), ("C", 4), ("A", 5), ("A", 6)];
    say(&upstream, &mut witness, said.map(|(s, p)| quote(s, p)));
    let back = |target: &str| Get::new(target).after("seen").stream(gateway.address());
    let expected = [quote("B", 1), quote("C", 4), quote("A", 6)];
    let mut stream = back("/events");
    let polled = back("/events?fantail=poll").rest();
    for (event, expected) in polled.iter().zip(&expected) {
        assert_eq!(event.data, *expected);
        assert_eq!(stream.next_event().data, *expected);
    }
    assert_eq!(polled.len(), expected.len());
    say(
        &upstream,
        &mut witness,
        ["no quote".to_owned(), quote("A", 7), quote("A", 8)],
    );
    let gap = back("/events").next_event();
    assert_eq!(gap.data, "{\"missed\":null,\"reason\":\"evicted\"}");
}

#[rstest]
fn a_slow_reader_that_is_skipped_is_told_and_goes_on_with_the_snapshot(
    #[values(Way::Plain, Way::Tls, Way::H2)] way: Way,
) {
    let upstream = Upstream::live();
    let keys = "slow = \"skip\"\nsnapshot = \"keys\"";
    let (_gateway, mut witness, mut slow) = with_a_slow_reader(way, &upstream, keys);
    let symbol = |n| if n == EVENTS - 100 { "ONCE" } else { "A" };
    say(
        &upstream,
        &mut witness,
        (0..EVENTS).map(|n| large(symbol(n), n)),
    );
    // It may fall off more than once, while the buffers between take a little.
    let (mut gaps, mut got) = (0, Vec::new());
    let last = EVENTS as u64 - 1;
    while got.last().is_none_or(|(_, price)| *price != last) {
        let event = slow.next_event();
        if event.name == "fantail.gap" {
            assert_eq!(event.data, "{\"missed\":null,\"reason\":\"lag\"}");
            gaps += 1;
        } else {
            got.push(symbol_and_price(&event.data));
        }
    }
    assert!(gaps > 0 && got.len() < EVENTS);
    assert!(got.is_sorted_by(|(_, a), (_, b)| a < b), "none twice");
    assert!(got.contains(&("ONCE".to_owned(), last - 99)));
}

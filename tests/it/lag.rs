//! Slow subscribers: told, ended or left alone, and never a cost to others.

use std::time::Duration;

use rstest::rstest;

use crate::support::{Client, Gateway, Get, Upstream, Way, eventually};

/// Takes little before it blocks.
const BUFFER: usize = 4 << 10;
/// Of one event's data.
const SIZE: usize = 8 << 10;
/// Events enough to overrun every buffer between the log and a client that does not read.
const EVENTS: usize = 400;

fn gateway(way: Way, upstream: &Upstream, keys: &str) -> Gateway {
    let limits = "\n[limits]\nsend_buffer = \"16KiB\"";
    let replay = "replay = { events = 50 }";
    way.route(upstream, &format!("{replay}\n{keys}{limits}"))
}

fn slow_reader(gateway: &Gateway) -> Client {
    let client = Get::new("/events")
        .receive_buffer(BUFFER)
        .stream(gateway.address());
    assert_eq!(client.status, 200);
    client
}

/// Says all events, each once the witness has seen the one before.
fn say_all(upstream: &Upstream, witness: &mut Client) {
    let filler = "x".repeat(SIZE);
    for number in 0..EVENTS {
        upstream.emit(&format!("data: {number}\ndata: {filler}\n\n"));
        assert_eq!(number_of(&witness.next_event().data), Some(number));
    }
}

fn number_of(data: &str) -> Option<usize> {
    let (number, filler) = data.split_once('\n')?;
    assert!(
        filler.len() == SIZE && filler.bytes().all(|b| b == b'x'),
        "a torn event"
    );
    number.parse().ok()
}

#[rstest]
fn a_slow_reader_is_told_exactly_how_much_it_missed(
    #[values(Way::Plain, Way::Tls, Way::H2)] way: Way,
) {
    let upstream = Upstream::live();
    let gateway = gateway(way, &upstream, "slow = \"skip\"");
    let mut slow = slow_reader(&gateway);
    let mut witness = gateway.subscribe();
    upstream.wait_for_streams(1);
    say_all(&upstream, &mut witness);
    let (mut next, mut received, mut missed) = (0, 0, 0);
    while next < EVENTS {
        let event = slow.next_event();
        if event.name == "fantail.gap" {
            let gap: serde_json::Value = serde_json::from_str(&event.data).unwrap();
            assert_eq!(gap["reason"], "lag");
            let count = usize::try_from(gap["missed"].as_u64().unwrap()).unwrap();
            (missed, next) = (missed + count, next + count);
        } else {
            assert_eq!(number_of(&event.data), Some(next));
            (received, next) = (received + 1, next + 1);
        }
    }
    assert!(missed > 0 && received >= 50, "{missed} {received}");
    assert_eq!(received + missed, EVENTS);
    let series = "fantail_frames_missed_total{reason=\"lag\",route=\"events\"}";
    assert_eq!(gateway.metric(series), missed as f64);
}

#[rstest]
fn on_gap_live_takes_a_slow_reader_to_the_live_edge(
    #[values(Way::Plain, Way::Tls, Way::H2)] way: Way,
) {
    let upstream = Upstream::live();
    let gateway = gateway(way, &upstream, "on_gap = \"live\"");
    let mut slow = slow_reader(&gateway);
    let mut witness = gateway.subscribe();
    upstream.wait_for_streams(1);
    say_all(&upstream, &mut witness);
    let mut next = 0;
    let gap = loop {
        let event = slow.next_event();
        if event.name == "fantail.gap" {
            break event;
        }
        assert_eq!(number_of(&event.data), Some(next));
        next += 1;
    };
    let missed = EVENTS - next;
    assert_eq!(
        gap.data,
        format!("{{\"missed\":{missed},\"reason\":\"lag\"}}")
    );
    upstream.emit("data: now\n\n");
    assert_eq!(slow.next_event().data, "now");
}

#[rstest]
fn slow_close_ends_the_stream_at_a_boundary_and_it_may_resume(
    #[values(Way::Plain, Way::Tls, Way::H2)] way: Way,
) {
    let upstream = Upstream::live();
    let gateway = gateway(way, &upstream, "slow = \"close\"");
    let mut slow = slow_reader(&gateway);
    let mut witness = gateway.subscribe();
    upstream.wait_for_streams(1);
    say_all(&upstream, &mut witness);
    let seen = slow.rest();
    assert!(!seen.is_empty() && seen.len() < EVENTS);
    for (place, event) in seen.iter().enumerate() {
        assert_eq!(number_of(&event.data), Some(place));
    }
    let ended = "fantail_subscriptions_ended_total{reason=\"slow\",route=\"events\"}";
    eventually("it is counted", || gateway.metric(ended) == 1.0);
    let last = seen.last().unwrap().id.as_ref().unwrap();
    let mut again = Get::new("/events").after(last).stream(gateway.address());
    let missed = EVENTS - 50 - seen.len();
    let gap = again.next_event();
    assert_eq!(
        gap.data,
        format!("{{\"missed\":{missed},\"reason\":\"evicted\"}}")
    );
}

#[rstest]
fn a_stalled_client_is_ended_and_nobody_else_notices(
    #[values(Way::Plain, Way::Tls, Way::H2)] way: Way,
) {
    let upstream = Upstream::live();
    let gateway = gateway(way, &upstream, "stall_timeout = \"500ms\"");
    let stalled: Vec<Client> = (0..10).map(|_| slow_reader(&gateway)).collect();
    let mut witness = gateway.subscribe();
    upstream.wait_for_streams(1);
    say_all(&upstream, &mut witness);
    let ended = "fantail_subscriptions_ended_total{reason=\"stall\",route=\"events\"}";
    eventually("all that stall are ended", || gateway.metric(ended) == 10.0);
    upstream.emit("data: after\n\n");
    assert_eq!(witness.next_event().data, "after");
    assert_eq!(gateway.metric(way.subscribers()), 1.0);
    drop(stalled);
}

#[rstest]
fn a_reader_that_takes_a_little_at_a_time_is_not_stalled(
    #[values(Way::Plain, Way::Tls, Way::H2)] way: Way,
) {
    let upstream = Upstream::live();
    let keys = "stall_timeout = \"500ms\"\nheartbeat = \"100ms\"";
    let gateway = gateway(way, &upstream, keys);
    let mut slow = slow_reader(&gateway);
    upstream.wait_for_streams(1);
    let filler = "x".repeat(SIZE);
    for number in 0..40 {
        upstream.emit(&format!("data: {number}\ndata: {filler}\n\n"));
    }
    let begin = fantail::clock::now();
    for (number, time) in (0..40).zip(0_u32..) {
        assert_eq!(number_of(&slow.next_event().data), Some(number));
        eventually("a little time passes", || {
            begin.elapsed() > Duration::from_millis(40) * time
        });
    }
    assert!(begin.elapsed() > Duration::from_millis(1500));
}

#[rstest]
fn an_event_larger_than_every_buffer_arrives_whole(
    #[values(Way::Plain, Way::Tls, Way::H2)] way: Way,
) {
    let upstream = Upstream::live();
    let gateway = way.route(&upstream, "\n[limits]\nsend_buffer = \"16KiB\"");
    let mut small = slow_reader(&gateway);
    let mut large = gateway.subscribe();
    upstream.wait_for_streams(1);
    let data: String = (0..120_000).map(|n| format!("{n};")).collect();
    std::thread::scope(|scope| {
        scope.spawn(|| upstream.emit(&format!("data: {data}\n\ndata: end\n\n")));
        for client in [&mut small, &mut large] {
            assert!(client.next_event().data == data, "not the same");
            assert_eq!(client.next_event().data, "end");
        }
    });
}

//! `max_rate`: delayed and conflated for everybody, and the newest always arrives.

use std::time::Duration;

use rstest::rstest;

use super::{quote, up_to};
use crate::support::{Get, Upstream, Way, eventually};

const APPENDED: &str = "fantail_frames_appended_total{route=\"events\"}";

#[rstest]
fn the_rate_holds_events_down_and_the_last_value_arrives(
    #[values(Way::Plain, Way::Tls, Way::H2)] way: Way,
) {
    let upstream = Upstream::live();
    let gateway = way.route(&upstream, "key = \"json:/s\"\nmax_rate = 2");
    let mut client = gateway.subscribe();
    upstream.wait_for_streams(1);
    let begin = fantail::clock::now();
    // Nobody waits for an event before the next one is said: a hundred within a second or two.
    for price in 1..=100 {
        upstream.emit(&format!("data: {}\n\n", quote("A", price)));
        eventually("it is in the log", || {
            gateway.metric(APPENDED) >= price as f64
        });
    }
    let last = quote("A", 100);
    let got = up_to(&mut client, &last);
    assert_eq!(got[0], quote("A", 1), "after a quiet time at once");
    let passes = 2 + begin.elapsed().as_millis() / 500;
    assert!(
        got.len() as u128 <= passes,
        "{} in {passes} passes",
        got.len()
    );
    let conflated = "fantail_frames_conflated_total{reason=\"max_rate\",route=\"events\"}";
    eventually("what was passed over is counted", || {
        gateway.metric(conflated) == (100 - got.len()) as f64
    });
    // It is quiet again, and the next goes out without waiting for another.
    upstream.emit(&format!("data: {}\n\n", quote("A", 101)));
    assert_eq!(client.next_event().data, quote("A", 101));
}

#[rstest]
fn without_a_key_events_only_wait_and_none_is_lost(
    #[values(Way::Plain, Way::Tls, Way::H2)] way: Way,
) {
    let upstream = Upstream::live();
    let gateway = way.route(&upstream, "max_rate = 4");
    let mut client = gateway.subscribe();
    upstream.wait_for_streams(1);
    let all: Vec<_> = (0..20).map(|price| quote("A", price)).collect();
    let begin = fantail::clock::now();
    upstream.emit(&format!("data: {}\n\n", all[0]));
    assert_eq!(client.next_event().data, all[0]);
    for data in &all[1..] {
        upstream.emit(&format!("data: {data}\n\n"));
    }
    assert_eq!(up_to(&mut client, &all[19]), all[1..]);
    assert!(begin.elapsed() >= Duration::from_millis(250));
}

#[rstest]
fn newcomers_and_polls_see_nothing_that_is_held_back(
    #[values(Way::Plain, Way::Tls, Way::H2)] way: Way,
) {
    let upstream = Upstream::live();
    let keys = "key = \"json:/s\"\nmax_rate = 1\nsnapshot = \"keys\"";
    let gateway = way.route(&upstream, keys);
    let mut witness = gateway.subscribe();
    upstream.wait_for_streams(1);
    let said = [("A", 1), ("B", 2), ("A", 3)].map(|(s, p)| quote(s, p));
    let [first, second, third] = said.each_ref().map(|data| format!("data: {data}\n\n"));
    upstream.emit(&first);
    assert_eq!(witness.next_event().data, said[0]);
    upstream.emit(&second);
    upstream.emit(&format!("id: held\n{third}"));
    eventually("all are in the log", || gateway.metric(APPENDED) == 3.0);
    // With the id of what is held back, from another gateway of the same upstream perhaps.
    let mut known = Get::new("/events").after("held").stream(gateway.address());
    let mut newcomer = gateway.subscribe();
    let polled = Get::new("/events?fantail=poll")
        .stream(gateway.address())
        .rest();
    let rest = up_to(&mut witness, &said[2]);
    assert_eq!(rest, said[1..]);
    let got = up_to(&mut newcomer, &said[2]);
    assert!(got == said[1..] || got == said, "{got:?}");
    let polled: Vec<_> = polled.into_iter().map(|event| event.data).collect();
    assert!(polled == said[..1] || polled == said[1..], "{polled:?}");
    upstream.emit(&format!("data: {}\n\n", quote("C", 4)));
    assert_eq!(known.next_event().data, quote("C", 4));
    assert_eq!(witness.next_event().data, quote("C", 4));
}

#[rstest]
fn what_is_held_back_goes_out_before_the_end(#[values(Way::Plain, Way::Tls, Way::H2)] way: Way) {
    let upstream = Upstream::live();
    let keys = "key = \"json:/s\"\nmax_rate = 1\non_upstream_end = \"close\"";
    let gateway = way.route(&upstream, keys);
    let mut client = gateway.subscribe();
    upstream.wait_for_streams(1);
    let said: Vec<_> = (1..4).map(|price| quote("A", price)).collect();
    upstream.emit(&format!("data: {}\n\n", said[0]));
    assert_eq!(client.next_event().data, said[0]);
    upstream.emit(&format!("data: {}\n\n", said[1]));
    upstream.emit(&format!("data: {}\n\n", said[2]));
    upstream.end_streams();
    let rest: Vec<_> = client.rest().into_iter().map(|event| event.data).collect();
    assert_eq!(rest.last(), Some(&said[2]));
}

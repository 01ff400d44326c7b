//! Many polls, one continuous sequence.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rstest::rstest;

use super::{Answer, WAITING, request, said};
use crate::support::{Client, Gateway, Get, Upstream, Way, eventually};

/// Says 0, 1, 2 … at random moments until it is told to stop; how many it has said.
fn speak(upstream: &Upstream, is_over: &AtomicBool) -> usize {
    let mut said = 0;
    while !is_over.load(Ordering::SeqCst) {
        upstream.emit(&format!("id: {said}\ndata: {said}\n\n"));
        said += 1;
        // Sometimes many in a row, sometimes none for longer than a poll waits.
        std::thread::park_timeout(Duration::from_micros(fastrand::u64(0..15_000)));
    }
    said
}

#[rstest]
fn two_hundred_polls_at_any_moment_lose_nothing_and_repeat_nothing(
    #[values(Way::Plain, Way::H2)] way: Way,
) {
    let upstream = Upstream::live();
    let gateway = way.route(
        &upstream,
        "poll_wait = \"10ms\"\nreplay = { events = 100000 }",
    );
    let _stream = gateway.subscribe();
    upstream.wait_for_streams(1);
    let is_over = AtomicBool::new(false);
    let (seen, said) = std::thread::scope(|scope| {
        let speaker = scope.spawn(|| speak(&upstream, &is_over));
        let seen = follow(&gateway, 200);
        is_over.store(true, Ordering::SeqCst);
        (seen, speaker.join().unwrap())
    });
    let first = *seen.first().expect("an event");
    let expected: Vec<usize> = (first..first + seen.len()).collect();
    assert_eq!(seen, expected);
    assert!(
        seen.len() > 50 && seen.len() <= said,
        "{} of {said}",
        seen.len()
    );
}

/// Polls on one connection, by the last id, with pauses of any length.
fn follow(gateway: &Gateway, polls: usize) -> Vec<usize> {
    let (mut client, mut id) = (Client::raw(gateway.address()), String::new());
    let (mut seen, mut empty) = (Vec::new(), 0);
    for _ in 0..polls {
        client.send(request(&id).bytes());
        client.read_head();
        let answer = Answer::read(&mut client);
        let events = answer.events.iter().filter(|event| event.name.is_empty());
        seen.extend(events.map(|event| event.data.parse::<usize>().unwrap()));
        match answer.events.last() {
            Some(event) => event.id.clone_into(&mut id),
            None => empty += 1,
        }
        if fastrand::bool() {
            std::thread::park_timeout(Duration::from_micros(fastrand::u64(0..10_000)));
        }
    }
    assert!(empty < polls, "nothing but empty answers");
    seen
}

#[rstest]
fn twenty_polls_on_one_connection_are_one_connection(#[values(Way::Plain, Way::H2)] way: Way) {
    let (upstream, gateway) = said(way, "", 1);
    let mut client = Client::raw(gateway.address());
    for number in 1..=20 {
        client.send(request(&format!("u{}", number - 1)).bytes());
        upstream.emit(&format!("id: u{number}\ndata: {number}\n\n"));
        client.read_head();
        assert_eq!(Answer::read(&mut client).data(), [number.to_string()]);
        assert!(
            gateway.app().connections() <= 2,
            "the poller and the witness"
        );
    }
}

/// As `EventSource` does it: the last id in the header, a connection of its own for each request.
#[rstest]
fn an_event_source_that_polls_sees_one_continuous_sequence(
    #[values(Way::Plain, Way::H2)] way: Way,
) {
    let upstream = Upstream::live();
    let gateway = way.route(&upstream, "poll_wait = \"200ms\"");
    let mut id: Option<String> = None;
    let (mut seen, mut names) = (Vec::new(), Vec::new());
    for round in 0..12 {
        let mut get = Get::new("/events?fantail=poll");
        if let Some(id) = &id {
            get = get.after(id);
        }
        let mut client = get.stream(gateway.address());
        assert_eq!(client.header("content-type"), Some("text/event-stream"));
        let answer = Answer::read(&mut client);
        assert!((1000..=60_000).contains(&answer.retry));
        for event in answer.events {
            if event.name.is_empty() {
                seen.push(event.data);
            } else {
                names.push(event.name);
            }
            id = Some(event.id);
        }
        upstream.wait_for_streams(1);
        for part in 0..round % 3 {
            upstream.emit(&format!("data: {round}.{part}\n\n"));
        }
    }
    let all = (0..12).flat_map(|round| (0..round % 3).map(move |part| format!("{round}.{part}")));
    let all: Vec<String> = all.collect();
    assert_eq!(seen, all[..seen.len()]);
    assert!(seen.len() >= all.len() - 3, "{seen:?}");
    assert_eq!(names, ["fantail.position"], "told once, and no gap");
}

#[rstest]
fn a_thousand_polls_that_wait_are_answered_by_one_event(#[values(Way::Plain, Way::H2)] way: Way) {
    const CROWD: usize = 1000;
    let (upstream, gateway) = said(way, "poll_wait = \"10m\"", 1);
    let mut crowd: Vec<Client> = (0..CROWD)
        .map(|_| {
            let mut client = Client::raw(gateway.address());
            client.send(request("u0").bytes());
            client
        })
        .collect();
    eventually("all wait", || gateway.metric(WAITING) == CROWD as f64);
    upstream.emit("id: u1\ndata: 1\n\n");
    let mut retries: Vec<u64> = crowd
        .iter_mut()
        .map(|client| {
            client.read_head();
            let answer = Answer::read(client);
            assert_eq!(answer.data(), ["1"]);
            answer.retry
        })
        .collect();
    assert_eq!(gateway.metric(WAITING), 0.0);
    retries.sort_unstable();
    retries.dedup();
    // They do not come back in one instant.
    assert!(retries.len() > 200, "{} different", retries.len());
    assert!(retries.iter().all(|retry| (1000..=2100).contains(retry)));
}

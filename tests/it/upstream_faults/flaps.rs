//! E8: an upstream that dies again and again.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use fantail::clock;

use crate::support::{Client, Event, Exchange, Gateway, STREAM_HEAD, Upstream, eventually};

const FLAPS: Duration = Duration::from_secs(5);
const UP: Duration = Duration::from_millis(200);

/// Numbers its events from where the client was, or, `forgetful`, from wherever it is by then.
fn counting(forgetful: bool) -> Upstream {
    let newest = Arc::new(AtomicU64::new(0));
    Upstream::start(move |mut exchange: Exchange| {
        let place = exchange
            .header("last-event-id")
            .and_then(|id| id.parse().ok());
        let mut number: u64 = place.unwrap_or(0);
        if forgetful {
            number = newest.load(Ordering::SeqCst) + 3;
        }
        exchange.send(STREAM_HEAD);
        loop {
            number += 1;
            newest.fetch_max(number, Ordering::SeqCst);
            exchange.send(format!("id: {number}\ndata: {number}\n\n"));
            if !exchange.rest_for(Duration::from_millis(10)) {
                return;
            }
        }
    })
}

/// Kills it every 200 ms for 5 s, and lets it live again.
fn flap(upstream: &Upstream) -> usize {
    let begin = clock::now();
    let mut flaps = 0;
    while clock::now() - begin < FLAPS {
        let up = clock::now();
        eventually("it has been up", || clock::now() - up >= UP);
        upstream.kill();
        upstream.revive();
        flaps += 1;
    }
    flaps
}

fn numbers(events: &[Event]) -> Vec<u64> {
    let events = events.iter().filter(|event| event.name != "fantail.gap");
    events.map(|event| event.data.parse().unwrap()).collect()
}

/// What came up to the event that ends it, which comes once the upstream is sound again.
fn through(clients: &mut [Client], upstream: &Upstream) -> Vec<Vec<Event>> {
    let mut seen: Vec<Vec<Event>> = clients.iter_mut().map(|c| vec![c.next_event()]).collect();
    let flaps = flap(upstream);
    assert!(flaps > 10, "{flaps}");
    // The newest that it has counted is surely behind the last death.
    let asked = upstream.requests().len();
    eventually("it streams again", || {
        upstream.requests().len() > asked || upstream.open() == 1
    });
    for (client, events) in clients.iter_mut().zip(&mut seen) {
        let begin = clock::now();
        while clock::now() - begin < Duration::from_millis(500) {
            events.push(client.next_event());
        }
    }
    seen
}

fn no_stream_has_ended(gateway: &Gateway) {
    for reason in [
        "client",
        "slow",
        "stall",
        "age",
        "drain",
        "error",
        "upstream_end",
    ] {
        let series =
            format!("fantail_subscriptions_ended_total{{reason=\"{reason}\",route=\"events\"}}");
        assert_eq!(gateway.metric(&series), 0.0, "{reason}");
    }
}

#[test]
fn an_upstream_that_resumes_may_die_every_200_ms_and_nothing_is_lost_or_doubled() {
    let upstream = counting(false);
    let gateway = Gateway::route(&upstream, "");
    let mut clients: Vec<Client> = (0..20).map(|_| gateway.subscribe()).collect();
    for events in through(&mut clients, &upstream) {
        let numbers = numbers(&events);
        assert!(
            numbers.windows(2).all(|pair| pair[1] == pair[0] + 1),
            "{numbers:?}"
        );
        assert_eq!(
            numbers.len(),
            events.len(),
            "no gap is told where there is none"
        );
    }
    no_stream_has_ended(&gateway);
}

#[test]
fn what_an_upstream_without_memory_loses_is_told_as_a_gap() {
    let upstream = counting(true);
    let gateway = Gateway::route(&upstream, "");
    let mut clients: Vec<Client> = (0..20).map(|_| gateway.subscribe()).collect();
    for events in through(&mut clients, &upstream) {
        let numbers = numbers(&events);
        assert!(
            numbers.is_sorted_by(|a, b| a < b),
            "doubled or out of order: {numbers:?}"
        );
        for pair in events.windows(2) {
            let [before, after] = pair else { continue };
            let number = |event: &Event| event.data.parse::<u64>();
            if let (Ok(before), Ok(after)) = (number(before), number(after)) {
                assert_eq!(after, before + 1, "a loss that is not told");
            }
        }
        assert!(events.iter().any(|event| event.name == "fantail.gap"));
    }
    no_stream_has_ended(&gateway);
}

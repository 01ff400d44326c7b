//! E8: a backend that is killed and started again every two seconds for a minute, counted at both
//! ends. Plain runs are short ones of the same.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use fantail::clock;

use crate::support::{Client, Event, Exchange, Gateway, STREAM_HEAD, Upstream, eventually, until};

const CLIENTS: usize = 10;
/// Between two events.
const BEAT: Duration = Duration::from_millis(20);
/// The longest that a topic waits until it asks again, and some.
const BACK_OFF: Duration = Duration::from_secs(35);
/// A log that holds all that one outage can leave to be sent again at once.
const ROUTE: &str = "replay = { events = 20000, bytes = \"16MiB\" }";
/// What the backend says last.
const LAST: &str = "last";

/// How long, and how often it dies.
#[derive(Clone, Copy)]
struct Run {
    time: Duration,
    up: Duration,
}

const FULL: Run = Run {
    time: Duration::from_secs(60),
    up: Duration::from_secs(2),
};
const SHORT: Run = Run {
    time: Duration::from_secs(4),
    up: Duration::from_millis(400),
};

/// What the backend remembers, over all its deaths.
#[derive(Default)]
struct Record {
    /// Event n has the number n + 1, and was begun by the beat of the clock.
    emitted: Mutex<u64>,
    /// The numbers that were written to each connection.
    connections: Mutex<Vec<Vec<u64>>>,
    is_over: AtomicBool,
}

impl Record {
    /// One more event has happened, whether or not somebody listens.
    fn beat(self: &Arc<Self>) -> JoinHandle<()> {
        let record = Arc::clone(self);
        std::thread::spawn(move || {
            while !record.is_over.load(Ordering::SeqCst) {
                *record.emitted.lock().unwrap() += 1;
                std::thread::park_timeout(BEAT);
            }
        })
    }

    fn emitted(&self) -> u64 {
        *self.emitted.lock().unwrap()
    }

    fn note(&self, connection: usize, number: u64) {
        self.connections.lock().unwrap()[connection].push(number);
    }

    /// Everything from `number` on, and what happens then; `write` makes an event of a number.
    fn tell(&self, exchange: &mut Exchange, mut number: u64, write: fn(u64) -> String) {
        exchange.send(STREAM_HEAD);
        let connection = {
            let mut connections = self.connections.lock().unwrap();
            connections.push(Vec::new());
            connections.len() - 1
        };
        loop {
            let is_over = self.is_over.load(Ordering::SeqCst);
            while number < self.emitted() {
                number += 1;
                self.note(connection, number);
                exchange.send(write(number));
            }
            if is_over {
                exchange.send(format!("data: {LAST}\n\n"));
                return while exchange.rest_for(BEAT) {};
            }
            if !exchange.rest_for(Duration::from_millis(5)) {
                return;
            }
        }
    }
}

/// A backend that has every event that ever was, and sends what is behind the id it is told.
fn remembering(record: &Arc<Record>) -> Upstream {
    let record = Arc::clone(record);
    Upstream::start(move |mut exchange| {
        let place = exchange.header("last-event-id").map(str::to_owned);
        let place = place.map_or(0, |id| id.parse().unwrap());
        record.tell(&mut exchange, place, |n| format!("id: {n}\ndata: {n}\n\n"));
    })
}

/// A backend that says what happens while somebody listens.
fn forgetful(record: &Arc<Record>) -> Upstream {
    let record = Arc::clone(record);
    Upstream::start(move |mut exchange| {
        assert_eq!(exchange.header("last-event-id"), None);
        let place = record.emitted();
        record.tell(&mut exchange, place, |n| format!("data: {n}\n\n"));
    })
}

/// What a client gets up to the last word; it reads all the time, as a browser does.
fn reader(mut client: Client) -> JoinHandle<Vec<Event>> {
    std::thread::spawn(move || {
        let mut events = Vec::new();
        let deadline = clock::now() + FULL.time + 2 * BACK_OFF;
        while clock::now() < deadline {
            if !client.has_more(Duration::from_millis(200)) {
                continue;
            }
            let event = client.next_event();
            if event.data == LAST {
                return events;
            }
            events.push(event);
        }
        panic!("the last word never came");
    })
}

/// Kills the backend again and again. What each client got, and how often the backend died.
fn live_through(run: Run, upstream: &Upstream, gateway: &Gateway, record: &Arc<Record>) -> Told {
    let readers: Vec<_> = (0..CLIENTS).map(|_| reader(gateway.subscribe())).collect();
    let beat = record.beat();
    let begin = clock::now();
    let mut deaths = 0;
    while clock::now() - begin < run.time {
        let up = clock::now();
        until("it has been up", || {
            (clock::now() - up >= run.up).then_some(())
        });
        upstream.kill();
        upstream.revive();
        deaths += 1;
    }
    record.is_over.store(true, Ordering::SeqCst);
    beat.join().unwrap();
    let told = readers.into_iter().map(|reader| reader.join().unwrap());
    Told {
        clients: told.collect(),
        deaths,
    }
}

struct Told {
    clients: Vec<Vec<Event>>,
    deaths: usize,
}

fn nothing_is_lost_or_doubled(run: Run) {
    let record = Arc::new(Record::default());
    let upstream = remembering(&record);
    let gateway = Gateway::route(&upstream, ROUTE);
    let told = live_through(run, &upstream, &gateway, &record);
    let emitted: Vec<u64> = (1..=record.emitted()).collect();
    for events in &told.clients {
        let numbers: Vec<u64> = events.iter().map(number).collect();
        assert_eq!(numbers, emitted, "exactly what was emitted, in order");
    }
    nobody_was_disconnected(&gateway);
    report("with ids", &told, &record, 0.0);
}

fn every_loss_is_announced(run: Run) {
    let record = Arc::new(Record::default());
    let upstream = forgetful(&record);
    let gateway = Gateway::route(&upstream, ROUTE);
    let told = live_through(run, &upstream, &gateway, &record);
    let gaps = gateway.metric("fantail_gaps_total{cause=\"upstream\",route=\"events\"}");
    let connections = record.connections.lock().unwrap().clone();
    for events in &told.clients {
        let segments: Vec<&[Event]> = events.split(|event| event.name == "fantail.gap").collect();
        assert_eq!(
            segments.len() as f64,
            gaps + 1.0,
            "each client is told of each"
        );
        let mut sent = connections.iter();
        for segment in segments {
            let numbers: Vec<u64> = segment.iter().map(number).collect();
            // Nothing of two connections stands together without a gap in between, and of each
            // connection everything up to its death is there, once and in order.
            let is_from = |sent: &Vec<u64>| sent.starts_with(&numbers);
            assert!(
                numbers.is_empty() || sent.any(is_from),
                "{numbers:?} is not what a connection began with"
            );
        }
    }
    assert!(gaps >= 2.0, "{gaps}");
    nobody_was_disconnected(&gateway);
    report("without ids", &told, &record, gaps);
}

fn number(event: &Event) -> u64 {
    assert_eq!(event.name, "", "only events of the backend: {event:?}");
    event.data.parse().unwrap()
}

fn nobody_was_disconnected(gateway: &Gateway) {
    // The readers have left by now; nobody else's leaving is counted but theirs.
    let ended = |reason: &str| {
        let name = "fantail_subscriptions_ended_total";
        gateway.metric(&format!("{name}{{reason=\"{reason}\",route=\"events\"}}"))
    };
    for reason in ["slow", "stall", "age", "drain", "error", "upstream_end"] {
        assert_eq!(ended(reason), 0.0, "{reason}");
    }
    eventually("all clients have left of their own will", || {
        ended("client") == CLIENTS as f64
    });
    let begun = "fantail_subscriptions_total{protocol=\"h1\",route=\"events\"}";
    assert_eq!(gateway.metric(begun), CLIENTS as f64, "none came twice");
}

#[expect(clippy::print_stdout, reason = "the counts that the test is about")]
fn report(what: &str, told: &Told, record: &Record, gaps: f64) {
    let connections = record.connections.lock().unwrap().len();
    let got = told.clients.iter().map(Vec::len).min().unwrap_or_default();
    println!(
        "{what}: {} deaths, {} connections, {} events emitted, each of {CLIENTS} clients got {} \
         events and {gaps} gaps, 0 disconnects",
        told.deaths,
        connections,
        record.emitted(),
        got as f64 - gaps,
    );
}

#[test]
fn a_backend_with_ids_that_dies_and_lives_again_loses_and_doubles_nothing() {
    nothing_is_lost_or_doubled(SHORT);
}

#[test]
fn a_backend_without_ids_that_dies_and_lives_again_loses_nothing_unannounced() {
    every_loss_is_announced(SHORT);
}

#[test]
#[ignore = "60 s: tests/run runs it"]
fn a_minute_of_deaths_with_ids() {
    nothing_is_lost_or_doubled(FULL);
}

#[test]
#[ignore = "60 s: tests/run runs it"]
fn a_minute_of_deaths_without_ids() {
    every_loss_is_announced(FULL);
}

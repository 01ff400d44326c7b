//! A shard driven by hand, round by round, with socket pairs for clients.

use std::io::{ErrorKind, Read as _};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;

use super::mailbox::{Mailbox, PollWaker};
use super::shard::{Round, Shard, WAKER};
use super::socket::OnWrite;
use super::{ConnectionPermit, Newcomer, Options, ShardOptions, Slow, Socket};
use crate::clock;
use crate::hub::limits::{ClientAddr, Total};
use crate::hub::wake::Door;
use crate::hub::{self, Appender, Hub, OnDemand, RouteTopics, TopicOptions};
use crate::log::{Bounds, Cursor, Draft, Identity};
use crate::metrics::{ConflateReason, EndReason, GaugeGuard, Metrics, Protocol};
use crate::topic_key::{RouteId, TopicKey};

#[derive(Default)]
struct Opener(Mutex<Option<Appender>>);

impl OnDemand for Opener {
    fn open(&self, appender: Appender) {
        *self.0.lock() = Some(appender);
    }
}

impl Opener {
    fn emit(&self, key: Option<&str>, data: &str) {
        let mut appender = self.0.lock();
        let draft = Draft::Event {
            id: None,
            identity: Identity::None,
            name: None,
            data,
            key,
        };
        appender.as_mut().unwrap().append(&draft, clock::now());
        appender.as_ref().unwrap().publish();
    }
}

struct Stage {
    shard: Shard,
    round: Round,
    mailbox: Arc<Mailbox>,
    door: Arc<Door>,
    hub: Arc<Hub>,
    opener: Arc<Opener>,
    route: Arc<RouteTopics>,
    metrics: Arc<Metrics>,
    options: Arc<Options>,
}

const PROLOGUE: &[u8] = b"HTTP/1.1 200 OK\r\n\r\n";

impl Stage {
    fn new(options: Options, events: usize) -> Self {
        let poll = mio::Poll::new().unwrap();
        let waker = mio::Waker::new(poll.registry(), WAKER).unwrap();
        let door = Door::new(Box::new(PollWaker(waker)));
        let mailbox = Mailbox::new();
        let metrics = Metrics::new();
        let mut shard = Shard::new(0, poll, &door, &mailbox, ShardOptions::default());
        shard.count_in(&metrics, 1, clock::now());
        let hub = Hub::new(hub::Options::default(), vec![Arc::clone(&door)]);
        let opener = Arc::new(Opener::default());
        hub.set_on_demand(Arc::<Opener>::clone(&opener));
        let replay = Bounds {
            events,
            ..Bounds::default()
        };
        let route = Arc::new(RouteTopics {
            id: RouteId(0),
            name: "route".into(),
            options: TopicOptions {
                replay,
                linger: Duration::from_secs(1),
                has_keys: true,
                ..TopicOptions::default()
            },
            metrics: metrics.route("route"),
        });
        let (round, options) = (Round::default(), Arc::new(options));
        Self {
            shard,
            round,
            mailbox,
            door,
            hub,
            opener,
            route,
            metrics,
            options,
        }
    }

    fn newcomer(&self, socket: Socket) -> Newcomer {
        let key = TopicKey::new("http://h/", Vec::new());
        let client = hub::Client {
            address: ClientAddr::new([127, 0, 0, 1].into()),
            protocol: Protocol::H1,
        };
        let subscription = self
            .hub
            .subscribe(&self.route, &key, client, clock::now())
            .unwrap();
        let total = Total::new(0);
        let gauge = &self.metrics.listener("l").connections;
        Newcomer {
            socket,
            prologue: Bytes::from_static(PROLOGUE),
            cursor: Cursor::at(subscription.topic().log().edge()),
            subscription,
            options: Arc::clone(&self.options),
            permit: ConnectionPermit {
                total: total.acquire(),
                served: total.acquire(),
                address: None,
                open: GaugeGuard::enter(gauge),
            },
        }
    }

    fn join(&mut self, make: impl FnOnce(mio::net::UnixStream) -> Socket) -> UnixStream {
        let client = self.arrive(make);
        self.turn();
        client
    }

    /// Comes, and is not taken in before the next turn.
    fn arrive(&self, make: impl FnOnce(mio::net::UnixStream) -> Socket) -> UnixStream {
        let (ours, theirs) = UnixStream::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        theirs.set_nonblocking(true).unwrap();
        let socket = make(mio::net::UnixStream::from_std(ours));
        self.mailbox.put(self.newcomer(socket), &self.door);
        theirs
    }

    fn emit(&self, data: &str) {
        self.opener.emit(None, data);
    }

    fn emit_of(&self, key: Option<&str>, data: &str) {
        self.opener.emit(key, data);
    }

    fn turn(&mut self) {
        self.shard.round(&mut self.round, Duration::ZERO);
    }

    fn ended(&self, reason: EndReason) -> u64 {
        self.route.metrics.ended.of(reason).get()
    }
}

/// A fault in our own code.
fn faulty(socket: mio::net::UnixStream) -> Socket {
    let fail = || panic!("a fault of our own");
    Socket::Staged(socket, OnWrite(Box::new(fail)))
}

/// What has arrived, without the prologue.
fn received(client: &mut UnixStream) -> String {
    let mut bytes = Vec::new();
    let result = client.read_to_end(&mut bytes);
    assert!(result.is_ok() || result.is_err_and(|e| e.kind() == ErrorKind::WouldBlock));
    let text = String::from_utf8(bytes).unwrap();
    text.strip_prefix("HTTP/1.1 200 OK\r\n\r\n")
        .unwrap_or(&text)
        .to_owned()
}

/// A pass copied the list of those at the live edge out of its place while it wrote: a panic lost
/// the list, and everybody on it was never served again.
#[test]
fn a_panic_while_serving_one_subscriber_ends_that_one_and_nobody_misses_or_repeats_a_frame() {
    let mut stage = Stage::new(Options::default(), 100);
    let mut before = stage.join(Socket::Unix);
    let mut broken = stage.join(faulty);
    let mut behind = stage.join(Socket::Unix);
    stage.emit("1");
    for _ in 0..3 {
        stage.turn();
    }
    stage.emit("2");
    stage.turn();
    assert_eq!(received(&mut before), "data: 1\n\ndata: 2\n\n");
    assert_eq!(received(&mut behind), "data: 1\n\ndata: 2\n\n");
    assert_eq!(received(&mut broken), "");
    assert_eq!(
        (stage.ended(EndReason::Error), stage.mailbox.load()),
        (1, 2)
    );
}

fn fill(stage: &mut Stage, frames: usize) {
    let data = "x".repeat(10_000);
    for _ in 0..frames {
        stage.emit(&data);
        stage.turn();
    }
}

/// The moment to end is over and the socket is full: only the stall timer can end it then, and it
/// was never asked again.
#[test]
fn a_blocked_subscriber_whose_time_to_end_has_come_is_still_seen_to_stall() {
    let stall_timeout = Duration::from_millis(1500);
    let max_age = Duration::from_secs(1);
    let mut stage = Stage::new(
        Options {
            stall_timeout,
            max_age,
            ..Options::default()
        },
        100,
    );
    let _client = stage.join(Socket::Unix);
    // More than the socket takes: the rest of this frame is owed.
    stage.emit(&"x".repeat(900_000));
    stage.turn();
    let deadline = clock::now() + Duration::from_secs(20);
    while stage.mailbox.load() > 0 && clock::now() < deadline {
        stage
            .shard
            .round(&mut stage.round, Duration::from_millis(20));
    }
    assert_eq!(
        (stage.ended(EndReason::Stall), stage.mailbox.load()),
        (1, 0)
    );
}

#[test]
fn a_slow_subscriber_gets_whole_frames_and_the_exact_gap() {
    let mut stage = Stage::new(Options::default(), 10);
    let mut client = stage.join(Socket::Unix);
    let mut text = String::new();
    fill(&mut stage, 200);
    let deadline = clock::now() + Duration::from_secs(20);
    while !text.ends_with("data: end\n\n") && clock::now() < deadline {
        text += &received(&mut client);
        stage.turn();
        if text.contains("fantail.gap") && !text.contains("data: end") {
            stage.emit("end");
        }
    }
    let missed: usize = text
        .split("\"missed\":")
        .skip(1)
        .filter_map(|rest| rest.split(',').next()?.parse::<usize>().ok())
        .sum();
    let whole = text
        .matches(&format!("data: {}\n\n", "x".repeat(10_000)))
        .count();
    assert!(missed > 0 && text.matches("data: x").count() == whole);
    assert_eq!(missed + whole, 200);
}

#[test]
fn a_slow_subscriber_of_a_route_that_says_so_is_closed_at_a_frame_boundary() {
    let mut stage = Stage::new(
        Options {
            slow: Slow::Close,
            ..Options::default()
        },
        10,
    );
    let mut client = stage.join(Socket::Unix);
    fill(&mut stage, 200);
    let mut text = String::new();
    let deadline = clock::now() + Duration::from_secs(20);
    while stage.mailbox.load() > 0 && clock::now() < deadline {
        text += &received(&mut client);
        stage.turn();
    }
    text += &received(&mut client);
    assert!(text.ends_with("x\n\n") && !text.contains("fantail.gap"));
    assert_eq!(stage.ended(EndReason::Slow), 1);
}

/// Of two keys by turns. A third is said once only, behind everything that the socket takes.
fn say_two_hundred(stage: &mut Stage) {
    let filler = "x".repeat(10_000);
    for number in 0..200 {
        let key = if number == 60 {
            "c"
        } else {
            ["a", "b"][number % 2]
        };
        stage.emit_of(Some(key), &format!("{key}{number}\n{filler}"));
        stage.turn();
    }
}

#[test]
fn a_slow_subscriber_of_a_route_that_conflates_gets_the_newest_of_each_key_and_no_gap() {
    let mut stage = Stage::new(
        Options {
            slow: Slow::Conflate,
            ..Options::default()
        },
        10,
    );
    let mut client = stage.join(Socket::Unix);
    say_two_hundred(&mut stage);
    let mut text = String::new();
    let deadline = clock::now() + Duration::from_secs(20);
    while !text.contains("b199") && clock::now() < deadline {
        text += &received(&mut client);
        stage.turn();
    }
    assert!(
        !text.contains("fantail.gap") && text.ends_with("x\n\n"),
        "{}",
        text.len()
    );
    let said: Vec<&str> = text.lines().filter(|line| !line.ends_with('x')).collect();
    let said: Vec<&str> = said.into_iter().filter(|line| !line.is_empty()).collect();
    assert_eq!(
        said[said.len() - 3..],
        ["data: c60", "data: a198", "data: b199"]
    );
    let conflated = &stage.route.metrics.frames_conflated;
    let passed_over = conflated.of(ConflateReason::Slow).get();
    assert_eq!(usize::try_from(passed_over).unwrap() + said.len(), 200);
    assert_eq!(
        stage.route.metrics.frames_delivered.get(),
        said.len() as u64
    );
}

#[test]
fn the_rest_of_a_pass_is_queued_once() {
    let mut stage = Stage::new(Options::default(), 10_000);
    let _client = stage.join(Socket::Unix);
    let data = "x".repeat(20_000);
    for _ in 0..200 {
        stage.emit(&data);
    }
    for _ in 0..3 {
        stage.turn();
        assert!(stage.shard.unfinished_topics.len() <= 1);
    }
}

/// Each newcomer made the others' pass, and a pass went on while there was more: of a hot topic
/// there is always more, and the first byte of a newcomer took half a second.
#[test]
fn newcomers_to_a_hot_topic_cost_those_who_are_there_no_pass_each() {
    let mut stage = Stage::new(Options::default(), 1000);
    // While one event is written, the next one comes.
    let (opener, mut said) = (Arc::clone(&stage.opener), 0);
    let say = move || {
        said += 1;
        opener.emit(None, &said.to_string());
    };
    let mut there = stage.join(|socket| Socket::Staged(socket, OnWrite(Box::new(say))));
    stage.emit("0");
    stage.turn();
    drop(received(&mut there));
    let mut newcomers: Vec<_> = (0..20).map(|_| stage.arrive(Socket::Unix)).collect();
    for _ in 0..2 {
        stage.turn();
    }
    let written = received(&mut there).matches("data:").count();
    assert!(written <= 8, "{written} events in two rounds");
    let places: std::collections::HashSet<_> = newcomers
        .iter_mut()
        .map(|client| received(client).lines().last().map(str::to_owned))
        .collect();
    stage.turn();
    let lines: Vec<_> = newcomers.iter_mut().map(received).collect();
    assert!(
        lines
            .iter()
            .all(|text| *text == lines[0] && text.starts_with("data: "))
    );
    assert_eq!(places.len(), 1);
}

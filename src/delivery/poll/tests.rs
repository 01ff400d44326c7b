//! A poll beside its log: what it is given, when, and that the next one goes on behind it.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use super::super::OnGap;
use super::*;
use crate::clock;
use crate::hub::limits::ClientAddr;
use crate::hub::{self, Appender, Client, Hub, OnDemand, RouteTopics, TopicOptions};
use crate::log::{Bounds, Draft, Identity, Place};
use crate::metrics::{Metrics, Protocol};
use crate::topic_key::{RouteId, TopicKey};

#[derive(Default)]
struct Opener(Mutex<Option<Appender>>);

impl OnDemand for Opener {
    fn open(&self, appender: Appender) {
        *self.0.lock() = Some(appender);
    }
}

struct Stage {
    hub: Arc<Hub>,
    opener: Arc<Opener>,
    route: Arc<RouteTopics>,
    options: Options,
}

impl Stage {
    /// A log that keeps so many frames, and a topic with nothing said.
    fn keeping(events: usize) -> Self {
        let hub = Hub::new(hub::Options::default(), vec![]);
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
                ..TopicOptions::default()
            },
            metrics: Metrics::new().route("route"),
        });
        let stage = Self {
            hub,
            opener,
            route,
            options: Options::default(),
        };
        drop(stage.subscription());
        stage
    }

    fn subscription(&self) -> Subscription {
        let client = Client {
            address: ClientAddr::new([127, 0, 0, 1].into()),
            protocol: Protocol::Poll,
        };
        let key = TopicKey::new("http://h/", Vec::new());
        let asked = self.hub.subscribe(&self.route, &key, client, clock::now());
        asked.unwrap()
    }

    /// A poll from this place, which its client knows or not.
    fn poll(&self, place: u64, is_placed: bool) -> Poll {
        let options = Arc::new(self.options.clone());
        let cursor = Cursor::at(Offset(place));
        Poll::new(self.subscription(), options, cursor, is_placed)
    }

    fn say(&self, data: &str) {
        let draft = Draft::Event {
            id: None,
            identity: Identity::Token,
            name: None,
            data,
            key: None,
        };
        if let Some(appender) = self.opener.0.lock().as_mut() {
            appender.append(&draft, clock::now());
            appender.publish();
        }
    }

    fn token(&self, offset: Offset) -> String {
        let epoch = self.subscription().topic().log().epoch();
        Position { epoch, offset }.to_string()
    }

    fn ended(&self, reason: EndReason) -> u64 {
        self.route.metrics.ended.of(reason).get()
    }

    fn frame(&self, offset: u64, data: &str) -> String {
        format!("id: {}\ndata: {data}\n\n", self.token(Offset(offset)))
    }

    fn position(&self, offset: Offset) -> String {
        let token = self.token(offset);
        format!("id: {token}\nevent: fantail.position\ndata: {{}}\n\n")
    }
}

/// The `retry:` that an answer begins with, in milliseconds, and what follows it.
fn split(body: Vec<u8>) -> (u64, String) {
    let body = String::from_utf8(body).unwrap();
    let (retry, rest) = body.split_once('\n').unwrap();
    let retry = retry.strip_prefix("retry: ").unwrap();
    (retry.parse().unwrap(), rest.to_owned())
}

async fn answer(poll: Poll) -> String {
    let (retry, rest) = split(poll.answer(Duration::ZERO, pending()).await);
    assert!((1000..=1100).contains(&retry), "retry: {retry}");
    rest
}

#[tokio::test(start_paused = true)]
async fn what_is_there_comes_at_once_and_nothing_else_with_it() {
    let stage = Stage::keeping(10);
    for data in ["0", "1", "2"] {
        stage.say(data);
    }
    let begin = Instant::now();
    let frames = [stage.frame(1, "1"), stage.frame(2, "2")].concat();
    assert_eq!(answer(stage.poll(1, true)).await, frames);
    assert_eq!(
        answer(stage.poll(1, false)).await,
        frames,
        "the last id is a place"
    );
    assert_eq!(
        (begin.elapsed(), stage.ended(EndReason::Answered)),
        (Duration::ZERO, 2)
    );
    let metrics = &stage.route.metrics;
    assert_eq!(metrics.frames_delivered.get(), 4);
    assert_eq!(
        metrics.sent_bytes.get(),
        2 * ("retry: 1234\n".len() + frames.len()) as u64
    );
}

#[tokio::test(start_paused = true)]
async fn a_poll_that_waits_is_answered_with_the_next_event() {
    let stage = Stage::keeping(10);
    stage.say("0");
    let says = async {
        tokio::time::sleep(Duration::from_secs(3)).await;
        stage.say("1");
        stage.say("2");
    };
    let begin = Instant::now();
    let (said, ()) = tokio::join!(answer(stage.poll(1, true)), says);
    assert_eq!(said, [stage.frame(1, "1"), stage.frame(2, "2")].concat());
    assert_eq!(begin.elapsed().as_secs(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_poll_waits_for_poll_wait_and_then_knows_its_place() {
    let stage = Stage::keeping(10);
    let begin = Instant::now();
    let nothing_said = stage.position(Offset::BEFORE_FIRST);
    assert_eq!(answer(stage.poll(0, false)).await, nothing_said);
    let waited = begin.elapsed().as_secs();
    assert!((20..=25).contains(&waited), "{waited} s");
    stage.say("0");
    assert_eq!(
        answer(stage.poll(1, false)).await,
        stage.position(Offset(0))
    );
    assert_eq!(answer(stage.poll(1, true)).await, ":\n");
    assert_eq!(stage.ended(EndReason::PollWait), 3);
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_bounded_and_what_does_not_fit_comes_with_the_next() {
    let mut stage = Stage::keeping(10);
    for _ in 0..3 {
        stage.say("x");
    }
    let one = stage.frame(0, "x").len();
    for (bytes, frames) in [
        (1, 1),
        (one, 1),
        (2 * one - 1, 1),
        (2 * one, 2),
        (3 * one, 3),
    ] {
        stage.options.poll_bytes = bytes;
        let said = answer(stage.poll(0, true)).await;
        assert_eq!(said.len(), frames * one, "{bytes} bytes");
    }
    assert_eq!(stage.ended(EndReason::PollBytes), 4);
    assert_eq!(stage.ended(EndReason::Answered), 1);
}

#[tokio::test(start_paused = true)]
async fn who_fell_off_the_log_is_told_and_goes_on_as_the_route_says() {
    let mut stage = Stage::keeping(2);
    for data in ["0", "1", "2", "3", "4"] {
        stage.say(data);
    }
    let gap = |missed: u64, id: u64| {
        let token = stage.token(Offset(id));
        format!(
            "id: {token}\nevent: fantail.gap\ndata: {{\"missed\":{missed},\"reason\":\"lag\"}}\n\n"
        )
    };
    let (to_oldest, to_live) = (gap(2, 2), gap(4, 4));
    let rest = [stage.frame(3, "3"), stage.frame(4, "4")].concat();
    assert_eq!(
        answer(stage.poll(1, true)).await,
        format!("{to_oldest}{rest}")
    );
    stage.options.on_gap = OnGap::Live;
    assert_eq!(answer(stage.poll(1, true)).await, to_live);
    stage.options.gap_event = false;
    assert_eq!(answer(stage.poll(1, true)).await, stage.position(Offset(4)));
    stage.options.on_gap = OnGap::Oldest;
    assert_eq!(answer(stage.poll(1, true)).await, rest);
    stage.options.slow = Slow::Close;
    assert_eq!(
        answer(stage.poll(1, true)).await,
        ":\n",
        "its id tells the gap"
    );
    assert_eq!(stage.ended(EndReason::Slow), 1);
    let metrics = &stage.route.metrics;
    assert_eq!(metrics.gaps.of(GapCause::Lag).get(), 4);
    assert_eq!(
        metrics.frames_missed.of(MissReason::Lag).get(),
        2 + 4 + 4 + 2
    );
}

/// Where ids are exactly the upstream's, the last one of an answer may stand for many frames.
#[tokio::test(start_paused = true)]
async fn where_ids_are_no_places_every_answer_ends_with_one() {
    let mut stage = Stage::keeping(10);
    stage.options.gap_ids = false;
    stage.say("0");
    let said = answer(stage.poll(0, true)).await;
    assert_eq!(
        said,
        [stage.frame(0, "0"), stage.position(Offset(0))].concat()
    );
}

#[tokio::test(start_paused = true)]
async fn a_gap_is_told_at_once_though_nothing_follows_it() {
    let stage = Stage::keeping(10);
    let mut poll = stage.poll(0, false);
    let log = Arc::clone(poll.subscription.topic().log());
    let leap = Leap::new(&stage.options, &log, GapCause::Epoch, None, Offset(0));
    poll.remark("words");
    poll.leap(&leap);
    let begin = Instant::now();
    let token = stage.token(Offset::BEFORE_FIRST);
    let gap = "event: fantail.gap\ndata: {\"missed\":null,\"reason\":\"epoch\"}\n\n";
    assert_eq!(answer(poll).await, format!(": words\nid: {token}\n{gap}"));
    assert_eq!(begin.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_topic_and_a_drain_end_the_waiting() {
    let stage = Stage::keeping(10);
    let poll = stage.poll(0, true);
    let drained = tokio::time::sleep(Duration::from_secs(1));
    let (retry, rest) = split(poll.answer(Duration::ZERO, drained).await);
    assert!((5000..=10_000).contains(&retry), "{retry}");
    assert_eq!((&*rest, stage.ended(EndReason::Drain)), (":\n", 1));
    let poll = stage.poll(0, true);
    let ends = async { drop(stage.opener.0.lock().take()) };
    let (said, ()) = tokio::join!(answer(poll), ends);
    assert_eq!((&*said, stage.ended(EndReason::UpstreamEnd)), (":\n", 1));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_goes_while_it_waits_is_counted_and_holds_nothing() {
    let stage = Stage::keeping(10);
    let waiting = tokio::time::timeout(Duration::from_secs(1), answer(stage.poll(0, true)));
    assert!(waiting.await.is_err());
    assert_eq!(stage.ended(EndReason::Client), 1);
    let metrics = &stage.route.metrics;
    assert_eq!(metrics.subscribers.of(Protocol::Poll).get(), 0);
    assert_eq!(metrics.subscriptions.of(Protocol::Poll).get(), 2);
}

/// Whatever is said while a client waits, reads, or is away: polls joined by their ids are the log.
#[tokio::test(start_paused = true)]
async fn polls_joined_by_their_last_ids_are_one_sequence() {
    let mut stage = Stage::keeping(1000);
    stage.options.poll_bytes = 300;
    let mut random = fastrand::Rng::with_seed(7);
    let (mut said, mut seen) = (0, Vec::new());
    let mut id: Option<String> = None;
    for _ in 0..500 {
        let log = Arc::clone(stage.subscription().topic().log());
        let place = match &id {
            None => log.newcomers_place(),
            Some(id) => match log.find(id, clock::now()) {
                Place::At(place) => place,
                other => panic!("{other:?}"),
            },
        };
        let mut burst = |most: u64| {
            for _ in 0..random.u64(0..=most) {
                stage.say(&said.to_string());
                said += 1;
            }
        };
        burst(2);
        let poll = stage.poll(place.0, id.is_some());
        let says = async {
            tokio::task::yield_now().await;
            burst(3);
        };
        let (body, ()) = tokio::join!(answer(poll), says);
        let data = body.lines().filter_map(|line| line.strip_prefix("data: "));
        seen.extend(data.filter_map(|data| data.parse::<u64>().ok()));
        let mut ids = body.lines().rev();
        let last = ids.find_map(|line| line.strip_prefix("id: "));
        id = last.map(str::to_owned).or(id);
    }
    assert!(said > 500, "{said}");
    let all: Vec<u64> = (0..seen.len() as u64).collect();
    assert_eq!(seen, all);
}

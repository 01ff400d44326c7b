//! The hub with a fake opener and a waker that counts.

mod scarcity;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::time::timeout;

use super::limits::ClientAddr;
use super::wake::{Door, Slot, Wake};
use super::{
    Answer, Appender, Client, FirstAnswer, Hub, OnDemand, Options, Refusal, RouteTopics,
    Subscription, TopicOptions,
};
use crate::log::{Batch, Cursor, Draft, Identity, Read};
use crate::metrics::{CloseReason, Metrics, Protocol, TopicState};
use crate::topic_key::{RouteId, TopicKey};

const LINGER: Duration = Duration::from_secs(15);
const MINUTE: Duration = Duration::from_secs(60);
const ALICE: [u8; 4] = [192, 0, 2, 1];
const BOB: [u8; 4] = [192, 0, 2, 2];

/// Keeps what it is to open.
#[derive(Default)]
struct Opener(Mutex<Vec<Appender>>);

impl OnDemand for Opener {
    fn open(&self, appender: Appender) {
        self.0.lock().push(appender);
    }
}

#[derive(Debug, Default, Clone)]
struct Wakes(Arc<AtomicUsize>);

impl Wake for Wakes {
    fn wake(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

struct Stage {
    hub: Arc<Hub>,
    route: Arc<RouteTopics>,
    opener: Arc<Opener>,
    door: Arc<Door>,
    wakes: Wakes,
    now: Instant,
}

impl Stage {
    fn new(options: Options) -> Self {
        let wakes = Wakes::default();
        let door = Door::new(Box::new(wakes.clone()));
        let hub = Hub::new(options, vec![Arc::clone(&door)]);
        let opener = Arc::new(Opener::default());
        let on_demand: Arc<dyn OnDemand> = Arc::<Opener>::clone(&opener);
        hub.set_on_demand(on_demand);
        Self {
            hub,
            route: route(),
            opener,
            door,
            wakes,
            now: crate::clock::now(),
        }
    }

    fn open() -> Self {
        Self::new(Options::default())
    }

    fn ask(&self, client: [u8; 4], path: &str, at: Instant) -> Result<Subscription, Refusal> {
        let key = TopicKey::new(path, vec![]);
        self.hub.subscribe(&self.route, &key, streaming(client), at)
    }

    fn alice(&self, path: &str) -> Result<Subscription, Refusal> {
        self.ask(ALICE, path, self.now)
    }

    /// The task's end of the topic that was opened last.
    fn appender(&self) -> Appender {
        self.opener.0.lock().pop().unwrap()
    }

    /// The gauges: topics in any state, then subscribers.
    fn gauges(&self) -> (i64, i64) {
        let metrics = &self.route.metrics;
        let topics = metrics.topics.iter().map(prometheus::IntGauge::get).sum();
        (topics, metrics.subscribers.of(Protocol::H1).get())
    }
}

fn streaming(address: [u8; 4]) -> Client {
    Client {
        address: ClientAddr::new(address.into()),
        protocol: Protocol::H1,
    }
}

fn route() -> Arc<RouteTopics> {
    Arc::new(RouteTopics {
        id: RouteId(0),
        name: "r".into(),
        options: TopicOptions::default(),
        metrics: Metrics::new().route("r"),
    })
}

fn draft() -> Draft<'static> {
    Draft::Event {
        id: None,
        identity: Identity::Token,
        name: None,
        data: "x",
        key: None,
    }
}

#[test]
fn many_who_subscribe_at_once_share_one_topic_that_is_opened_once() {
    let stage = Stage::open();
    let subscriptions: Vec<_> = std::thread::scope(|scope| {
        let ask = || (0..50).map(|_| stage.alice("a").unwrap()).collect();
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(ask)).collect();
        threads
            .into_iter()
            .flat_map(|thread| -> Vec<_> { thread.join().unwrap() })
            .collect()
    });
    assert_eq!(stage.opener.0.lock().len(), 1);
    let appender = stage.appender();
    assert!(
        subscriptions
            .iter()
            .all(|s| Arc::ptr_eq(s.topic(), appender.topic()))
    );
    assert_eq!(stage.hub.topics(stage.now)[0].subscribers, 400);
    assert_eq!(stage.gauges(), (1, 400));
    drop((subscriptions, appender));
    assert_eq!(stage.gauges(), (0, 0));
    assert!(stage.hub.topics(stage.now).is_empty());
}

#[test]
fn a_topic_beyond_the_limit_is_refused_until_another_is_over() {
    let stage = Stage::new(Options {
        topics: 1,
        ..Options::default()
    });
    let first = stage.alice("a").unwrap();
    assert_eq!(stage.alice("b").unwrap_err(), Refusal::Topics);
    let again = stage.alice("a");
    assert!(again.is_ok(), "a topic that is there takes everybody");
    // The readers have not seen the end yet: what they hold is no topic any more.
    drop(stage.appender());
    assert!(stage.alice("b").is_ok());
    drop(first);
}

#[test]
fn an_address_beyond_its_limit_is_refused_and_uses_up_nothing() {
    let stage = Stage::new(Options {
        topics: 2,
        topics_per_address: 1,
        ..Options::default()
    });
    let _a = stage.alice("a").unwrap();
    for _ in 0..3 {
        assert_eq!(stage.alice("b").unwrap_err(), Refusal::TopicsOfAddress);
    }
    let _b = stage.ask(BOB, "b", stage.now).unwrap();
    assert!(stage.alice("b").is_ok(), "only who opens a topic pays");
    drop(stage.appender());
    assert_eq!(stage.alice("c").unwrap_err(), Refusal::TopicsOfAddress);
    drop(stage.appender());
    assert!(stage.alice("c").is_ok());
}

#[test]
fn a_full_topic_refuses_until_somebody_leaves() {
    let stage = Stage::new(Options {
        subscribers_per_topic: 2,
        ..Options::default()
    });
    let (first, _second) = (stage.alice("a").unwrap(), stage.alice("a").unwrap());
    assert_eq!(stage.alice("a").unwrap_err(), Refusal::Subscribers);
    assert_eq!(stage.gauges(), (1, 2));
    drop(first);
    assert!(stage.alice("a").is_ok());
}

#[test]
fn a_last_word_is_remembered_until_it_expires_and_then_asked_for_anew() {
    let stage = Stage::open();
    let held = stage.alice("a").unwrap();
    stage
        .appender()
        .end_with(Answer::Status(404), stage.now + MINUTE);
    let refused = Refusal::Answered(Answer::Status(404));
    assert_eq!(stage.alice("a").unwrap_err(), refused);
    let last = stage.now + MINUTE.saturating_sub(Duration::from_millis(1));
    assert_eq!(stage.ask(ALICE, "a", last).unwrap_err(), refused);
    assert!(stage.opener.0.lock().is_empty());
    let anew = stage.ask(ALICE, "a", stage.now + MINUTE).unwrap();
    assert_eq!(stage.opener.0.lock().len(), 1);
    assert!(!Arc::ptr_eq(anew.topic(), held.topic()));
    let closed = &stage.route.metrics.topics_closed;
    assert_eq!(closed.of(CloseReason::Upstream).get(), 1);
}

/// The permits of a remembered topic went with its last `Arc`: a subscriber that was slow to take
/// its end kept a topic's place long after the answer was forgotten.
#[test]
fn a_forgotten_answer_gives_its_place_back_though_a_reader_still_holds_the_topic() {
    let stage = Stage::new(Options {
        topics: 1,
        topics_per_address: 1,
        ..Options::default()
    });
    let slow = stage.alice("a").unwrap();
    stage
        .appender()
        .end_with(Answer::NoContent, stage.now + MINUTE);
    stage.hub.sweep(stage.now);
    assert_eq!(stage.hub.topics(stage.now).len(), 1);
    assert_eq!(
        stage.alice("b").unwrap_err(),
        Refusal::Topics,
        "a remembered one counts"
    );
    let later = stage.now + MINUTE;
    stage.hub.sweep(later);
    assert!(stage.hub.topics(later).is_empty());
    let other = stage.ask(ALICE, "b", later).unwrap();
    drop(stage.appender());
    // The same without a sweep: the next one who asks finds the expired answer.
    drop(other);
    let slower = stage.ask(ALICE, "a", later).unwrap();
    stage.appender().end_with(Answer::NoContent, later);
    assert!(stage.ask(ALICE, "a", later).is_ok());
    drop((slow, slower));
}

#[test]
fn a_task_that_panics_leaves_nothing_half_open() {
    let stage = Stage::new(Options {
        topics: 1,
        ..Options::default()
    });
    let reader = stage.alice("a").unwrap();
    let topic = Arc::clone(reader.topic());
    topic.register(0, Slot::MIN);
    let mut appender = stage.appender();
    appender.append(&draft(), stage.now);
    let panicked = std::thread::spawn(move || {
        let _appender = appender;
        panic!("as a task may");
    });
    assert!(panicked.join().is_err());
    assert_eq!(stage.wakes.0.load(Ordering::Relaxed), 1);
    let mut dirty = Vec::new();
    stage.door.take_dirty(&mut dirty);
    assert_eq!(dirty, [Slot::MIN]);
    let (log, mut batch) = (topic.log(), Batch::default());
    let mut cursor = Cursor::at(log.oldest());
    assert_eq!(log.read(cursor, usize::MAX, &mut batch), Read::Frames);
    cursor.advance_to(batch.end());
    assert_eq!(log.read(cursor, usize::MAX, &mut batch), Read::Sealed);
    let anew = stage.alice("a").unwrap();
    assert_ne!(anew.topic().log().epoch(), log.epoch());
    assert_eq!(stage.gauges(), (1, 2));
    // The old topic's leavers are not counted against the new one.
    drop((reader, topic));
    assert_eq!(stage.hub.topics(stage.now)[0].subscribers, 1);
    assert_eq!(stage.gauges(), (1, 1));
    drop((anew, stage.appender()));
    assert_eq!((stage.gauges(), stage.hub.log_bytes()), ((0, 0), 0));
}

#[test]
fn a_shard_is_told_once_until_it_has_looked() {
    let stage = Stage::open();
    let reader = stage.alice("a").unwrap();
    let mut appender = stage.appender();
    appender.publish();
    assert_eq!(stage.wakes.0.load(Ordering::Relaxed), 0, "nobody waits");
    reader.topic().register(0, Slot::MIN);
    for _ in 0..3 {
        appender.append(&draft(), stage.now);
        appender.publish();
    }
    assert_eq!(stage.wakes.0.load(Ordering::Relaxed), 1);
    stage.door.take_dirty(&mut Vec::new());
    reader.topic().look(0);
    appender.publish();
    assert_eq!(stage.wakes.0.load(Ordering::Relaxed), 2);
    reader.topic().unregister(0);
    appender.publish();
    assert_eq!(stage.wakes.0.load(Ordering::Relaxed), 2);
}

/// A runtime that stops drops a task as soon as it is spawned. The next look then found that the
/// topic was over, made another one, and so on for ever.
#[test]
fn an_opener_that_lets_go_at_once_refuses_and_does_not_spin() {
    struct Dropper;
    impl OnDemand for Dropper {
        fn open(&self, appender: Appender) {
            drop(appender);
        }
    }
    let hub = Hub::new(Options::default(), vec![]);
    let (route, key) = (route(), TopicKey::new("a", vec![]));
    let client = streaming(ALICE);
    let ask = || hub.subscribe(&route, &key, client, crate::clock::now());
    assert_eq!(ask().unwrap_err(), Refusal::Topics, "nobody opens");
    hub.set_on_demand(Arc::new(Dropper));
    assert_eq!(ask().unwrap_err(), Refusal::Topics);
    assert!(hub.topics(crate::clock::now()).is_empty());
    assert!(route.metrics.topics.iter().all(|gauge| gauge.get() == 0));
}

#[tokio::test(start_paused = true)]
async fn a_deserted_topic_is_over_after_its_linger_and_not_before() {
    let stage = Stage::open();
    let first = stage.alice("a").unwrap();
    let appender = stage.appender();
    appender.streamed();
    let topic = Arc::clone(appender.topic());
    let deserted = topic.deserted(LINGER);
    tokio::pin!(deserted);
    assert!(timeout(10 * LINGER, &mut deserted).await.is_err());
    drop(first);
    let topics = &stage.route.metrics.topics;
    assert_eq!(topics.of(TopicState::Lingering).get(), 1);
    let almost = LINGER.saturating_sub(Duration::from_millis(10));
    assert!(timeout(almost, &mut deserted).await.is_err());
    assert!(timeout(LINGER, &mut deserted).await.is_ok());
    // Over, though its task still closes: who comes now gets a new topic.
    assert_eq!(stage.gauges(), (0, 0));
    let anew = stage.alice("a").unwrap();
    assert!(!Arc::ptr_eq(anew.topic(), &topic));
    drop(appender);
    assert_eq!(stage.hub.topics(stage.now).len(), 1, "the new one stays");
}

#[tokio::test(start_paused = true)]
async fn who_comes_back_within_the_linger_finds_the_topic_and_it_lingers_anew() {
    let stage = Stage::open();
    drop(stage.alice("a").unwrap());
    let appender = stage.appender();
    let deserted = appender.topic().deserted(LINGER);
    tokio::pin!(deserted);
    let almost = LINGER.saturating_sub(Duration::from_millis(10));
    assert!(timeout(almost, &mut deserted).await.is_err());
    let back = stage.alice("a").unwrap();
    assert!(Arc::ptr_eq(back.topic(), appender.topic()));
    assert!(timeout(10 * LINGER, &mut deserted).await.is_err());
    drop(back);
    drop(stage.alice("a").unwrap());
    assert!(timeout(almost, &mut deserted).await.is_err());
    // Away and back between two polls: the linger begins with the last one who left.
    drop(stage.alice("a").unwrap());
    assert!(timeout(almost, &mut deserted).await.is_err());
    assert!(timeout(LINGER, &mut deserted).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn the_first_answer_is_waited_for_no_longer_than_patience() {
    let stage = Stage::open();
    let reader = stage.alice("a").unwrap();
    let patience = Duration::from_secs(2);
    let begin = tokio::time::Instant::now();
    assert_eq!(reader.first_answer(patience).await, FirstAnswer::Pending);
    assert_eq!(begin.elapsed().as_secs(), 2);
    let appender = stage.appender();
    let answers = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        appender.held("refused");
    };
    let (answer, ()) = tokio::join!(reader.first_answer(patience), answers);
    assert_eq!(answer, FirstAnswer::Held("refused"));
    appender.streamed();
    appender.held("reset");
    let answer = reader.first_answer(Duration::ZERO).await;
    assert_eq!(answer, FirstAnswer::Streaming, "held through its troubles");
    appender.end_with(Answer::Status(410), stage.now + MINUTE);
    let answer = reader.first_answer(Duration::ZERO).await;
    assert_eq!(answer, FirstAnswer::Definitive(Answer::Status(410)));
    assert_eq!(begin.elapsed().as_secs(), 3);
}

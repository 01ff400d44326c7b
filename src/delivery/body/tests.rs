//! A body beside its log and its connection: what it gives, when it waits, and why it ends.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Wake, Waker};

use parking_lot::Mutex;
use rstest::rstest;

use super::super::{OnGap, ShardOptions};
use super::*;
use crate::hub::limits::ClientAddr;
use crate::hub::{self, Appender, Client, Hub, OnDemand, RouteTopics, TopicOptions};
use crate::log::{Bounds, Draft, Identity};
use crate::metrics::{ConflateReason, Metrics, Protocol};
use crate::topic_key::{RouteId, TopicKey};

#[derive(Default)]
struct Opener(Mutex<Option<Appender>>);

impl OnDemand for Opener {
    fn open(&self, appender: Appender) {
        *self.0.lock() = Some(appender);
    }
}

#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

struct Stage {
    hub: Arc<Hub>,
    opener: Arc<Opener>,
    route: Arc<RouteTopics>,
    shards: Arc<Shards>,
    streams: Arc<Streams>,
    options: Options,
    wakes: Arc<Wakes>,
}

impl Stage {
    fn keeping(events: usize) -> Self {
        let hub = Hub::new(hub::Options::default(), vec![]);
        let opener = Arc::new(Opener::default());
        hub.set_on_demand(Arc::<Opener>::clone(&opener));
        let metrics = Metrics::new();
        let replay = Bounds {
            events,
            ..Bounds::default()
        };
        let route = Arc::new(RouteTopics {
            id: RouteId(0),
            name: "route".into(),
            options: TopicOptions {
                replay,
                has_keys: true,
                ..TopicOptions::default()
            },
            metrics: metrics.route("route"),
        });
        let options = ShardOptions {
            threads: 1,
            ..ShardOptions::default()
        };
        Self {
            hub,
            opener,
            route,
            shards: Arc::new(Shards::start(&options, &metrics).unwrap()),
            streams: Streams::new(),
            options: Options::default(),
            wakes: Arc::default(),
        }
    }

    fn body(&self) -> Body {
        let client = Client {
            address: ClientAddr::new([127, 0, 0, 1].into()),
            protocol: Protocol::H2,
        };
        let key = TopicKey::new("http://h/", Vec::new());
        let asked = self.hub.subscribe(&self.route, &key, client, clock::now());
        let guest = Guest {
            preface: Bytes::from_static(b":\n"),
            cursor: Cursor::at(Offset(0)),
            subscription: asked.unwrap(),
            options: Arc::new(self.options.clone()),
            address: None,
        };
        Body::new(guest, &self.streams, &self.shards)
    }

    fn say(&self, data: &str) {
        self.say_of(None, data);
    }

    fn say_of(&self, key: Option<&str>, data: &str) {
        let draft = Draft::Event {
            id: None,
            identity: Identity::None,
            name: None,
            data,
            key,
        };
        if let Some(appender) = self.opener.0.lock().as_mut() {
            appender.append(&draft, clock::now());
            appender.publish();
        }
    }

    /// What a body gives until it waits (`false`) or ends (`true`).
    fn take(&self, body: &mut Body) -> (String, bool) {
        let waker = Waker::from(Arc::clone(&self.wakes));
        let mut cx = Context::from_waker(&waker);
        let mut text = String::new();
        loop {
            match body.poll_give(&mut cx) {
                Poll::Ready(Some(bytes)) => text.push_str(std::str::from_utf8(&bytes).unwrap()),
                Poll::Ready(None) => return (text, true),
                Poll::Pending => return (text, false),
            }
        }
    }

    fn wakes(&self) -> usize {
        self.wakes.0.swap(0, Ordering::Relaxed)
    }

    fn ended(&self, reason: EndReason) -> u64 {
        self.route.metrics.ended.of(reason).get()
    }
}

#[tokio::test]
async fn a_body_gives_what_the_log_has_and_is_woken_for_more() {
    let stage = Stage::keeping(100);
    let mut body = stage.body();
    assert_eq!(stage.take(&mut body), (":\n".into(), false));
    stage.say("a");
    assert_eq!(stage.wakes(), 1);
    stage.say("b");
    assert_eq!(stage.wakes(), 0, "it has been told to come");
    assert_eq!(
        stage.take(&mut body),
        ("data: a\n\ndata: b\n\n".into(), false)
    );
    assert_eq!(stage.route.metrics.frames_delivered.get(), 2);
    assert_eq!(stage.shards.subscribers(), 1);
    drop(body);
    assert_eq!(stage.ended(EndReason::Client), 1);
    assert_eq!((stage.shards.subscribers(), stage.streams.len()), (0, 0));
}

#[tokio::test]
async fn what_waits_is_no_more_than_a_frame_of_the_protocol() {
    let stage = Stage::keeping(10_000);
    let mut body = stage.body();
    stage.take(&mut body);
    for _ in 0..1000 {
        stage.say(&"x".repeat(100));
    }
    let waker = Waker::from(Arc::clone(&stage.wakes));
    let mut cx = Context::from_waker(&waker);
    let mut sum = 0;
    while let Poll::Ready(Some(bytes)) = body.poll_give(&mut cx) {
        assert!(bytes.len() <= GIVE_BYTES && bytes.ends_with(b"\n\n"));
        sum += bytes.len();
    }
    assert_eq!(sum, 1000 * 108);
}

#[rstest]
#[case(OnGap::Oldest, 3, "data: c\n\ndata: d\n\n")]
#[case(OnGap::Live, 5, "")]
#[tokio::test]
async fn a_body_that_falls_off_the_log_is_told_of_the_gap(
    #[case] on_gap: OnGap,
    #[case] missed: u64,
    #[case] rest: &str,
) {
    let mut stage = Stage::keeping(2);
    stage.options.on_gap = on_gap;
    stage.options.gap_ids = false;
    let mut body = stage.body();
    stage.take(&mut body);
    for data in ["0", "a", "b", "c", "d"] {
        stage.say(data);
    }
    let gap = format!("event: fantail.gap\ndata: {{\"missed\":{missed},\"reason\":\"lag\"}}\n\n");
    assert_eq!(stage.take(&mut body), (gap + rest, false));
}

#[tokio::test]
async fn a_route_that_closes_slow_readers_ends_the_stream() {
    let mut stage = Stage::keeping(2);
    stage.options.slow = Slow::Close;
    let mut body = stage.body();
    stage.take(&mut body);
    (0..5).for_each(|_| stage.say("x"));
    assert_eq!(stage.take(&mut body), (String::new(), true));
    assert!(body.is_over());
    drop(body);
    assert_eq!(stage.ended(EndReason::Slow), 1);
}

#[tokio::test]
async fn a_quiet_body_gives_a_heartbeat_and_a_busy_one_does_not() {
    let mut stage = Stage::keeping(100);
    stage.options.heartbeat = Duration::from_millis(50);
    let mut body = stage.body();
    stage.take(&mut body);
    let begin = clock::now();
    let bytes = std::future::poll_fn(|cx| body.poll_give(cx)).await.unwrap();
    assert_eq!(bytes, write::HEARTBEAT);
    assert!(clock::now() - begin >= stage.options.heartbeat);
    stage.say("a");
    assert_eq!(stage.take(&mut body), ("data: a\n\n".into(), false));
}

#[tokio::test]
async fn a_body_ends_with_its_topic_and_with_its_age() {
    let mut stage = Stage::keeping(100);
    let mut body = stage.body();
    stage.say("last");
    drop(stage.opener.0.lock().take());
    assert_eq!(stage.take(&mut body), (":\ndata: last\n\n".into(), true));
    drop(body);
    assert_eq!(stage.ended(EndReason::UpstreamEnd), 1);
    stage.options.max_age = Duration::from_millis(20);
    let mut body = stage.body();
    while std::future::poll_fn(|cx| body.poll_give(cx))
        .await
        .is_some()
    {}
    drop(body);
    assert_eq!(stage.ended(EndReason::Age), 1);
}

#[tokio::test]
async fn a_drain_gives_each_its_moment_and_says_when_to_come_back() {
    let stage = Stage::keeping(100);
    let mut bodies: Vec<_> = (0..10).map(|_| stage.body()).collect();
    for body in &mut bodies {
        stage.take(body);
    }
    stage.shards.drain(Duration::from_millis(100));
    stage.streams.drain(&stage.shards, clock::now());
    assert_eq!(stage.wakes(), 10);
    for body in &mut bodies {
        let mut last = Bytes::new();
        while let Some(bytes) = std::future::poll_fn(|cx| body.poll_give(cx)).await {
            last = bytes;
        }
        assert!(last.starts_with(b"retry: "), "{last:?}");
    }
    drop(bodies);
    assert_eq!(stage.ended(EndReason::Drain), 10);
}

#[tokio::test]
async fn only_a_body_whose_bytes_nobody_takes_is_stalled() {
    let mut stage = Stage::keeping(100);
    stage.options.stall_timeout = Duration::from_secs(30);
    let later = clock::now() + Duration::from_secs(31);
    let mut quiet = stage.body();
    stage.take(&mut quiet);
    assert!(!stage.streams.give_up_stalled(later));
    let leash = Arc::default();
    stage.streams.offer(&leash);
    let mut stuck = stage.body();
    assert!(stage.streams.is_taken());
    let waker = Waker::from(Arc::clone(&stage.wakes));
    let given = stuck.poll_give(&mut Context::from_waker(&waker));
    assert!(given.is_ready());
    assert!(!stage.streams.give_up_stalled(clock::now()));
    assert!(!leash.load(Ordering::Relaxed));
    stage.wakes();
    assert!(!stage.streams.give_up_stalled(later), "another one is read");
    assert!(leash.load(Ordering::Relaxed));
    assert_eq!(stage.wakes(), 1);
    drop(stuck);
    assert_eq!(stage.ended(EndReason::Stall), 1);
    stage.say("b");
    let given = quiet.poll_give(&mut Context::from_waker(&waker));
    assert!(given.is_ready());
    assert!(stage.streams.give_up_stalled(later), "nothing is read");
    stage.streams.cut(EndReason::Stall);
    drop(quiet);
    assert_eq!(stage.ended(EndReason::Stall), 2);
}

#[tokio::test]
async fn readers_at_one_place_share_the_bytes() {
    let stage = Stage::keeping(100);
    let mut bodies = [stage.body(), stage.body()];
    for body in &mut bodies {
        stage.take(body);
    }
    let waker = Waker::from(Arc::clone(&stage.wakes));
    let mut cx = Context::from_waker(&waker);
    for events in [1, 3] {
        (0..events).for_each(|_| stage.say("x"));
        let given = bodies.each_mut().map(|body| match body.poll_give(&mut cx) {
            Poll::Ready(Some(bytes)) => bytes.as_ptr(),
            other => panic!("{other:?}"),
        });
        assert_eq!(given[0], given[1], "{events} events");
    }
}

#[tokio::test]
async fn a_body_of_a_route_that_conflates_gives_every_frame_while_it_is_asked_and_the_newest_if_not()
 {
    let mut stage = Stage::keeping(2);
    stage.options.slow = Slow::Conflate;
    let mut body = stage.body();
    assert_eq!(stage.take(&mut body), (":\n".to_owned(), false));
    // It waits: what comes in one go is for everybody at the live edge.
    stage.say_of(Some("a"), "a1");
    stage.say_of(Some("a"), "a2");
    let both = "data: a1\n\ndata: a2\n\n";
    assert_eq!(stage.take(&mut body), (both.to_owned(), false));
    // Nobody asks it, and the log holds two.
    for data in ["b1", "a3", "a4", "a5", "c1"] {
        stage.say_of(data.get(..1), data);
    }
    let newest = "data: b1\n\ndata: a5\n\ndata: c1\n\n";
    assert_eq!(stage.take(&mut body), (newest.to_owned(), false));
    let conflated = &stage.route.metrics.frames_conflated;
    assert_eq!(conflated.of(ConflateReason::Slow).get(), 2);
    // What has no key and is gone is a gap.
    for data in ["news", "a6", "a7", "a8"] {
        stage.say_of(data.strip_prefix('a').map(|_| "a"), data);
    }
    let (text, _) = stage.take(&mut body);
    assert!(
        text.contains("{\"missed\":null,\"reason\":\"lag\"}"),
        "{text}"
    );
    assert!(
        text.ends_with("data: a8\n\n") && !text.contains("a7"),
        "{text}"
    );
}

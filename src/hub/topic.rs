//! A topic: its log, its life, and who waits for what.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::{Notify, watch};

use super::life::{Life, Turn};
use super::limits::{AddressPermit, TotalPermit};
use super::news::{Listener, News};
use super::pace::Pace;
use super::wake::{Door, Marks, Slot};
use super::{RouteTopics, TopicView};
use crate::log::{Budget, Log, Writer};
use crate::metrics::{ConflateReason, FeedState};
use crate::position::{Epoch, Offset};
use crate::topic_key::TopicKey;

/// An upstream's last word, or what it comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// 204: stop for ever.
    NoContent,
    /// A status that is passed on.
    Status(u16),
    /// No event stream; the words name the likely cause.
    WrongType(Box<str>),
    /// It can not be reached, and the route does not hold: the reason in a word.
    Unreachable(&'static str),
    /// It took too long, and the route does not hold.
    TooSlow,
}

/// What those who wait for a cold topic's first answer see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FirstAnswer {
    /// Nothing yet.
    Pending,
    /// The upstream streams, or has streamed.
    Streaming,
    /// Likewise, and it is not known yet whether this response is an answer to a poll, which a
    /// newcomer gets from its begin, or a stream, which it joins at the live edge.
    Begun {
        /// The place of the response's first frame.
        from: Offset,
        /// When its head came.
        at: Instant,
    },
    /// It is in trouble and asked again and again: the reason in a word.
    Held(&'static str),
    /// Its last word.
    Definitive(Answer),
}

/// One topic. Found through the hub only; `Cold` once it is over, and then never used again.
#[derive(Debug)]
pub struct Topic {
    pub(super) route: Arc<RouteTopics>,
    pub(super) key: TopicKey,
    log: Arc<Log>,
    marks: Marks,
    doors: Arc<[Arc<Door>]>,
    news: Arc<News>,
    /// Where the route bounds how often readers are told.
    pace: Option<Pace>,
    state: Mutex<State>,
    first_answer: watch::Sender<FirstAnswer>,
    /// Whether the upstream has said that pages of every origin may read it.
    open_to_all: AtomicBool,
    /// Tells the topic's task that the last subscriber left, or that one came back.
    interest: Notify,
}

#[derive(Debug)]
struct State {
    life: Life,
    subscribers: usize,
    remembered: Option<(Answer, Instant)>,
    feed: FeedState,
    last_error: Option<String>,
    since: Instant,
    /// Given back when the topic can not be found any more, not when the last `Arc` goes: a slow
    /// reader of a topic that is over hinders no new one.
    permits: Option<(TotalPermit, AddressPermit)>,
}

/// Why somebody can not join.
#[derive(Debug)]
pub(super) enum NotJoined {
    /// The topic is over: look again.
    Over,
    /// Its upstream has said its last word, not long ago.
    Answered(Answer),
    /// `subscribers_per_topic` is reached.
    Full,
}

impl Topic {
    pub(super) fn new(
        route: &Arc<RouteTopics>,
        key: TopicKey,
        doors: &Arc<[Arc<Door>]>,
        budget: &Arc<Budget>,
        permits: (TotalPermit, AddressPermit),
    ) -> (Arc<Self>, Writer) {
        let epoch = Epoch::new(fastrand::u64(..));
        let options = &route.options;
        let max_keys = if options.has_keys {
            options.max_keys
        } else {
            0
        };
        let (log, writer) = Log::with_keys(epoch, options.replay, max_keys, Arc::clone(budget));
        if options.max_rate > 0 {
            log.hold();
        }
        let topic = Self {
            route: Arc::clone(route),
            key,
            log,
            marks: Marks::new(doors.len()),
            doors: Arc::clone(doors),
            news: News::new(),
            pace: Pace::new(options.max_rate),
            state: Mutex::new(State {
                life: Life::Cold,
                subscribers: 0,
                remembered: None,
                feed: FeedState::Connecting,
                last_error: None,
                since: crate::clock::now(),
                permits: Some(permits),
            }),
            first_answer: watch::Sender::new(FirstAnswer::Pending),
            open_to_all: AtomicBool::new(false),
            interest: Notify::new(),
        };
        topic.turn(&mut topic.state.lock(), Turn::Subscribed);
        (Arc::new(topic), writer)
    }

    /// The request that the topic stands for.
    pub fn key(&self) -> &TopicKey {
        &self.key
    }

    /// What the topic's route says.
    pub fn route(&self) -> &Arc<RouteTopics> {
        &self.route
    }

    /// The log.
    pub fn log(&self) -> &Arc<Log> {
        &self.log
    }

    /// Sees the first answer change.
    pub fn first_answer(&self) -> watch::Receiver<FirstAnswer> {
        self.first_answer.subscribe()
    }

    /// Whether the upstream itself has said that pages of every origin may read it; known once it
    /// has streamed.
    pub fn is_open_to_all(&self) -> bool {
        self.open_to_all.load(Ordering::Relaxed)
    }

    /// For a reader in the async runtime, which waits without a shard.
    pub fn listen(&self) -> Listener {
        self.news.listen(&self.log)
    }

    /// Registers a shard for wakes; it reads the log once afterwards.
    pub fn register(&self, shard: usize, slot: Slot) {
        self.marks.register(shard, slot);
    }

    /// Counts frames that were passed over for newer ones of the same key.
    pub fn count_conflated(&self, frames: u64) {
        if frames > 0 {
            let reason = match self.pace {
                Some(_) => ConflateReason::MaxRate,
                None => ConflateReason::Slow,
            };
            let conflated = &self.route.metrics.frames_conflated;
            conflated.of(reason).inc_by(frames);
        }
    }

    /// Ends a shard's wakes.
    pub fn unregister(&self, shard: usize) {
        self.marks.unregister(shard);
    }

    /// A shard is about to read the log.
    pub fn look(&self, shard: usize) {
        self.marks.look(shard);
    }

    pub(super) fn publish(&self) {
        if self
            .pace
            .as_ref()
            .is_none_or(|pace| pace.is_due(crate::clock::now()))
        {
            self.tell();
        }
    }

    /// Tells the readers, if the route bounds how often they are told, what has been held back from
    /// them. Whoever appends keeps this going beside it.
    pub async fn keep_pace(&self) -> Infallible {
        let Some(pace) = &self.pace else {
            return std::future::pending().await;
        };
        loop {
            pace.due().await;
            self.tell();
        }
    }

    /// The end goes out whatever the pace.
    pub(super) fn tell(&self) {
        if self.pace.is_some() {
            self.log.release();
        }
        self.marks.publish(&self.doors);
        self.news.publish();
    }

    pub(super) fn join(&self, now: Instant, limit: usize) -> Result<(), NotJoined> {
        let mut state = self.state.lock();
        match &state.remembered {
            Some((answer, until)) if now < *until => {
                return Err(NotJoined::Answered(answer.clone()));
            }
            Some(_) => return Err(NotJoined::Over),
            None if state.life == Life::Cold => return Err(NotJoined::Over),
            None => {}
        }
        if limit > 0 && state.subscribers >= limit {
            return Err(NotJoined::Full);
        }
        state.subscribers += 1;
        self.turn(&mut state, Turn::Subscribed);
        drop(state);
        self.interest.notify_one();
        Ok(())
    }

    pub(super) fn leave(&self) {
        let mut state = self.state.lock();
        state.subscribers -= 1;
        if state.subscribers == 0 {
            self.turn(&mut state, Turn::Deserted);
            drop(state);
            self.interest.notify_one();
        }
    }

    pub(super) fn opens_to_all(&self, open_to_all: bool) {
        self.open_to_all.store(open_to_all, Ordering::Relaxed);
    }

    pub(super) fn streamed(&self, answer: FirstAnswer) {
        let mut state = self.state.lock();
        self.turn(&mut state, Turn::Streamed);
        state.last_error = None;
        drop(state);
        self.first_answer.send_replace(answer);
    }

    pub(super) fn held(&self, reason: &'static str) {
        if !self.has_been_live() {
            self.first_answer.send_replace(FirstAnswer::Held(reason));
        }
    }

    pub(super) fn answered(&self, answer: Answer, until: Instant) {
        self.state.lock().remembered = Some((answer.clone(), until));
        self.first_answer
            .send_replace(FirstAnswer::Definitive(answer));
    }

    /// Whether the upstream has ever streamed.
    pub(super) fn has_been_live(&self) -> bool {
        self.state.lock().life.has_been_live()
    }

    /// Comes back once the topic has had no subscriber for `linger`, and is over by that. To be
    /// kept and polled on: another call begins the linger anew.
    pub async fn deserted(&self, linger: Duration) {
        loop {
            let change = self.interest.notified();
            if !matches!(self.state.lock().life, Life::Lingering { .. }) {
                change.await;
                continue;
            }
            tokio::select! {
                // Both arms may be dropped: a change is seen again by the look at `life`.
                () = change => {}
                () = tokio::time::sleep(linger) => {
                    let mut state = self.state.lock();
                    self.turn(&mut state, Turn::LingerOver);
                    if state.life == Life::Cold {
                        return;
                    }
                }
            }
        }
    }

    /// The topic's task is gone. Whether the topic can be forgotten at once.
    pub(super) fn ended(&self) -> bool {
        let mut state = self.state.lock();
        self.turn(&mut state, Turn::Ended);
        // Nobody else will ask for a private topic, so that its answer is worth no permit.
        state.remembered.is_none() || self.key.is_private()
    }

    /// The registry has let go of the topic.
    pub(super) fn forgotten(&self) {
        let permits = self.state.lock().permits.take();
        drop(permits);
    }

    pub(super) fn is_stale(&self, now: Instant) -> bool {
        let state = self.state.lock();
        state.life == Life::Cold
            && state
                .remembered
                .as_ref()
                .is_none_or(|(_, until)| now >= *until)
    }

    pub(super) fn report(&self, feed: FeedState, error: Option<String>) {
        let mut state = self.state.lock();
        state.feed = feed;
        if error.is_some() {
            state.last_error = error;
        }
    }

    pub(super) fn view(&self, now: Instant) -> TopicView {
        let (frames, bytes) = self.log.size();
        let state = self.state.lock();
        TopicView {
            route: Arc::clone(&self.route.name),
            topic: self.key.to_string(),
            life: state.life,
            feed: state.feed,
            subscribers: state.subscribers,
            frames,
            bytes,
            appended: self.log.appended(),
            seconds: now.saturating_duration_since(state.since).as_secs(),
            last_error: state.last_error.clone(),
        }
    }

    fn turn(&self, state: &mut State, turn: Turn) {
        let after = state.life.transition(turn);
        if after.label() != state.life.label() {
            let topics = &self.route.metrics.topics;
            if let Some(label) = state.life.label() {
                topics.of(label).dec();
            }
            if let Some(label) = after.label() {
                topics.of(label).inc();
            }
        }
        state.life = after;
    }
}

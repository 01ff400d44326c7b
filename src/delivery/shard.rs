//! A shard: one thread, its sockets, and the loop that serves them.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::{Events, Poll, Token};
use prometheus::IntCounter;
use slab::Slab;

use super::audience::{self, Audience};
use super::mailbox::{DrainOrder, Mailbox};
use super::session::Scratch;
use super::subscriber::{Standing, Subscriber};
use super::timer::Wheel;
use super::{Newcomer, ShardOptions};
use crate::clock;
use crate::hub::wake::{Door, Slot};
use crate::log::Batch;
use crate::metrics::{EndReason, Metrics, Part, ShardMetrics};
use crate::position::Offset;

/// The waker's token; subscribers have their key plus one.
pub(super) const WAKER: Token = Token(0);
/// Longest sleep, so that the watchdog sees a living shard.
const LONGEST_SLEEP: Duration = Duration::from_secs(1);
/// Socket events taken in one look; more come with the next.
const EVENTS: usize = 1024;

/// What one round takes in, kept to be filled again.
#[derive(Debug)]
pub(super) struct Round {
    events: Events,
    newcomers: Vec<Newcomer>,
    dirty: Vec<Slot>,
    due: Vec<(usize, u32)>,
}

impl Default for Round {
    fn default() -> Self {
        Self {
            events: Events::with_capacity(EVENTS),
            newcomers: Vec::new(),
            dirty: Vec::new(),
            due: Vec::new(),
        }
    }
}

/// A delivery thread's state.
#[derive(Debug)]
pub(super) struct Shard {
    pub(super) number: usize,
    pub(super) poll: Poll,
    door: Arc<Door>,
    pub(super) mailbox: Arc<Mailbox>,
    pub(super) options: ShardOptions,
    pub(super) audiences: Slab<Audience>,
    /// Topic → audience, by the topic's address: a topic lives as long as its audience holds it.
    pub(super) by_topic: HashMap<usize, usize>,
    pub(super) subscribers: Slab<Subscriber>,
    pub(super) wheel: Wheel<(usize, u32)>,
    /// The newest timer's number.
    pub(super) timers: u32,
    /// Filled and used up by one read at a time.
    pub(super) batch: Batch,
    /// Where TLS records are made.
    pub(super) scratch: Scratch,
    /// The time of this round.
    pub(super) now: Instant,
    /// Audiences that have more to be sent than one visit may send.
    pub(super) unfinished_topics: Vec<usize>,
    /// Subscribers likewise.
    pub(super) unfinished: Vec<usize>,
    pub(super) draining: Option<DrainOrder>,
    /// Who is being served, so that a panic costs that one only.
    pub(super) serving: Option<usize>,
    /// The audience that a pass is writing to, and where its batch ends.
    pub(super) passing: Option<(usize, Offset)>,
    /// Spread of reconnects, known at the begin of each round.
    pub(super) spread: Duration,
    shards: usize,
    start: Instant,
    metrics: Option<ShardMetrics>,
    panics: Option<IntCounter>,
}

impl Shard {
    pub(super) fn new(
        number: usize,
        poll: Poll,
        door: &Arc<Door>,
        mailbox: &Arc<Mailbox>,
        options: ShardOptions,
    ) -> Self {
        let now = clock::now();
        Self {
            number,
            poll,
            door: Arc::clone(door),
            mailbox: Arc::clone(mailbox),
            options,
            audiences: Slab::new(),
            by_topic: HashMap::new(),
            subscribers: Slab::new(),
            wheel: Wheel::new(now),
            timers: 0,
            batch: Batch::default(),
            scratch: Scratch::default(),
            now,
            unfinished_topics: Vec::new(),
            unfinished: Vec::new(),
            draining: None,
            serving: None,
            passing: None,
            spread: Duration::ZERO,
            shards: 1,
            start: now,
            metrics: None,
            panics: None,
        }
    }

    /// Tells the shard how it is measured, and how many there are.
    pub(super) fn count_in(&mut self, metrics: &Metrics, shards: usize, start: Instant) {
        self.metrics = Some(metrics.shard(self.number));
        self.panics = Some(metrics.panics.of(Part::Shard).clone());
        self.shards = shards;
        self.start = start;
    }

    /// The thread's life.
    pub(super) fn run(mut self) {
        let mut round = Round::default();
        while !self.mailbox.is_stopped() {
            self.round(&mut round, self.sleep());
        }
        self.close_all();
    }

    /// Waits for at most `sleep`, then serves everybody who has something to be served.
    pub(super) fn round(&mut self, round: &mut Round, sleep: Duration) {
        if let Err(error) = self.poll.poll(&mut round.events, Some(sleep))
            && error.kind() != std::io::ErrorKind::Interrupted
        {
            tracing::error!(%error, shard = self.number, "a shard can not wait for its sockets");
        }
        self.begin_round();
        if let Some(order) = self.mailbox.take_drain() {
            self.guarded(|shard| shard.begin_drain(order));
        }
        self.mailbox.take_newcomers(&mut round.newcomers);
        for newcomer in round.newcomers.drain(..) {
            self.guarded(|shard| shard.admit(newcomer));
        }
        self.pass_dirty(&mut round.dirty);
        for event in &round.events {
            if let Some(key) = event.token().0.checked_sub(1) {
                self.serve(key, |shard| shard.ready(key, event));
            }
        }
        self.finish_unfinished();
        self.wheel.take_due(self.now, &mut round.due);
        for (key, timer) in round.due.drain(..) {
            self.serve(key, |shard| shard.tend(key, timer));
        }
        self.end_round();
    }

    fn sleep(&self) -> Duration {
        if self.unfinished.is_empty() && self.unfinished_topics.is_empty() {
            self.wheel.idle_for(self.now, LONGEST_SLEEP)
        } else {
            Duration::ZERO
        }
    }

    fn begin_round(&mut self) {
        self.now = clock::now();
        self.mailbox
            .beat(self.now.saturating_duration_since(self.start));
        let all = self.subscribers.len() * self.shards;
        self.spread = super::retry::spread(all, self.options.admit_per_second);
    }

    fn end_round(&mut self) {
        let Some(metrics) = &self.metrics else { return };
        metrics
            .subscribers
            .set(i64::try_from(self.subscribers.len()).unwrap_or(i64::MAX));
        metrics.busy.inc_by(
            clock::now()
                .saturating_duration_since(self.now)
                .as_secs_f64(),
        );
    }

    fn pass_dirty(&mut self, dirty: &mut Vec<Slot>) {
        self.door.take_dirty(dirty);
        for slot in dirty.drain(..) {
            self.guarded(|shard| shard.pass(audience::index(slot)));
        }
    }

    /// Goes on with what one visit did not finish; what is still unfinished waits for the next
    /// round, behind everybody else.
    fn finish_unfinished(&mut self) {
        for index in std::mem::take(&mut self.unfinished_topics) {
            if let Some(audience) = self.audiences.get_mut(index) {
                audience.is_unfinished = false;
            }
            self.guarded(|shard| shard.pass(index));
        }
        for key in std::mem::take(&mut self.unfinished) {
            self.serve(key, |shard| shard.advance(key));
        }
    }

    fn serve(&mut self, key: usize, serve: impl FnOnce(&mut Self)) {
        self.serving = Some(key);
        self.guarded(serve);
        self.serving = None;
    }

    /// A panic while serving one subscriber ends that one, not the shard.
    fn guarded(&mut self, serve: impl FnOnce(&mut Self)) {
        // What a panic leaves half done is a subscriber's state, and that subscriber is removed.
        if catch_unwind(AssertUnwindSafe(|| serve(self))).is_ok() {
            return;
        }
        if let Some(panics) = &self.panics {
            panics.inc();
        }
        self.recover_pass();
        if let Some(key) = self.serving.take() {
            tracing::error!(shard = self.number, "a panic ended one subscriber");
            self.remove(key, EndReason::Error);
        }
    }

    /// Takes a subscriber in and starts its stream.
    fn admit(&mut self, newcomer: Newcomer) {
        let index = self.audience_of(&newcomer);
        let Newcomer {
            mut socket,
            prologue,
            cursor,
            subscription,
            options,
            permit,
        } = newcomer;
        let entry = self.subscribers.vacant_entry();
        let key = entry.key();
        let bounded = socket.bound(&self.options, options.stall_timeout);
        let registered = socket.register(self.poll.registry(), Token(key + 1));
        entry.insert(Subscriber {
            socket,
            audience: index,
            standing: Standing::Behind(cursor),
            owed: prologue,
            owes_frame: false,
            blocked: false,
            ending: None,
            half_closed: false,
            retry_step: super::tend::retry_step(self.spread),
            inbound: 0,
            timer: 0,
            born: self.now,
            progress: self.now,
            until: None,
            subscription,
            permit,
        });
        if let Some(audience) = self.audiences.get_mut(index) {
            audience.members += 1;
        }
        if let Err(error) = registered.and(bounded) {
            // Only a client that has hung up already brings a socket that can not be set up.
            tracing::debug!(%error, "a new subscriber's socket can not be used");
            return self.remove(key, EndReason::Client);
        }
        self.set_first_timer(key, options.max_age);
        self.serve(key, |shard| shard.advance(key));
    }

    fn audience_of(&mut self, newcomer: &Newcomer) -> usize {
        let topic = newcomer.subscription.topic();
        let address = Arc::as_ptr(topic).addr();
        if let Some(index) = self.by_topic.get(&address) {
            return *index;
        }
        let index = self.audiences.insert(Audience::new(
            Arc::clone(topic),
            Arc::clone(&newcomer.options),
            self.now,
        ));
        self.by_topic.insert(address, index);
        // From here on the topic knocks; the newcomer's own read follows, as it must.
        topic.register(self.number, audience::slot(index));
        index
    }
}

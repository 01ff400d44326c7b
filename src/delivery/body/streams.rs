//! The streams of one connection, as the connection sees them: who waits for its client, whose life
//! is over.
//!
//! Invariant: a stream that has given something and has not been asked since is one whose client
//! does not take it; a stream that waits for its topic is not.

use std::sync::Arc;
use std::task::Waker;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use slab::Slab;

use crate::delivery::Shards;
use crate::metrics::EndReason;

/// All streams of a connection.
#[derive(Debug, Default)]
pub struct Streams {
    list: Mutex<Slab<Arc<Mutex<State>>>>,
    cut: Mutex<Option<EndReason>>,
}

#[derive(Debug, Default)]
struct State {
    /// Since when what it has given waits to be taken.
    given: Option<Instant>,
    patience: Duration,
    /// When its life is over: `max_age` or drain.
    until: Option<(Instant, EndReason)>,
    waker: Option<Waker>,
}

/// What ties a stream to its connection.
#[derive(Debug)]
pub(super) struct Tether {
    streams: Arc<Streams>,
    key: usize,
    state: Arc<Mutex<State>>,
    /// The waker that `state` has.
    known: Option<Waker>,
}

// === impl Streams ===

impl Streams {
    /// Those of a connection that has none yet.
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.list.lock().len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether one of them has waited for its client as long as its route allows.
    pub fn is_stalled(&self, now: Instant) -> bool {
        let list = self.list.lock();
        list.iter().any(|(_, state)| state.lock().is_stalled(now))
    }

    /// The shortest patience that one of them has.
    pub fn patience(&self) -> Option<Duration> {
        let list = self.list.lock();
        list.iter().map(|(_, state)| state.lock().patience).min()
    }

    /// Gives every stream its own moment within the window that the shards have been given.
    pub fn drain(&self, shards: &Shards, now: Instant) {
        let Some(order) = shards.draining() else {
            return;
        };
        let list = self.list.lock();
        let states: Vec<_> = list.iter().map(|(_, state)| Arc::clone(state)).collect();
        drop(list);
        for state in states {
            let mut state = state.lock();
            state.until = Some((order.moment(now, fastrand::f64()), EndReason::Drain));
            let waker = state.waker.clone();
            drop(state);
            waker.into_iter().for_each(Waker::wake);
        }
    }

    /// The connection breaks off: why the streams end that have not ended by themselves.
    pub fn cut(&self, reason: EndReason) {
        self.cut.lock().get_or_insert(reason);
    }

    pub(super) fn tie(self: &Arc<Self>, patience: Duration) -> Tether {
        let state = Arc::new(Mutex::new(State {
            patience,
            ..State::default()
        }));
        Tether {
            key: self.list.lock().insert(Arc::clone(&state)),
            streams: Arc::clone(self),
            state,
            known: None,
        }
    }
}

impl State {
    fn is_stalled(&self, now: Instant) -> bool {
        let waits = |since| now.saturating_duration_since(since) >= self.patience;
        !self.patience.is_zero() && self.given.is_some_and(waits)
    }
}

// === impl Tether ===

impl Tether {
    /// The connection has taken what was given, and asks for more.
    pub(super) fn asked(&self) {
        self.state.lock().given = None;
    }

    pub(super) fn given(&self, now: Instant) {
        self.state.lock().given = Some(now);
    }

    /// The stream's task, to be woken when its moment has been set; whether it is a new one.
    pub(super) fn listen(&mut self, waker: &Waker) -> bool {
        if self.known.as_ref().is_some_and(|w| w.will_wake(waker)) {
            return false;
        }
        self.known = Some(waker.clone());
        self.state.lock().waker = Some(waker.clone());
        true
    }

    pub(super) fn end_at(&self, at: Instant, reason: EndReason) {
        self.state.lock().until = Some((at, reason));
    }

    /// When its life is over, and why.
    pub(super) fn end(&self) -> Option<(Instant, EndReason)> {
        self.state.lock().until
    }

    /// Why its life is over, if it is.
    pub(super) fn due(&self, now: Instant) -> Option<EndReason> {
        let (at, reason) = self.end()?;
        (at <= now).then_some(reason)
    }

    /// Why the connection has broken off, if it has said so.
    pub(super) fn cut(&self) -> Option<EndReason> {
        *self.streams.cut.lock()
    }
}

impl Drop for Tether {
    fn drop(&mut self) {
        self.streams.list.lock().try_remove(self.key);
    }
}

//! The streams of one connection, as the connection sees them: who waits for its client, whose life
//! is over.
//!
//! Invariant: a stream that has given something and has not been asked since is one whose client
//! does not take it; a stream that waits for its topic is not.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
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
    /// Of the stream that is being polled, until its body takes it.
    leash: Mutex<Option<Arc<AtomicBool>>>,
}

#[derive(Debug, Default)]
struct State {
    /// Since when what it has given waits to be taken.
    given: Option<Instant>,
    patience: Duration,
    /// When its life is over: `max_age` or drain.
    until: Option<(Instant, EndReason)>,
    waker: Option<Waker>,
    /// Gives the stream up: it can not be told to end, for nobody takes what it says.
    leash: Option<Arc<AtomicBool>>,
    is_cut: bool,
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

    /// Gives up those that have waited for their client as long as their route allows. If all of
    /// them have, it is the connection that nobody reads: then `true`, and they are left to it.
    pub fn give_up_stalled(&self, now: Instant) -> bool {
        let list = self.list.lock();
        let states = list.iter().map(|(_, state)| state);
        let stalled: Vec<_> = states
            .filter(|state| state.lock().is_stalled(now))
            .map(Arc::clone)
            .collect();
        let is_whole = !stalled.is_empty() && stalled.len() == list.len();
        drop(list);
        if is_whole {
            return true;
        }
        for state in stalled {
            let waker = state.lock().give_up();
            waker.into_iter().for_each(Waker::wake);
        }
        false
    }

    /// A stream is about to be polled, and can be given up by this if it lasts.
    pub fn offer(&self, leash: &Arc<AtomicBool>) {
        *self.leash.lock() = Some(Arc::clone(leash));
    }

    /// Whether its body has taken it.
    pub fn is_taken(&self) -> bool {
        self.leash.lock().take().is_none()
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
            leash: self.leash.lock().take(),
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

    fn give_up(&mut self) -> Option<Waker> {
        self.is_cut = true;
        self.leash.as_ref()?.store(true, Ordering::Relaxed);
        self.waker.clone()
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

    /// Why the stream or its connection has broken off, if that has been said.
    pub(super) fn cut(&self) -> Option<EndReason> {
        let is_cut = self.state.lock().is_cut;
        is_cut
            .then_some(EndReason::Stall)
            .or(*self.streams.cut.lock())
    }
}

impl Drop for Tether {
    fn drop(&mut self) {
        self.streams.list.lock().try_remove(self.key);
    }
}

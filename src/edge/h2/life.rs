//! A connection's life: what becomes of it as time passes, and why it ends.

use std::error::Error as _;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use hyper::server::conn::http2::Connection;
use hyper_util::rt::TokioIo;

use super::service::{Requests, Shared};
use super::tasks::{Event, Queue, Tasks};
use super::wire::{Manners, Wire};
use crate::clock;
use crate::edge::conn::ClientStream;
use crate::metrics::{EndReason, Glitch, RejectReason};

/// From the GOAWAY of a connection that has nothing to wait for to its end.
const LAST_WORD: Duration = Duration::from_secs(1);
/// Times that a connection is looked at within the shortest of its limits …
const LOOKS: u32 = 4;
/// … and the longest time between two: ten thousand quiet connections cost a core a hundredth.
const LONGEST_LOOK: Duration = Duration::from_secs(10);
const SHORTEST_LOOK: Duration = Duration::from_millis(20);

/// hyper's part, which takes its leave when it is told so.
pub(super) struct Conversation<S: ClientStream> {
    pub(super) connection: Connection<TokioIo<Wire<S>>, Requests, Queue>,
    pub(super) shared: Arc<Shared>,
    pub(super) is_leaving: bool,
    /// The waker that `parting` has.
    pub(super) known: Option<Waker>,
}

impl<S: ClientStream> Future for Conversation<S> {
    type Output = Result<(), hyper::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let parting = &this.shared.parting;
        if !this.known.as_ref().is_some_and(|w| w.will_wake(cx.waker())) {
            this.known = Some(cx.waker().clone());
            parting.listen(cx.waker());
        }
        loop {
            let result = Pin::new(&mut this.connection).poll(cx);
            // A request that has just come may have been the last.
            if result.is_ready() || this.is_leaving || !parting.is_told() {
                return result;
            }
            this.is_leaving = true;
            Pin::new(&mut this.connection).graceful_shutdown();
        }
    }
}

/// One connection.
pub(super) struct Life {
    tasks: Tasks,
    shared: Arc<Shared>,
    manners: Arc<Manners>,
    /// How many streams there were when the drain began.
    drained_from: Option<usize>,
    born: Instant,
    /// Since when there is no request.
    idle: Option<Instant>,
    /// When it ends in any case.
    until: Option<Instant>,
}

impl Life {
    pub(super) fn new(
        tasks: Tasks,
        shared: Arc<Shared>,
        manners: Arc<Manners>,
        now: Instant,
    ) -> Self {
        Self {
            tasks,
            shared,
            manners,
            drained_from: None,
            born: now,
            idle: Some(now),
            until: None,
        }
    }

    /// To its end.
    pub(super) async fn run(mut self) {
        self.tasks.watch(self.shared.edge.drain.clone());
        self.tasks.look_at(self.next_look(self.born));
        loop {
            match poll_fn(|cx| self.tasks.poll(cx)).await {
                Event::Done if self.is_drained() => drop(self.shared.parting.tell()),
                Event::Done => {}
                Event::Drain => {
                    self.begin_drain();
                    if self.is_drained() {
                        self.shared.parting.tell();
                    }
                }
                Event::Look => {
                    let now = clock::now();
                    if self.until.is_some_and(|until| until <= now) {
                        return;
                    }
                    self.look(now);
                    self.tasks.look_at(self.next_look(now));
                }
                Event::Ended(Ok(())) => return,
                Event::Ended(Err(error)) => return self.note(&error),
            }
        }
    }

    /// No more requests, and nothing is waited for much longer.
    fn give_up(&mut self, now: Instant) {
        self.shared.parting.tell();
        self.until.get_or_insert(now + LAST_WORD);
    }

    fn begin_drain(&mut self) {
        let streams = &self.shared.streams;
        streams.drain(&self.shared.edge.shards, clock::now());
        self.drained_from = Some(streams.len());
    }

    /// Whether the GOAWAY of a drain is due: once a stream has ended, so that who comes back does so
    /// on another connection. Not before, for some clients take it for the end of all their streams
    /// (Python's h2).
    fn is_drained(&self) -> bool {
        // A first request may be on its way: it is answered, and turned away then.
        let has_asked = self.shared.has_asked.load(Ordering::Relaxed);
        self.drained_from.is_some_and(|streams| {
            has_asked && (self.tasks.is_empty() || self.shared.streams.len() < streams)
        })
    }

    /// What time has made due.
    fn look(&mut self, now: Instant) {
        let limits = &self.shared.edge.options;
        let is_over = |since: Option<Instant>, limit: Duration| {
            since.is_some_and(|since| now.saturating_duration_since(since) >= limit)
        };
        self.idle = self.idle.or(Some(now)).filter(|_| self.tasks.is_empty());
        let has_asked = self.shared.has_asked.load(Ordering::Relaxed);
        let is_mute = !has_asked && is_over(Some(self.born), limits.head_timeout);
        if self.shared.streams.give_up_stalled(now) {
            self.shared.streams.cut(EndReason::Stall);
            self.give_up(now);
        } else if is_mute || is_over(self.manners.hesitates_since(), limits.head_timeout) {
            if self.until.is_none() {
                let metrics = &self.shared.metrics;
                metrics.rejects.of(RejectReason::Timeout).inc();
            }
            self.shared.streams.cut(EndReason::Error);
            self.give_up(now);
        } else if is_over(self.idle, limits.h2.idle_timeout) {
            self.give_up(now);
        }
    }

    fn next_look(&self, now: Instant) -> Instant {
        let limits = &self.shared.edge.options;
        let patience = self.shared.streams.patience().unwrap_or(Duration::MAX);
        let shortest = limits
            .head_timeout
            .min(limits.h2.idle_timeout)
            .min(patience)
            / LOOKS;
        let next = now + shortest.clamp(SHORTEST_LOOK, LONGEST_LOOK);
        self.until.map_or(next, |until| next.min(until))
    }

    /// hyper has ended: with an error, if the client or the network has broken off.
    fn note(&self, error: &hyper::Error) {
        let kind = if self.manners.are_a_flood() {
            Some(Glitch::Inbound)
        } else {
            breach(error)
        };
        if let Some(kind) = kind {
            self.shared.metrics.glitches.of(kind).inc();
            self.shared.streams.cut(EndReason::Error);
        } else if error.is_timeout() {
            // It has not answered a PING.
            self.shared.streams.cut(EndReason::Stall);
        }
        tracing::debug!(%error, cause = ?error.source(), "an HTTP/2 connection ended early");
    }
}

/// How the client has broken the protocol, if that is why hyper has ended.
fn breach(error: &hyper::Error) -> Option<Glitch> {
    let error = error.source()?.downcast_ref::<h2::Error>()?;
    error.is_library().then(|| match error.reason() {
        Some(h2::Reason::ENHANCE_YOUR_CALM) => Glitch::Reset,
        _ => Glitch::Protocol,
    })
}

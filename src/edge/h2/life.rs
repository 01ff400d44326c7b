//! A connection's life: its streams and hyper's part in one task, and what watches over both.

use std::error::Error as _;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use hyper::server::conn::http2::Connection;
use hyper_util::rt::TokioIo;
use tokio::time::Sleep;

use super::service::{Requests, Shared};
use super::tasks::{Queue, Tasks};
use super::wire::{Hesitation, TooMuch, Wire};
use crate::clock;
use crate::drain::Phase;
use crate::edge::conn::ClientStream;
use crate::metrics::{EndReason, Glitch, RejectReason};

/// From the GOAWAY of a connection that has nothing to wait for to its end.
const LAST_WORD: Duration = Duration::from_secs(1);
/// Times that a connection is looked at within the shortest of its limits …
const LOOKS: u32 = 4;
/// … and the longest time between two: ten thousand quiet connections cost a core a thousandth.
const LONGEST_LOOK: Duration = Duration::from_secs(10);
const SHORTEST_LOOK: Duration = Duration::from_millis(20);

type Conversation<S> = Connection<TokioIo<Wire<S>>, Requests, Queue>;

/// One connection.
pub(super) struct Life<S: ClientStream> {
    // Before the streams: hyper lets go of what they have not sent.
    connection: Pin<Box<Conversation<S>>>,
    tasks: Tasks,
    shared: Arc<Shared>,
    hesitation: Arc<Hesitation>,
    draining: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    /// How many streams there were when the drain began.
    drained_from: Option<usize>,
    look: Pin<Box<Sleep>>,
    born: Instant,
    /// Since when there is no request.
    idle: Option<Instant>,
    is_leaving: bool,
    /// When it ends in any case.
    until: Option<Instant>,
}

impl<S: ClientStream> Life<S> {
    pub(super) fn new(
        connection: Pin<Box<Conversation<S>>>,
        tasks: Tasks,
        shared: Arc<Shared>,
        hesitation: Arc<Hesitation>,
        now: Instant,
    ) -> Self {
        let mut drain = shared.edge.drain.clone();
        Self {
            connection,
            tasks,
            hesitation,
            draining: Some(Box::pin(async move {
                drain.reached(Phase::Draining).await;
            })),
            drained_from: None,
            look: Box::pin(tokio::time::sleep_until(now.into())),
            born: now,
            idle: Some(now),
            is_leaving: false,
            until: None,
            shared,
        }
    }

    /// No more requests; those that are there go on.
    fn leave(&mut self) {
        if !std::mem::replace(&mut self.is_leaving, true) {
            self.connection.as_mut().graceful_shutdown();
        }
    }

    /// Likewise, and nothing is waited for much longer.
    fn give_up(&mut self, now: Instant) {
        self.leave();
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
        if self.shared.streams.is_stalled(now) {
            self.shared.streams.cut(EndReason::Stall);
            self.give_up(now);
        } else if is_mute || is_over(self.hesitation.since(), limits.head_timeout) {
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
        let glitches = &self.shared.metrics.glitches;
        let (mut cause, mut kind) = (error.source(), None);
        while let Some(error) = cause {
            if let Some(error) = error.downcast_ref::<h2::Error>().filter(|e| e.is_library()) {
                kind = Some(match error.reason() {
                    Some(h2::Reason::ENHANCE_YOUR_CALM) => Glitch::Reset,
                    _ => Glitch::Protocol,
                });
            }
            if is_too_much(error) {
                kind = Some(Glitch::Inbound);
            }
            cause = error.source();
        }
        if let Some(kind) = kind {
            glitches.of(kind).inc();
            self.shared.streams.cut(EndReason::Error);
        }
        tracing::debug!(%error, cause = ?error.source(), "an HTTP/2 connection ended early");
    }
}

fn is_too_much(error: &(dyn std::error::Error + 'static)) -> bool {
    let inner = error
        .downcast_ref::<std::io::Error>()
        .and_then(std::io::Error::get_ref);
    error.is::<TooMuch>() || matches!(inner, Some(inner) if inner.is::<TooMuch>())
}

impl<S: ClientStream> Future for Life<S> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        while this.look.as_mut().poll(cx).is_ready() {
            let now = clock::now();
            if this.until.is_some_and(|until| until <= now) {
                return Poll::Ready(());
            }
            this.look(now);
            let next = this.next_look(now);
            this.look.as_mut().reset(next.into());
        }
        if let Some(draining) = &mut this.draining
            && draining.as_mut().poll(cx).is_ready()
        {
            this.draining = None;
            this.begin_drain();
        }
        // First what streams have to say, then the writing of it.
        this.tasks.poll(cx);
        loop {
            match this.connection.as_mut().poll(cx) {
                Poll::Ready(Ok(())) => return Poll::Ready(()),
                Poll::Ready(Err(error)) => {
                    this.note(&error);
                    return Poll::Ready(());
                }
                Poll::Pending => {}
            }
            let turns_away = this.shared.turns_away.load(Ordering::Relaxed);
            // What has ended has been told so by now.
            let is_to_leave = !this.is_leaving && (turns_away || this.is_drained());
            if is_to_leave {
                this.leave();
            }
            if !this.tasks.poll(cx) && !is_to_leave {
                return Poll::Pending;
            }
        }
    }
}

//! A stream that stays in its HTTP conversation: the way of HTTP/2, where many share a connection.
//!
//! Pure of HTTP: the edge makes DATA frames of what it is given. Invariants: a body has a place,
//! never a queue; what it gives ends at a frame boundary, so that lines of our own may stand
//! anywhere between; its end is an end, never a failure; whatever ends it is counted.

mod streams;
#[cfg(test)]
mod tests;

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::time::Sleep;

pub use streams::Streams;
use streams::Tether;

use super::gap::Leap;
use super::tend::retry_step;
use super::{Options, Shards, Slow, retry};
use crate::clock;
use crate::hub::limits::{AddressPermit, TotalPermit};
use crate::hub::{Listener, Subscription};
use crate::log::{Cursor, Piece, Read};
use crate::metrics::{EndReason, GapCause, MissReason};
use crate::position::Offset;
use crate::sse::write;

/// Bytes given at a time, and all that waits for a reader whose window is shut: with their header
/// they are one DATA frame of the size that every client takes, and one TLS record.
const GIVE_BYTES: usize = (16 << 10) - 64;

/// A client that becomes a subscriber without leaving its connection.
#[derive(Debug)]
pub struct Guest {
    /// What is given first: `retry:`, a comment, perhaps a gap event.
    pub preface: Bytes,
    /// From where it reads.
    pub cursor: Cursor,
    /// Its place at the topic.
    pub subscription: Subscription,
    /// How its route serves streams.
    pub options: Arc<Options>,
    /// Of an address that only the request has named.
    pub address: Option<AddressPermit>,
}

/// One stream's body.
#[derive(Debug)]
pub struct Body {
    tether: Tether,
    listener: Listener,
    cursor: Cursor,
    /// Whether it has waited since it gave something: it is with those at the live edge then, who
    /// get every frame.
    is_at_edge: bool,
    /// Lines of our own, which go before frames.
    owed: Bytes,
    options: Arc<Options>,
    shards: Arc<Shards>,
    /// Why it ends once `owed` is out.
    ending: Option<EndReason>,
    born: Instant,
    /// When it gave something last.
    gave: Instant,
    /// When the timer wakes it.
    due: Instant,
    timer: Pin<Box<Sleep>>,
    /// How wide the spread was when its client was told its `retry:` (its doublings).
    retry_step: u8,
    subscription: Subscription,
    /// Held, never read.
    _held: (Option<AddressPermit>, TotalPermit),
}

impl Body {
    /// The body of a guest's stream, among the other streams of its connection.
    pub fn new(guest: Guest, streams: &Arc<Streams>, shards: &Arc<Shards>) -> Self {
        let now = clock::now();
        let options = guest.options;
        let tether = streams.tie(options.stall_timeout);
        if !options.max_age.is_zero() {
            let age = options.max_age.mul_f64(0.8 + 0.2 * fastrand::f64());
            tether.end_at(now + age, EndReason::Age);
        }
        if let Some(order) = shards.draining() {
            tether.end_at(order.moment(now, fastrand::f64()), EndReason::Drain);
        }
        Self {
            tether,
            listener: guest.subscription.topic().listen(),
            cursor: guest.cursor,
            is_at_edge: false,
            owed: guest.preface,
            shards: Arc::clone(shards),
            ending: None,
            born: now,
            gave: now,
            due: now,
            timer: Box::pin(tokio::time::sleep_until(now.into())),
            retry_step: retry_step(shards.spread()),
            subscription: guest.subscription,
            _held: (guest.address, shards.count_guest()),
            options,
        }
    }

    /// What comes next; `None` is the end.
    pub fn poll_give(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let mut now = clock::now();
        self.tether.asked();
        // Before anything is given: who is never asked again can still be given up.
        let is_new = self.tether.listen(cx.waker());
        loop {
            if !self.owed.is_empty() {
                let owed = std::mem::take(&mut self.owed);
                return self.give(owed, 0, now);
            }
            if self.ending.is_some() {
                return Poll::Ready(None);
            }
            if let Some(reason) = self.tether.due(now) {
                self.end(reason);
                continue;
            }
            let mut piece = Piece::default();
            match self.poll_share(cx, &mut piece) {
                Poll::Ready(Read::Frames) => {
                    self.is_at_edge = false;
                    self.cursor.advance_to(piece.end());
                    self.subscription
                        .topic()
                        .count_conflated(piece.passed_over());
                    return self.give(piece.bytes().clone(), piece.frames(), now);
                }
                Poll::Ready(Read::Gap { missed, oldest }) => self.fell_off(missed, oldest),
                Poll::Ready(Read::Sealed) => self.end(EndReason::UpstreamEnd),
                Poll::Ready(Read::Empty) | Poll::Pending => {
                    self.is_at_edge = true;
                    if !self.is_time_over(cx, now, is_new) {
                        return Poll::Pending;
                    }
                    now = clock::now();
                }
            }
        }
    }

    fn poll_share(&mut self, cx: &mut Context<'_>, piece: &mut Piece) -> Poll<Read> {
        let listener = &mut self.listener;
        if self.options.slow == Slow::Conflate && !self.is_at_edge {
            return listener.poll_share_newest(cx, self.cursor, GIVE_BYTES, piece);
        }
        listener.poll_share(cx, self.cursor, GIVE_BYTES, piece)
    }

    fn give(&mut self, bytes: Bytes, frames: u64, now: Instant) -> Poll<Option<Bytes>> {
        self.gave = now;
        self.tether.given(now);
        let metrics = &self.subscription.topic().route().metrics;
        if frames > 0 {
            metrics.frames_delivered.inc_by(frames);
        }
        metrics.sent_bytes.inc_by(bytes.len() as u64);
        Poll::Ready(Some(bytes))
    }

    /// Nothing is there to be given: whether something of our own is due, else when to look again.
    /// The timer must know a waker that is new.
    fn is_time_over(&mut self, cx: &mut Context<'_>, now: Instant, is_new: bool) -> bool {
        let heartbeat = self.options.heartbeat;
        let beat_at = (!heartbeat.is_zero()).then(|| self.gave + heartbeat);
        if beat_at.is_some_and(|at| at <= now) {
            self.owed = self.heartbeat();
            return true;
        }
        // An event that comes in between leaves the timer alone, which then finds that it is early.
        let next = [beat_at, self.tether.end().map(|(at, _)| at)];
        let Some(next) = next.into_iter().flatten().min() else {
            return false;
        };
        if self.due <= now || next < self.due {
            self.due = next;
            self.timer.as_mut().reset(next.into());
        } else if !is_new {
            return false;
        }
        self.timer.as_mut().poll(cx).is_ready()
    }

    /// The heartbeat, with a new `retry:` before it once the spread has doubled since the last.
    fn heartbeat(&mut self) -> Bytes {
        let spread = self.shards.spread();
        let step = retry_step(spread);
        if step <= self.retry_step {
            return Bytes::from_static(write::HEARTBEAT);
        }
        self.retry_step = step;
        let mut lines = Vec::new();
        let delay = retry::delay(self.options.retry, spread, fastrand::f64());
        write::retry(&mut lines, delay);
        lines.extend_from_slice(write::HEARTBEAT);
        Bytes::from(lines)
    }

    fn fell_off(&mut self, missed: Option<u64>, oldest: Offset) {
        if std::mem::take(&mut self.is_at_edge) && self.options.slow == Slow::Conflate {
            // The log has moved on before this one was asked: now it is behind.
            return;
        }
        if self.options.slow == Slow::Close {
            return self.end(EndReason::Slow);
        }
        let topic = self.subscription.topic();
        let leap = Leap::new(&self.options, topic.log(), GapCause::Lag, missed, oldest);
        leap.count(&topic.route().metrics, MissReason::Lag);
        self.cursor = leap.cursor();
        let mut notice = Vec::new();
        leap.tell(&self.options, &mut notice);
        self.owed = Bytes::from(notice);
    }

    /// A client that is to come back is told when.
    fn end(&mut self, reason: EndReason) {
        self.ending = Some(reason);
        if reason == EndReason::Drain {
            let mut last = Vec::new();
            let spread = self.shards.spread();
            let delay = retry::long_delay(self.options.retry, spread, fastrand::f64());
            write::retry(&mut last, delay);
            self.owed = Bytes::from(last);
        }
    }

    /// Whether everything has been given.
    pub fn is_over(&self) -> bool {
        self.ending.is_some() && self.owed.is_empty()
    }

    fn reason(&self) -> EndReason {
        let is_over = self.is_over();
        let reason = self.ending.filter(|_| is_over);
        let draining = || self.shards.draining().map(|_| EndReason::Drain);
        reason
            .or_else(|| self.tether.cut())
            .or_else(draining)
            .unwrap_or(EndReason::Client)
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        let reason = self.reason();
        let lived = clock::now().saturating_duration_since(self.born);
        count_out(&self.subscription, reason, lived);
    }
}

fn count_out(subscription: &Subscription, reason: EndReason, lived: Duration) {
    let route = subscription.topic().route();
    route.metrics.ended.of(reason).inc();
    route.metrics.duration.observe(lived.as_secs_f64());
    tracing::info!(
        route = %route.name,
        %reason,
        seconds = lived.as_secs_f64(),
        "a stream ended"
    );
}

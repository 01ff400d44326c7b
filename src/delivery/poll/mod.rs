//! A poll: one bounded answer out of a topic's log, at once or as soon as there is something, for
//! clients behind intermediaries that hold a stream back, and for those without `EventSource`.
//!
//! Pure of HTTP: the edge makes a response of it. Invariants: what a poll has been given and what
//! the next one gets join without a hole and without a repetition, because an answer never ends
//! without its place being known to the client; an answer is bounded by `poll_bytes`, its waiting
//! by `poll_wait` (a snapshot that does not fit goes on with the next poll, which is told a gap
//! unless its route conflates: its place has been evicted); whatever ends a poll is counted, and a client that has gone holds nothing.

#[cfg(test)]
mod tests;

use std::mem;
use std::sync::Arc;
use std::time::Duration;

use super::flow::READ_BYTES;
use super::gap::Leap;
use super::{Options, Slow, retry};
use crate::hub::{Listener, Subscription};
use crate::log::{Batch, Cursor, Read};
use crate::metrics::{EndReason, GapCause, MissReason};
use crate::position::{Offset, Position};
use crate::sse::write;

/// Base of the `retry:` that a poller gets, and it is jittered and spread as a stream's is. The
/// shortest that any client of ours is told: an `EventSource` waits so long between two polls, and
/// what is said meanwhile waits with it.
const BETWEEN: Duration = Duration::from_secs(1);

/// A client that polls, at its place.
#[derive(Debug)]
pub struct Poll {
    subscription: Subscription,
    options: Arc<Options>,
    cursor: Cursor,
    /// What has been written so far.
    body: Vec<u8>,
    /// Whether `body` holds something that must not wait.
    has_news: bool,
    /// Whether the client knows `cursor`, by the id it came with or the last one in `body`.
    is_placed: bool,
    frames: u64,
    /// Why it ended; `None` = the client has gone while it waited.
    end: Option<EndReason>,
}

impl Poll {
    /// A client that stands at `cursor`, and that has been told so if `is_placed`.
    pub fn new(
        subscription: Subscription,
        options: Arc<Options>,
        cursor: Cursor,
        is_placed: bool,
    ) -> Self {
        Self {
            subscription,
            options,
            cursor,
            body: Vec::new(),
            has_news: false,
            is_placed,
            frames: 0,
            end: None,
        }
    }

    /// A comment before everything else.
    pub fn remark(&mut self, text: &str) {
        write::comment(&mut self.body, text);
    }

    /// The client's place is gone: it is told at once, and goes on elsewhere.
    pub fn leap(&mut self, leap: &Leap) {
        let before = self.body.len();
        self.is_placed = leap.tell(&self.options, &mut self.body);
        self.cursor = leap.cursor();
        self.has_news |= self.body.len() > before;
    }

    /// The answer's body. `spread` is how far all pollers are spread when they come back; `drained`
    /// comes back when nobody may wait any more.
    pub async fn answer(mut self, spread: Duration, drained: impl Future<Output = ()>) -> Vec<u8> {
        let end = self.wait_and_fill(drained).await;
        self.end = Some(end);
        let mut out = Vec::with_capacity(self.body.len() + 128);
        let random = fastrand::f64();
        let delay = match end {
            EndReason::Drain => retry::long_delay(self.options.retry, spread, random),
            _ => retry::delay(BETWEEN, spread, random),
        };
        write::retry(&mut out, delay);
        out.append(&mut self.body);
        self.tell_place(&mut out);
        let metrics = &self.subscription.topic().route().metrics;
        metrics.frames_delivered.inc_by(self.frames);
        metrics.sent_bytes.inc_by(out.len() as u64);
        out
    }

    async fn wait_and_fill(&mut self, drained: impl Future<Output = ()>) -> EndReason {
        // A crowd that one event has answered at once does not run out of time at once.
        let patience = self.options.poll_wait.mul_f64(0.8 + 0.2 * fastrand::f64());
        tokio::select! {
            // What is there goes before everything else. The first arm waits only before it has
            // taken anything, so that dropping it loses nothing.
            biased;
            end = self.fill() => end,
            () = drained => EndReason::Drain,
            () = tokio::time::sleep(patience) => EndReason::PollWait,
        }
    }

    /// Takes what there is, as much as `poll_bytes` hold and one frame at least; waits for it if
    /// there is nothing to be told.
    async fn fill(&mut self) -> EndReason {
        let mut listener = self.subscription.topic().listen();
        let mut batch = Batch::default();
        loop {
            let left = self.options.poll_bytes.saturating_sub(self.body.len());
            // In pieces, so that the log's lock is held no longer than for a stream.
            match self
                .read(&mut listener, left.min(READ_BYTES), &mut batch)
                .await
            {
                Read::Frames if self.frames > 0 && batch.bytes().len() > left => {
                    return EndReason::PollBytes;
                }
                Read::Frames => self.take(&batch),
                Read::Gap { .. } if self.options.slow == Slow::Close => return EndReason::Slow,
                Read::Gap { missed, oldest } => self.fell_off(missed, oldest),
                Read::Empty => return EndReason::Answered,
                Read::Sealed => return EndReason::UpstreamEnd,
            }
        }
    }

    async fn read(&self, listener: &mut Listener, limit: usize, batch: &mut Batch) -> Read {
        let log = self.subscription.topic().log();
        match (self.has_news, self.options.slow) {
            (true, Slow::Conflate) => log.read_newest(self.cursor, limit, batch),
            (true, Slow::Skip | Slow::Close) => log.read(self.cursor, limit, batch),
            (false, Slow::Conflate) => listener.read_newest(self.cursor, limit, batch).await,
            (false, Slow::Skip | Slow::Close) => listener.read(self.cursor, limit, batch).await,
        }
    }

    fn take(&mut self, batch: &Batch) {
        self.body.extend_from_slice(batch.bytes());
        self.cursor.advance_to(batch.end());
        self.frames += batch.len() as u64;
        self.has_news = true;
        let topic = self.subscription.topic();
        topic.count_conflated(batch.passed_over());
        // Where ids are exactly the upstream's, the last one may stand for several frames, or for
        // none.
        self.is_placed = self.options.gap_ids;
    }

    fn fell_off(&mut self, missed: Option<u64>, oldest: Offset) {
        let log = self.subscription.topic().log();
        let leap = Leap::new(&self.options, log, GapCause::Lag, missed, oldest);
        leap.count(&self.subscription.topic().route().metrics, MissReason::Lag);
        self.leap(&leap);
    }

    /// Whoever has no id for where it stands would come back as a newcomer, and what is said until
    /// then would be lost without a word: it gets one by an event of our own. An answer without
    /// anything in it is a comment, for some clients take an empty body for a failure.
    fn tell_place(&self, out: &mut Vec<u8>) {
        if self.is_placed {
            if !self.has_news {
                out.extend_from_slice(write::HEARTBEAT);
            }
            return;
        }
        // A snapshot that there was nothing of has been read.
        let empty = self.cursor.snapshot_end().filter(|_| self.frames == 0);
        let next = empty.unwrap_or(self.cursor.offset());
        let place = Position {
            epoch: self.subscription.topic().log().epoch(),
            offset: next.before(),
        };
        write::position(out, place);
    }
}

impl Drop for Poll {
    fn drop(&mut self) {
        // Before the client can see its answer: it may look at the metrics at once.
        let end = mem::take(&mut self.end).unwrap_or(EndReason::Client);
        let route = self.subscription.topic().route();
        route.metrics.ended.of(end).inc();
        tracing::debug!(route = %route.name, reason = %end, "a poll ended");
    }
}

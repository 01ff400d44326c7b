//! What happens to a subscriber besides frames: its timer, and what its socket reports.

use std::io;
use std::time::{Duration, Instant};

use bytes::Bytes;
use mio::event::Event;

use super::flow::end_of;
use super::retry;
use super::shard::Shard;
use super::subscriber::{Standing, Subscriber};
use super::{Options, ShardOptions};
use crate::metrics::EndReason;
use crate::sse::write;

/// What a client sends after its request is read into here and forgotten.
const DISCARD: usize = 4096;

impl Shard {
    /// The socket reports something.
    pub(super) fn ready(&mut self, key: usize, event: &Event) {
        let Some(subscriber) = self.subscribers.get_mut(key) else {
            return;
        };
        if event.is_error() || event.is_write_closed() {
            let reason = match subscriber.socket.take_error() {
                Ok(Some(error)) => end_of(&error),
                Ok(None) | Err(_) => EndReason::Client,
            };
            return self.remove(key, reason);
        }
        if event.is_readable() || event.is_read_closed() {
            self.listen(key);
        }
        let is_waiting = |s: &Subscriber| s.blocked || !s.owed.is_empty() || !s.socket.is_clear();
        if event.is_writable() && self.subscribers.get(key).is_some_and(is_waiting) {
            self.advance(key);
        }
    }

    /// Discards what the client says, within its budget, and sees it hang up.
    fn listen(&mut self, key: usize) {
        let Some(subscriber) = self.subscribers.get_mut(key) else {
            return;
        };
        let age = self.now.saturating_duration_since(subscriber.born);
        let mut discard = [0; DISCARD];
        loop {
            match subscriber.socket.discard(&mut discard) {
                Ok(0) => return self.client_closed(key),
                Ok(read) => {
                    let read = u32::try_from(read).unwrap_or(u32::MAX);
                    subscriber.inbound = subscriber.inbound.saturating_add(read);
                    if subscriber.inbound > inbound_budget(&self.options, age) {
                        return self.remove(key, EndReason::Error);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) => return self.remove(key, end_of(&error)),
            }
        }
    }

    /// The client's side is closed. One heartbeat finds out at once: a peer that is gone answers
    /// with a reset, one that has only half closed lives on.
    fn client_closed(&mut self, key: usize) {
        let Some(subscriber) = self.subscribers.get_mut(key) else {
            return;
        };
        if !subscriber.half_closed {
            subscriber.half_closed = true;
            if subscriber.is_at_boundary() && !subscriber.blocked {
                self.interject(key, Bytes::from_static(write::HEARTBEAT));
            }
        }
    }

    /// Puts a line of our own between two frames.
    fn interject(&mut self, key: usize, line: Bytes) {
        if let Some(subscriber) = self.subscribers.get_mut(key) {
            subscriber.owed = line;
            if !self.flush(key) {
                self.leave_edge(key);
            }
        }
    }

    /// A timer entry came back: sees what is due, and sets the next one.
    pub(super) fn tend(&mut self, key: usize, timer: u32) {
        let Some(subscriber) = self.subscribers.get(key).filter(|s| s.timer == timer) else {
            return;
        };
        let Some(audience) = self.audiences.get(subscriber.audience) else {
            return;
        };
        let options = std::sync::Arc::clone(&audience.options);
        let quiet_since = match subscriber.standing {
            Standing::AtEdge(_) => subscriber.progress.max(audience.passed_at),
            Standing::Behind(_) => subscriber.progress,
        };
        let quiet = self.now.saturating_duration_since(quiet_since);
        let end = subscriber.until.filter(|_| subscriber.ending.is_none());
        if let Some((_, reason)) = end.filter(|(at, _)| *at <= self.now) {
            self.end(key, reason);
        } else if subscriber.blocked && quiet >= options.stall_timeout {
            return self.remove(key, EndReason::Stall);
        } else if !subscriber.blocked
            && subscriber.is_at_boundary()
            && is_due(options.heartbeat, quiet)
        {
            let line = self.heartbeat(key, &options);
            self.interject(key, line);
        }
        self.set_timer(key, &options);
    }

    /// The heartbeat, with a new `retry:` before it once the spread has doubled since the last.
    fn heartbeat(&mut self, key: usize, options: &Options) -> Bytes {
        let step = retry_step(self.spread);
        match self.subscribers.get_mut(key) {
            Some(subscriber) if step > subscriber.retry_step => {
                subscriber.retry_step = step;
                let mut line = Vec::new();
                let delay = retry::delay(options.retry, self.spread, fastrand::f64());
                write::retry(&mut line, delay);
                line.extend_from_slice(write::HEARTBEAT);
                Bytes::from(line)
            }
            _ => Bytes::from_static(write::HEARTBEAT),
        }
    }

    /// A newcomer's first timer; its life may be bounded.
    pub(super) fn set_first_timer(&mut self, key: usize, max_age: Duration) {
        if let Some(subscriber) = self.subscribers.get_mut(key) {
            if !max_age.is_zero() {
                let age = max_age.mul_f64(0.8 + 0.2 * fastrand::f64());
                subscriber.until = Some((self.now + age, EndReason::Age));
            }
            if let Some(order) = self.draining {
                let at = order.moment(self.now, fastrand::f64());
                subscriber.until = Some((at, EndReason::Drain));
            }
        }
        if let Some(audience) = self
            .subscribers
            .get(key)
            .and_then(|s| self.audiences.get(s.audience))
        {
            let options = std::sync::Arc::clone(&audience.options);
            self.set_timer(key, &options);
        }
    }

    /// Sets the one timer that counts; an older entry means nothing any more.
    pub(super) fn set_timer(&mut self, key: usize, options: &Options) {
        let Some(subscriber) = self.subscribers.get_mut(key) else {
            return;
        };
        let Some(audience) = self.audiences.get(subscriber.audience) else {
            return;
        };
        let quiet_since = match subscriber.standing {
            Standing::AtEdge(_) => subscriber.progress.max(audience.passed_at),
            Standing::Behind(_) => subscriber.progress,
        };
        let due = next_due(subscriber, quiet_since, self.now, options);
        self.timers = self.timers.wrapping_add(1);
        subscriber.timer = self.timers;
        self.wheel.insert(due, (key, self.timers));
    }
}

/// When to look again: at the first thing that may be due, and once in a `stall_timeout` in any
/// case, because a socket that fills up sets no timer.
fn next_due(s: &Subscriber, quiet_since: Instant, now: Instant, options: &Options) -> Instant {
    let mut due = now + options.stall_timeout;
    if s.blocked {
        due = due.min(quiet_since + options.stall_timeout);
    } else if !options.heartbeat.is_zero() {
        due = due.min(quiet_since + options.heartbeat);
    }
    match s.until {
        // An end that has been said already only waits for its last bytes.
        Some((at, _)) if s.ending.is_none() => due.min(at),
        Some(_) | None => due,
    }
}

fn is_due(heartbeat: Duration, quiet: Duration) -> bool {
    !heartbeat.is_zero() && quiet >= heartbeat
}

fn inbound_budget(options: &ShardOptions, age: Duration) -> u32 {
    let seconds = u32::try_from(age.as_secs()).unwrap_or(u32::MAX);
    options
        .inbound_burst
        .saturating_add(options.inbound_per_second.saturating_mul(seconds))
}

/// How often the spread has doubled from a second.
pub(super) fn retry_step(spread: Duration) -> u8 {
    u8::try_from((spread.as_secs() + 1).ilog2()).unwrap_or(u8::MAX)
}

//! All shards: starting them, choosing one, ending them.

use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::mailbox::{DrainOrder, Mailbox, PollWaker};
use super::shard::Shard;
use super::{Newcomer, ShardOptions};
use crate::clock;
use crate::hub::limits::{Total, TotalPermit};
use crate::hub::wake::Door;
use crate::metrics::Metrics;

/// A shard that has not been seen awake for so long is stuck; it wakes every second.
const STUCK: Duration = Duration::from_secs(10);

/// The delivery threads.
#[derive(Debug)]
pub struct Shards {
    doors: Vec<Arc<Door>>,
    mailboxes: Vec<Arc<Mailbox>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    options: ShardOptions,
    start: Instant,
    /// Subscribers that are in no shard: they stay in their HTTP/2 connections.
    guests: Arc<Total>,
    draining: Mutex<Option<DrainOrder>>,
}

impl Shards {
    /// Starts a thread for each shard.
    pub fn start(options: &ShardOptions, metrics: &Metrics) -> io::Result<Self> {
        let count = match options.threads {
            0 => thread::available_parallelism().map_or(1, usize::from),
            threads => threads,
        };
        let start = clock::now();
        let mut shards = Self {
            doors: Vec::with_capacity(count),
            mailboxes: Vec::with_capacity(count),
            threads: Mutex::new(Vec::with_capacity(count)),
            options: options.clone(),
            start,
            guests: Total::new(0),
            draining: Mutex::new(None),
        };
        for number in 0..count {
            let poll = mio::Poll::new()?;
            let waker = mio::Waker::new(poll.registry(), super::shard::WAKER)?;
            let door = Door::new(Box::new(PollWaker(waker)));
            let mailbox = Mailbox::new();
            let mut shard = Shard::new(number, poll, &door, &mailbox, options.clone());
            shard.count_in(metrics, count, start);
            let run = move || shard.run();
            let thread = thread::Builder::new()
                .name(format!("shard-{number}"))
                .spawn(run)?;
            shards.threads.lock().push(thread);
            shards.doors.push(door);
            shards.mailboxes.push(mailbox);
        }
        Ok(shards)
    }

    /// Where topics knock, in the order of the shards.
    pub fn doors(&self) -> Vec<Arc<Door>> {
        self.doors.clone()
    }

    /// Hands a subscriber to the least loaded shard, so that a hot topic uses every core.
    pub fn deliver(&self, newcomer: Newcomer) {
        let all = self.mailboxes.iter().zip(&self.doors);
        if let Some((mailbox, door)) = all.min_by_key(|(mailbox, _)| mailbox.load()) {
            mailbox.put(newcomer, door);
        }
    }

    /// Subscribers in all shards, and those that are in none.
    pub fn subscribers(&self) -> usize {
        let in_shards: usize = self.mailboxes.iter().map(|mailbox| mailbox.load()).sum();
        in_shards + self.guests.used()
    }

    /// One more subscriber that is in no shard, for as long as the permit lives.
    pub(super) fn count_guest(&self) -> TotalPermit {
        self.guests.acquire()
    }

    /// Over which window streams end now, if they do.
    pub(super) fn draining(&self) -> Option<DrainOrder> {
        *self.draining.lock()
    }

    /// How far reconnects are spread for the subscribers of now.
    pub fn spread(&self) -> Duration {
        self.spread_of(self.subscribers())
    }

    /// How far so many that come back together are spread.
    pub fn spread_of(&self, clients: usize) -> Duration {
        super::retry::spread(clients, self.options.admit_per_second)
    }

    /// Ends all streams one by one over `window`; those in no shard see it by [`Streams::drain`].
    ///
    /// [`Streams::drain`]: super::body::Streams::drain
    pub fn drain(&self, window: Duration) {
        let order = DrainOrder {
            begin: clock::now(),
            window,
        };
        *self.draining.lock() = Some(order);
        for (mailbox, door) in self.mailboxes.iter().zip(&self.doors) {
            mailbox.order_drain(order, door);
        }
    }

    /// Whether every shard has been awake lately.
    pub fn are_alive(&self, now: Instant) -> bool {
        let since_start = now.saturating_duration_since(self.start);
        self.mailboxes
            .iter()
            .all(|m| since_start.saturating_sub(m.last_beat()) < STUCK)
    }

    /// Ends the threads, and with them whatever streams are left. Blocks until they have ended.
    pub fn stop(&self) {
        for (mailbox, door) in self.mailboxes.iter().zip(&self.doors) {
            mailbox.order_stop(door);
        }
        for thread in self.threads.lock().drain(..) {
            if thread.join().is_err() {
                tracing::error!("a shard's thread has panicked");
            }
        }
    }
}

impl Drop for Shards {
    fn drop(&mut self) {
        self.stop();
    }
}

//! A shard without a thread, whose rounds are called by hand, so that a bench can count what they
//! cost.
//!
//! Layer 3. Hidden from the docs: nothing in the house uses it. Invariant: a round is the one that
//! a shard's thread does.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use super::mailbox::{Mailbox, PollWaker};
use super::shard::{Round, Shard, WAKER};
use super::{Newcomer, ShardOptions};
use crate::clock;
use crate::hub::wake::Door;
use crate::metrics::Metrics;

/// The shard.
#[derive(Debug)]
pub struct ByHand {
    shard: Shard,
    round: Round,
    mailbox: Arc<Mailbox>,
    door: Arc<Door>,
}

impl ByHand {
    /// A shard that is number 0 of one.
    pub fn new(options: ShardOptions, metrics: &Metrics) -> io::Result<Self> {
        let poll = mio::Poll::new()?;
        let waker = mio::Waker::new(poll.registry(), WAKER)?;
        let door = Door::new(Box::new(PollWaker(waker)));
        let mailbox = Mailbox::new();
        let mut shard = Shard::new(0, poll, &door, &mailbox, options);
        shard.count_in(metrics, 1, clock::now());
        Ok(Self {
            shard,
            round: Round::default(),
            mailbox,
            door,
        })
    }

    /// Where topics knock.
    pub fn door(&self) -> Arc<Door> {
        Arc::clone(&self.door)
    }

    /// Hands it a subscriber, whom the next round takes in.
    pub fn deliver(&self, newcomer: Newcomer) {
        self.mailbox.put(newcomer, &self.door);
    }

    /// One round, without waiting.
    pub fn round(&mut self) {
        self.shard.round(&mut self.round, Duration::ZERO);
    }
}

//! Make before break: a new feed is opened before the old one is closed.
//!
//! Invariant: the old feed is left only when both have been seen at the same event, so that nothing
//! is lost or doubled; or when they do not come together in time, and then ids and payloads of what
//! the new one has sent decide, as after a broken connection.

use std::time::Duration;

use super::task::Task;
use crate::event::Event;
use crate::position::Offset;
use crate::source::{Error, Feed, Step};
use crate::sse::Item;

/// How long two feeds may stay open to come into step. A script that looks for news once a second
/// or two needs a few of its rounds.
const OVERLAP: Duration = Duration::from_secs(10);
/// What of the new feed is held back meanwhile; a faster stream changes over at once.
const HELD_BYTES: usize = 1 << 20;

/// How a rotation ended.
pub(super) enum Rotation {
    /// The new feed goes on.
    New(Box<dyn Feed>),
    /// The old feed goes on: a new one can not be had now.
    Old(Box<dyn Feed>),
    /// The old feed ended, and no new one was there yet.
    Ended,
}

/// What the new feed has sent, held back until both feeds are in step.
#[derive(Default)]
struct Held {
    items: Vec<Item>,
    bytes: usize,
    malformed: u64,
}

impl Held {
    fn add(&mut self, items: Vec<Item>, bytes: usize, malformed: u64) {
        self.items.extend(items);
        self.bytes += bytes;
        self.malformed = malformed;
    }

    fn newest(&self) -> Option<&Event> {
        self.items.iter().rev().find_map(|item| match item {
            Item::Event(event) => Some(event),
            Item::Retry(_) | Item::Oversize { .. } | Item::Unknown(_) => None,
        })
    }
}

/// Which feed an overlap has heard from, and how many lines without meaning it has sent.
enum Heard {
    Old(Result<Step, Error>, u64),
    New(Result<Step, Error>, u64),
    TooLong,
}

/// How an overlap ends.
enum Verdict {
    /// The new feed goes on; whether both were in step.
    Change { is_in_step: bool },
    /// The new feed is no successor.
    Keep,
}

impl Task {
    /// Replaces `old`. An error of the old feed is given on if there is nothing to go on with.
    pub(super) async fn rotate(&mut self, mut old: Box<dyn Feed>) -> Result<Rotation, Error> {
        // A second worker for a moment; if all are taken, the old feed keeps its own.
        let Some(_second) = self.route.budget.try_feed() else {
            return Ok(Rotation::Old(old));
        };
        let source = std::sync::Arc::clone(&self.source);
        let mut opening = source.open(self.events.ids().resume_from());
        self.route.upstream.connect_attempts.inc();
        let new = loop {
            tokio::select! {
                // `next` loses nothing when it is dropped; `open` is polled again.
                opened = &mut opening => match opened {
                    Ok(new) => break new,
                    Err(error) => {
                        self.route.upstream.errors.of(error.reason()).inc();
                        return Ok(Rotation::Old(old));
                    }
                },
                step = old.next() => {
                    if self.take_step(step?, old.malformed()) {
                        return Ok(Rotation::Ended);
                    }
                }
            }
        };
        Ok(self.overlap(old, new).await)
    }

    /// Reads both feeds until they are in step.
    async fn overlap(&mut self, mut old: Box<dyn Feed>, mut new: Box<dyn Feed>) -> Rotation {
        let before = self.events.appender().next();
        let mut held = Held::default();
        let mut too_long = std::pin::pin!(tokio::time::sleep(OVERLAP));
        let is_in_step = loop {
            let heard = tokio::select! {
                // The old feed first: what it has was sent before. `next` loses nothing.
                biased;
                step = old.next() => Heard::Old(step, old.malformed()),
                step = new.next() => Heard::New(step, new.malformed()),
                () = &mut too_long => Heard::TooLong,
            };
            match self.hear(heard, &mut held, before) {
                None => {}
                Some(Verdict::Change { is_in_step }) => break is_in_step,
                Some(Verdict::Keep) => return Rotation::Old(old),
            }
        };
        drop(old);
        if is_in_step {
            self.events.change_feeds(true, held.malformed);
        } else {
            self.events.change_feeds(false, 0);
            self.events.take(held.items, held.bytes, held.malformed);
        }
        Rotation::New(new)
    }

    fn hear(&mut self, heard: Heard, held: &mut Held, before: Offset) -> Option<Verdict> {
        const OUT_OF_STEP: Option<Verdict> = Some(Verdict::Change { is_in_step: false });
        match heard {
            Heard::Old(Ok(step), malformed) => {
                if self.take_step(step, malformed) {
                    return OUT_OF_STEP;
                }
            }
            Heard::Old(Err(_), _) => return OUT_OF_STEP,
            Heard::New(Ok(Step::Items { items, bytes }), malformed) => {
                held.add(items, bytes, malformed);
            }
            // Another feed that ends at once is no successor.
            Heard::New(Ok(Step::Ended { .. }) | Err(_), _) => return Some(Verdict::Keep),
            Heard::TooLong => {
                let is_quiet = held.newest().is_none();
                let is_in_step = is_quiet && self.events.appender().next() == before;
                return Some(Verdict::Change { is_in_step });
            }
        }
        if held
            .newest()
            .is_some_and(|new| is_same(new, self.events.newest()))
        {
            return Some(Verdict::Change { is_in_step: true });
        }
        if held.bytes > HELD_BYTES {
            OUT_OF_STEP
        } else {
            None
        }
    }
}

/// Whether two feeds' newest events are one event. An inherited id says nothing about the event.
fn is_same(new: &Event, old: Option<&Event>) -> bool {
    old.is_some_and(|old| {
        let own = |event: &Event| event.id.clone().filter(|_| event.own_id);
        own(new) == own(old) && new.name == old.name && new.data == old.data
    })
}

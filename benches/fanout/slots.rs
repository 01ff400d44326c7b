//! Servers that are measured at once and never busy at once: each has events in its own slots of the clock.
//!
//! A machine that is slower for some seconds is slower for all of them, and their ratio does not see it.

use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

/// The `nth` of every `of` slots, by the clock that all processes share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Slots {
    nth: u64,
    of: u64,
    length_ns: u64,
}

impl Slots {
    /// Of so many sides, the `nth` one's, from 0.
    pub(crate) fn new(nth: u64, of: u64, length_ns: u64) -> Self {
        let length_ns = length_ns.max(1);
        Self { nth, of, length_ns }
    }

    pub(crate) fn is_first(self) -> bool {
        self.nth == 0
    }

    /// How many share the clock.
    pub(crate) fn sharers(self) -> u64 {
        self.of
    }

    /// So that over the rounds nobody has always the same neighbour's slot before its own.
    pub(crate) fn in_round(self, round: usize) -> Self {
        let nth = (self.nth + round as u64) % self.of;
        Self { nth, ..self }
    }

    /// The time of one's own that has gone by at a moment, in nanoseconds.
    pub(crate) fn elapsed(self, now_ns: u64) -> u64 {
        let cycle = self.of * self.length_ns;
        let since_first = now_ns.saturating_sub(self.nth * self.length_ns);
        // What is due with the next slot is not due before it.
        let within = (since_first % cycle).min(self.length_ns - 1);
        since_first / cycle * self.length_ns + within
    }

    /// When so much of one's own time has gone by and more of it follows.
    pub(crate) fn moment(self, elapsed_ns: u64) -> u64 {
        let (slots, within) = (elapsed_ns / self.length_ns, elapsed_ns % self.length_ns);
        (slots * self.of + self.nth) * self.length_ns + within
    }

    /// One's own time at the first slot that begins then or later.
    pub(crate) fn next(self, now_ns: u64) -> u64 {
        self.elapsed(now_ns).next_multiple_of(self.length_ns)
    }
}

impl Display for Slots {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}/{}", self.nth, self.of, self.length_ns)
    }
}

impl FromStr for Slots {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let numbers: Result<Vec<u64>, _> = text.split('/').map(str::parse).collect();
        match numbers.as_deref() {
            Ok(&[nth, of, length_ns]) if nth < of && length_ns > 0 => {
                Ok(Self { nth, of, length_ns })
            }
            _ => Err(format!(
                "{text:?} is not like 0/2/1000: the first of every two slots of 1,000 ns"
            )),
        }
    }
}

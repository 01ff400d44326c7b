//! What a log with keys must do, said naively: every frame ever appended, and for each question a
//! look at all of them.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::super::Bounds;
use super::super::frame::BOOKKEEPING;
use super::super::keys::{KEPT_BYTES, KEY_BOOKKEEPING};

/// What a frame is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    Key(String),
    Nothing,
    Loss,
}

pub(super) struct Frame {
    pub(super) subject: Subject,
    pub(super) text: String,
    at: Instant,
}

/// What a read must give.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Expected {
    /// These frames, or the first of them.
    Frames(Vec<usize>),
    Gap {
        missed: Option<u64>,
        oldest: usize,
    },
    Edge,
}

/// The naive log.
pub(super) struct Model {
    pub(super) all: Vec<Frame>,
    /// The oldest frame of the ring.
    pub(super) oldest: usize,
    /// Frames that were kept, and had to go.
    forgotten: BTreeSet<usize>,
    /// How many of them an append has told of.
    told: usize,
    /// The place behind the newest frame that is gone and was not replaced when it went.
    pub(super) lost: usize,
    /// The place behind the last frame that was released, where frames are held back.
    pub(super) released: Option<usize>,
    pub(super) bounds: Bounds,
    pub(super) most: usize,
    limit: usize,
    pub(super) others: usize,
}

impl Model {
    pub(super) fn new(bounds: Bounds, most: usize, limit: usize) -> Self {
        Self {
            all: Vec::new(),
            oldest: 0,
            forgotten: BTreeSet::new(),
            told: 0,
            lost: 0,
            released: None,
            bounds,
            most,
            limit,
            others: 0,
        }
    }

    /// What the log would write for this.
    pub(super) fn text(number: usize, subject: &Subject, data: &str) -> String {
        match subject {
            Subject::Loss => format!(
                "id: ~000000000abc.{number}\nevent: fantail.gap\n\
                 data: {{\"missed\":null,\"reason\":\"upstream\"}}\n\n"
            ),
            Subject::Key(_) | Subject::Nothing => {
                format!("id: ~000000000abc.{number}\ndata: {data}\n\n")
            }
        }
    }

    /// How many of the frames kept had to go since it was asked last.
    pub(super) fn append(&mut self, subject: Subject, data: &str, now: Instant) -> usize {
        let text = Self::text(self.all.len(), &subject, data);
        self.all.push(Frame {
            subject,
            text,
            at: now,
        });
        while self.used() > self.limit && self.forget() {}
        while self.ring() > 1
            && (self.ring() > self.bounds.events.max(1)
                || self.ring_weight() > self.bounds.bytes
                || self.used() > self.limit)
        {
            self.evict();
            while self.used() > self.limit && self.forget() {}
        }
        let age = self.bounds.age;
        while age > Duration::ZERO && self.ring() > 1 && now - self.all[self.oldest].at > age {
            self.evict();
        }
        let before = std::mem::replace(&mut self.told, self.forgotten.len());
        self.told - before
    }

    /// Half of what is kept goes.
    pub(super) fn halve(&mut self) {
        let goal = self.weight() / 2;
        while self.weight() > goal {
            if self.forget() {
                continue;
            }
            if self.ring() <= 1 {
                return;
            }
            self.evict();
        }
    }

    fn evict(&mut self) {
        if !matches!(self.all[self.oldest].subject, Subject::Key(_)) {
            self.lost = self.oldest + 1;
        }
        self.oldest += 1;
        let most_bytes = (self.most * KEPT_BYTES).max(self.bounds.bytes);
        while self.kept().len() > self.most || self.kept_weight() > most_bytes {
            self.forget();
        }
    }

    fn forget(&mut self) -> bool {
        let Some(first) = self.kept().first().copied() else {
            return false;
        };
        self.forgotten.insert(first);
        self.lost = self.lost.max(first + 1);
        true
    }

    fn ring(&self) -> usize {
        self.all.len() - self.oldest
    }

    /// What readers see.
    pub(super) fn shown(&self) -> usize {
        self.released.unwrap_or(self.all.len())
    }

    pub(super) fn is_replaced(&self, place: usize) -> bool {
        self.is_replaced_before(self.all.len(), place)
    }

    fn is_replaced_before(&self, end: usize, place: usize) -> bool {
        let subject = &self.all[place].subject;
        let later = self.all.get(place + 1..end).unwrap_or_default();
        matches!(subject, Subject::Key(_)) && later.iter().any(|frame| frame.subject == *subject)
    }

    /// Frames that are kept beyond the ring.
    pub(super) fn kept(&self) -> Vec<usize> {
        let is_kept = |place: &usize| {
            matches!(self.all[*place].subject, Subject::Key(_))
                && !self.is_replaced(*place)
                && !self.forgotten.contains(place)
        };
        (0..self.oldest).filter(is_kept).collect()
    }

    fn frame_weight(&self, place: usize) -> usize {
        self.all[place].text.len() + BOOKKEEPING
    }

    fn key_weight(&self, place: usize) -> usize {
        match &self.all[place].subject {
            Subject::Key(key) if !self.is_replaced(place) => key.len() + KEY_BOOKKEEPING,
            _ => 0,
        }
    }

    fn ring_weight(&self) -> usize {
        (self.oldest..self.all.len())
            .map(|place| self.frame_weight(place) + self.key_weight(place))
            .sum()
    }

    fn kept_weight(&self) -> usize {
        let weight = |place: &usize| self.frame_weight(*place) + self.key_weight(*place);
        self.kept().iter().map(weight).sum()
    }

    pub(super) fn weight(&self) -> usize {
        self.ring_weight() + self.kept_weight()
    }

    pub(super) fn used(&self) -> usize {
        self.weight() + self.others
    }

    pub(super) fn size(&self) -> usize {
        self.ring() + self.kept().len()
    }

    /// What somebody gets who reads from `from`, and until `until` a snapshot.
    pub(super) fn read(&self, from: usize, until: usize, newest: bool) -> Expected {
        if from < until {
            let mut there = self.unreplaced(from, until);
            there.retain(|place| self.all[*place].subject != Subject::Loss);
            if !there.is_empty() {
                return Expected::Frames(there);
            }
        }
        let from = from.max(until);
        let end = self.shown();
        let frames = match newest {
            false if from < self.oldest => {
                return Expected::Gap {
                    missed: Some((self.oldest - from) as u64),
                    oldest: self.oldest,
                };
            }
            false => (from..end).collect(),
            true if from < self.lost => {
                let before = self.unreplaced(from, self.lost);
                if before.is_empty() {
                    return Expected::Gap {
                        missed: None,
                        oldest: self.lost,
                    };
                }
                before
            }
            true => self.unreplaced(from, end),
        };
        if frames.is_empty() {
            Expected::Edge
        } else {
            Expected::Frames(frames)
        }
    }

    fn unreplaced(&self, from: usize, end: usize) -> Vec<usize> {
        let mut there = self.kept();
        let is_newest = |place: &usize| !self.is_replaced_before(self.shown(), *place);
        there.extend((self.oldest..self.all.len()).filter(is_newest));
        there.retain(|place| (from..end).contains(place));
        there
    }
}

//! What the log must do, said naively: every frame ever appended, in a `Vec`.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::super::frame::BOOKKEEPING;
use super::super::{Bounds, Place};
use super::epoch;
use crate::position::{Offset, Position};

/// Which draft is appended, in the words of the model.
#[derive(Clone, Debug)]
pub(super) struct Said {
    pub(super) id: Option<String>,
    pub(super) kind: Kind,
    pub(super) data: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Own,
    Token,
    None,
    Gap,
}

struct Frame {
    /// The id that it can be looked up by.
    id: Option<String>,
    text: String,
    at: Instant,
}

impl Frame {
    fn weight(&self) -> usize {
        self.text.len() + 2 * self.id.as_ref().map_or(0, String::len) + BOOKKEEPING
    }
}

/// The naive log.
pub(super) struct Model {
    all: Vec<Frame>,
    /// The oldest frame kept.
    pub(super) oldest: usize,
    /// The first holder of each id since it has been held without interruption.
    firsts: BTreeMap<String, usize>,
    pub(super) bounds: Bounds,
    /// The budget's limit, and what others use of it.
    limit: usize,
    pub(super) others: usize,
}

impl Model {
    pub(super) fn new(bounds: Bounds, limit: usize) -> Self {
        Self {
            all: Vec::new(),
            oldest: 0,
            firsts: BTreeMap::new(),
            bounds,
            limit,
            others: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    pub(super) fn text(&self, offset: usize) -> &str {
        &self.all[offset].text
    }

    pub(super) fn weight(&self) -> usize {
        self.all[self.oldest..].iter().map(Frame::weight).sum()
    }

    /// The bound of I4.
    pub(super) fn heaviest(&self) -> usize {
        let frame = self.all.iter().map(Frame::weight).max().unwrap_or(0);
        self.bounds.bytes.saturating_add(frame)
    }

    pub(super) fn append(&mut self, said: &Said, now: Instant) {
        let number = self.all.len();
        let token = format!("id: ~000000000abc.{number}\n");
        let data: String = said.data.split('\n').map(line).collect();
        let text = match (said.kind, &said.id) {
            (Kind::Own, Some(id)) if id.is_empty() => format!("id:\n{data}\n"),
            (Kind::Own, Some(id)) => format!("id: {id}\n{data}\n"),
            (Kind::Token, _) => format!("{token}{data}\n"),
            (Kind::Own | Kind::None, _) => format!("{data}\n"),
            (Kind::Gap, _) => format!(
                "{token}event: fantail.gap\ndata: {{\"missed\":7,\"reason\":\"upstream\"}}\n\n"
            ),
        };
        let is_event = said.kind != Kind::Gap;
        let id = said.id.clone().filter(|id| is_event && !id.is_empty());
        if let Some(id) = &id {
            self.firsts.entry(id.clone()).or_insert(number);
        }
        self.all.push(Frame { id, text, at: now });
        self.evict(now, true);
    }

    /// Moves `oldest` on until what is kept is within the bounds or the newest frame.
    pub(super) fn evict(&mut self, now: Instant, all_bounds: bool) {
        let newest = self.all.len().saturating_sub(1);
        while self.oldest < newest && !self.fits(now, all_bounds) {
            self.oldest += 1;
        }
        self.forget_firsts();
    }

    /// Half of what is kept goes, and so many bytes of remembered ids before all frames.
    pub(super) fn halve(&mut self, remembered: usize) {
        let goal = usize::midpoint(self.weight(), remembered);
        let newest = self.all.len().saturating_sub(1);
        while self.oldest < newest && self.weight() > goal {
            self.oldest += 1;
        }
        self.forget_firsts();
    }

    fn forget_firsts(&mut self) {
        let kept = &self.all[self.oldest..];
        self.firsts
            .retain(|id, _| kept.iter().any(|frame| frame.id.as_ref() == Some(id)));
    }

    fn fits(&self, now: Instant, all_bounds: bool) -> bool {
        let kept = &self.all[self.oldest..];
        let weight = self.weight();
        let is_small = kept.len() <= self.bounds.events.max(1)
            && weight <= self.bounds.bytes
            && weight + self.others <= self.limit;
        let age = self.bounds.age;
        let is_young = age == Duration::ZERO || kept.iter().all(|frame| now - frame.at <= age);
        is_young && (is_small || !all_bounds)
    }

    pub(super) fn knows(&self, id: &str) -> bool {
        self.firsts.contains_key(id)
    }

    pub(super) fn repeats(&self, id: &str, data: &str, before: usize) -> bool {
        let body: String = data.split('\n').map(line).collect();
        let is_same = |frame: &Frame| {
            let says = frame.text.strip_prefix("id:").map_or(&*frame.text, |rest| {
                rest.split_once('\n').map_or("", |(_, body)| body)
            });
            frame.id.as_deref() == Some(id) && says.strip_suffix('\n') == Some(&body)
        };
        self.all[self.oldest..before.max(self.oldest)]
            .iter()
            .any(is_same)
    }

    pub(super) fn find(&self, id: &str) -> Place {
        let oldest = Offset(self.oldest as u64);
        if let Some(first) = self.firsts.get(id) {
            return self.behind(*first as u64);
        }
        match id.parse::<Position>() {
            Ok(token) if token.epoch != epoch() => Place::OtherEpoch { oldest },
            Ok(token) if token.offset.0 < self.all.len() as u64 => self.behind(token.offset.0),
            Ok(_) | Err(_) => Place::Unknown { oldest },
        }
    }

    /// Whether the frame at this place is gone and had this id.
    pub(super) fn held(&self, place: usize, id: &str) -> bool {
        place < self.oldest && self.all[place].id.as_deref() == Some(id)
    }

    fn behind(&self, seen: u64) -> Place {
        let (next, oldest) = (seen + 1, self.oldest as u64);
        if next >= oldest {
            return Place::At(Offset(next));
        }
        Place::Evicted {
            missed: oldest - next,
            oldest: Offset(oldest),
        }
    }
}

fn line(text: &str) -> String {
    let space = if text.is_empty() { "" } else { " " };
    format!("data:{space}{text}\n")
}

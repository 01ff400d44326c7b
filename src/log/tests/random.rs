//! Random histories: the log and the model must agree at every step.

use std::sync::Arc;
use std::time::{Duration, Instant};

use proptest::collection::vec;
use proptest::prelude::*;

use super::super::{Batch, Bounds, Budget, Cursor, Draft, Identity, Log, Place, Read, Writer};
use super::model::{Kind, Model, Said};
use super::{bounds, epoch, id};
use crate::position::Offset;

const READERS: usize = 3;

#[derive(Clone, Debug)]
enum Step {
    Append(Said),
    Wait(Duration),
    Read {
        reader: usize,
        limit: usize,
    },
    Find(String),
    Repeats {
        id: String,
        data: String,
        before: usize,
    },
    /// Other logs use so much of the budget from now on.
    Others(usize),
    /// Memory is scarce.
    Halve,
}

fn ids() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => "[a-d]",
        1 => Just(String::new()),
        1 => "[ -~]{1,40}",
        // Tokens of this log, of other lives of it, and what only looks like one.
        3 => (0_u64..30).prop_map(|n| format!("~000000000abc.{n}")),
        1 => (0_u64..30).prop_map(|n| format!("~000000000def.{n}")),
        1 => (0_u64..30).prop_map(|n| format!("~000000000abc.0{n}")),
    ]
}

fn data() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[xy]{0,1}",
        2 => "[x\n]{0,8}",
        1 => (0_usize..5000).prop_map(|len| "z".repeat(len)),
    ]
}

fn said() -> impl Strategy<Value = Said> {
    let kind = prop_oneof![
        4 => Just(Kind::Own),
        3 => Just(Kind::Token),
        1 => Just(Kind::None),
        1 => Just(Kind::Gap),
    ];
    (proptest::option::weighted(0.8, ids()), kind, data()).prop_map(|(id, kind, data)| Said {
        id,
        kind,
        data,
    })
}

fn step() -> impl Strategy<Value = Step> {
    let limit = prop_oneof![0_usize..200, 0_usize..10_000, Just(usize::MAX)];
    prop_oneof![
        8 => said().prop_map(Step::Append),
        2 => (0_u64..4000).prop_map(|ms| Step::Wait(Duration::from_millis(ms))),
        6 => (0..READERS, limit).prop_map(|(reader, limit)| Step::Read { reader, limit }),
        4 => ids().prop_map(Step::Find),
        2 => ("[a-d]", "[xy]{0,1}", 0_usize..40)
            .prop_map(|(id, data, before)| Step::Repeats { id, data, before }),
        1 => (0_usize..6000).prop_map(Step::Others),
        1 => Just(Step::Halve),
    ]
}

#[derive(Clone, Copy)]
struct Reader {
    cursor: Cursor,
    seen: u64,
    missed: u64,
}

struct Run {
    log: Arc<Log>,
    writer: Option<Writer>,
    budget: Arc<Budget>,
    model: Model,
    readers: [Reader; READERS],
    batch: Batch,
    now: Instant,
}

impl Run {
    fn new(bounds: Bounds, limit: usize) -> Self {
        let budget = Budget::new(limit);
        let (log, writer) = Log::new(epoch(), bounds, Arc::clone(&budget));
        let reader = Reader {
            cursor: Cursor::at(Offset(0)),
            seen: 0,
            missed: 0,
        };
        Self {
            log,
            writer: Some(writer),
            budget,
            model: Model::new(bounds, limit),
            readers: [reader; READERS],
            batch: Batch::default(),
            now: crate::clock::now(),
        }
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Append(said) => self.append(said),
            Step::Wait(time) => self.now += *time,
            Step::Read { reader, limit } => {
                self.read(*reader, *limit);
            }
            Step::Find(id) => self.find(id),
            Step::Repeats {
                id: own,
                data,
                before,
            } => {
                let before = (*before).min(self.model.len());
                let writer = self.writer.as_mut().unwrap();
                assert_eq!(
                    writer.repeats(&id(own), None, data, Offset(before as u64)),
                    self.model.repeats(own, data, before)
                );
                assert_eq!(writer.knows(&id(own)), self.model.knows(own));
            }
            Step::Others(bytes) => {
                self.budget.give_back(self.model.others);
                self.budget.take(*bytes);
                self.model.others = *bytes;
            }
            Step::Halve => {
                self.model.halve(self.log.departed_weight());
                self.log.halve();
            }
        }
        self.compare();
    }

    fn append(&mut self, said: &Said) {
        let own = said.id.as_deref().map(id);
        let event = |identity| Draft::Event {
            id: own.as_ref(),
            identity,
            name: None,
            data: &said.data,
            key: None,
        };
        let draft = match said.kind {
            Kind::Own => event(Identity::Own),
            Kind::Token => event(Identity::Token),
            Kind::None => event(Identity::None),
            Kind::Gap => Draft::Gap {
                missed: Some(7),
                reason: "upstream",
                has_token: true,
            },
        };
        let before = (self.model.len(), self.model.oldest);
        let appended = self.writer.as_mut().unwrap().append(&draft, self.now);
        self.model.append(said, self.now);
        assert_eq!(appended.offset, Offset(before.0 as u64), "I1");
        assert_eq!(appended.evicted, (self.model.oldest - before.1) as u64);
    }

    fn find(&mut self, id: &str) {
        let place = self.log.find(id, self.now);
        self.model.evict(self.now, false);
        let expected = self.model.find(id);
        if matches!(expected, Place::Unknown { .. } | Place::OtherEpoch { .. }) && place != expected
        {
            // Every holder is gone, and the log still knows where one of them was.
            let next = match place {
                Place::At(next) => next.0,
                Place::Evicted { missed, oldest } => oldest.0 - missed,
                Place::OtherEpoch { .. } | Place::Unknown { .. } => panic!("{place:?}"),
            };
            let held = usize::try_from(next - 1).unwrap();
            return assert!(self.model.held(held, id), "{id:?}");
        }
        assert_eq!(place, expected, "{id:?}");
    }

    /// Reads once, against the model. What it gave.
    fn read(&mut self, reader: usize, limit: usize) -> Read {
        let reader = &mut self.readers[reader];
        let read = self.log.read(reader.cursor, limit, &mut self.batch);
        let from = usize::try_from(reader.cursor.offset().0).unwrap();
        let oldest = Offset(self.model.oldest as u64);
        match read {
            Read::Frames => {
                assert!(from >= self.model.oldest);
                let to = from + self.batch.len();
                let text: String = (from..to).map(|at| self.model.text(at)).collect();
                assert_eq!(self.batch.bytes(), text.as_bytes(), "I2");
                let is_whole = to == self.model.len();
                let is_full = || text.len() + self.model.text(to).len() > limit;
                assert!(is_whole || is_full(), "too little");
                assert!(text.len() <= limit || self.batch.len() == 1, "too much");
                reader.seen += self.batch.len() as u64;
                reader.cursor.advance_to(self.batch.end());
            }
            Read::Gap { missed, oldest: at } => {
                let gone = oldest.since(reader.cursor.offset());
                assert_eq!((missed, at), (Some(gone), oldest), "I3");
                assert!(gone > 0 && self.batch.is_empty());
                reader.missed += gone;
                reader.cursor.advance_to(oldest);
            }
            Read::Empty | Read::Sealed => {
                assert_eq!(from, self.model.len());
                assert_eq!(read == Read::Sealed, self.writer.is_none(), "I6");
                assert!(self.batch.is_empty());
            }
        }
        assert_eq!(reader.cursor.offset().0, reader.seen + reader.missed, "I3");
        read
    }

    fn compare(&self) {
        let model = &self.model;
        assert_eq!(self.log.oldest(), Offset(model.oldest as u64));
        assert_eq!(self.log.edge(), Offset(model.len() as u64));
        assert_eq!(
            self.log.size(),
            (model.len() - model.oldest, model.weight())
        );
        let departed = self.log.departed_weight();
        assert!(departed <= model.bounds.bytes / 8, "I4");
        assert_eq!(self.budget.used(), model.weight() + departed + model.others);
        assert!(model.weight() <= model.heaviest(), "I4");
    }

    /// Seals the log and reads it to its end.
    fn end(mut self) {
        self.writer = None;
        for reader in 0..READERS {
            while self.read(reader, 1000) != Read::Sealed {}
            assert_eq!(self.read(reader, 1000), Read::Sealed, "I6");
        }
        self.compare();
        let (budget, others) = (self.budget, self.model.others);
        drop(self.log);
        assert_eq!(budget.used(), others, "all is given back");
    }
}

proptest! {
    #[test]
    fn the_log_does_what_the_naive_model_does(
        bounds in bounds(12),
        limit in prop_oneof![0_usize..12_000, Just(usize::MAX)],
        steps in vec(step(), 0..120),
    ) {
        let mut run = Run::new(bounds, limit);
        for step in &steps {
            run.step(step);
        }
        run.end();
    }
}

//! A typed reader over the spanned tree of a TOML file, with the environment and the flags laid
//! over it.
//!
//! Imports `fault` and `value` only. Invariant: each key of a [`Section`] is either taken by the
//! reader or reported by [`Section::finish`]; nothing that a person wrote is silently ignored.

use std::borrow::Cow;
use std::cell::RefCell;
use std::ops::Range;
use std::path::Path;

use toml::de::{DeTable, DeValue};

use super::fault::{Fault, Faults, Place, Spot};
use super::value::{Complaint, Value};

/// Collects the faults of one run.
#[derive(Debug)]
pub(super) struct Report<'a> {
    file: &'a str,
    text: &'a str,
    faults: RefCell<Vec<Fault>>,
}

/// Where a value stands.
#[derive(Clone, Debug)]
pub(super) enum Origin<'a> {
    /// The bytes of the file.
    File(Range<usize>),
    /// Somewhere in the file, or nowhere.
    Absent,
    /// An environment variable.
    Variable(&'a str),
    /// A flag.
    Flag(&'static str),
}

/// A value before it is read.
#[derive(Clone, Copy, Debug)]
pub(super) enum Raw<'a> {
    /// From the file.
    Toml(&'a DeValue<'a>),
    /// From the environment; a list is separated by commas.
    Text(&'a str),
    /// From a flag that may be repeated.
    Texts(&'a [String]),
}

/// One key with its value.
#[derive(Clone, Debug)]
pub(super) struct Entry<'a> {
    pub(super) name: Cow<'a, str>,
    pub(super) name_at: Origin<'a>,
    pub(super) raw: Raw<'a>,
    pub(super) raw_at: Origin<'a>,
}

/// A table of which keys are taken one by one.
#[derive(Debug)]
pub(super) struct Section<'a> {
    title: &'static str,
    at: Origin<'a>,
    /// In the order of precedence, the strongest last.
    entries: Vec<Entry<'a>>,
    asked: Vec<&'static str>,
    report: &'a Report<'a>,
}

// === impl Report ===

impl<'a> Report<'a> {
    pub(super) fn new(file: &'a str, text: &'a str) -> Self {
        Self {
            file,
            text,
            faults: RefCell::default(),
        }
    }

    pub(super) fn add(&self, at: &Origin<'_>, complaint: Complaint) {
        let Complaint { what, right } = complaint;
        self.faults.borrow_mut().push(Fault {
            place: self.place(at),
            what,
            right,
        });
    }

    pub(super) fn place(&self, at: &Origin<'_>) -> Place {
        let file = |spot| Place::File {
            file: self.file.to_owned(),
            spot,
        };
        match at {
            Origin::File(at) => file(Some(Spot::of(self.text, at.start, at.end))),
            Origin::Absent => file(None),
            Origin::Variable(name) => Place::Variable((*name).to_owned()),
            Origin::Flag(name) => Place::Flag((*name).to_owned()),
        }
    }

    /// Where the file is; empty where it is nowhere.
    pub(super) fn folder(&self) -> &'a Path {
        Path::new(self.file).parent().unwrap_or(Path::new(""))
    }

    /// What was found, or all that is wrong.
    pub(super) fn verdict<T>(&self, found: T) -> Result<T, Faults> {
        Faults::new(self.faults.take()).map_or(Ok(found), Err)
    }
}

// === impl Section ===

impl<'a> Section<'a> {
    pub(super) fn new(title: &'static str, at: Origin<'a>, report: &'a Report<'a>) -> Self {
        Self {
            title,
            at,
            entries: Vec::new(),
            asked: Vec::new(),
            report,
        }
    }

    /// Adds what the file says.
    pub(super) fn with_table(mut self, table: &'a DeTable<'a>) -> Self {
        self.entries.extend(table.iter().map(|(name, value)| Entry {
            name: Cow::Borrowed(&**name.get_ref()),
            name_at: Origin::File(name.span()),
            raw: Raw::Toml(value.get_ref()),
            raw_at: Origin::File(value.span()),
        }));
        self
    }

    /// Adds what is stronger than all before.
    pub(super) fn overlay(&mut self, entries: impl IntoIterator<Item = Entry<'a>>) {
        self.entries.extend(entries);
    }

    /// Whether a key is there and nobody has taken it.
    pub(super) fn has(&self, key: &str) -> bool {
        self.entries.iter().any(|entry| entry.name == key)
    }

    /// Whether nobody has said anything.
    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Reports what is wrong with the table as a whole.
    pub(super) fn complain(&self, complaint: Complaint) {
        self.report.add(&self.at, complaint);
    }

    /// Takes a key: its values, the strongest last.
    pub(super) fn take(&mut self, key: &'static str) -> Vec<Value<'a>> {
        self.asked.push(key);
        let found = self.entries.extract_if(.., |entry| entry.name == key);
        found
            .map(|entry| Value::new(key, entry, self.report))
            .collect()
    }

    /// Takes all that is left: keys whose names a person has chosen.
    pub(super) fn take_all(&mut self, key: &'static str) -> Vec<(String, Value<'a>)> {
        let entries = std::mem::take(&mut self.entries).into_iter();
        let named = |entry: Entry<'a>| {
            let name = entry.name.clone().into_owned();
            (name, Value::new(key, entry, self.report))
        };
        entries.map(named).collect()
    }

    /// Takes a key and reads it. Weaker values are read too, because what is wrong in a file is
    /// wrong even where a flag is stronger. `None` if it is absent or bad.
    pub(super) fn read<T>(
        &mut self,
        key: &'static str,
        read: impl Fn(&Value<'a>) -> Result<T, Complaint>,
    ) -> Option<(T, Value<'a>)> {
        let mut strongest = None;
        for value in self.take(key) {
            strongest = value.note(read(&value)).map(|read| (read, value));
        }
        strongest
    }

    /// Reads a key into `slot`, which keeps its default if the key is absent or bad.
    pub(super) fn set<T>(
        &mut self,
        slot: &mut T,
        key: &'static str,
        read: impl Fn(&Value<'a>) -> Result<T, Complaint>,
    ) -> Option<Value<'a>> {
        let (found, value) = self.read(key, read)?;
        *slot = found;
        Some(value)
    }

    /// Like [`Section::read`]; absence is a fault.
    pub(super) fn require<T>(
        &mut self,
        key: &'static str,
        example: &str,
        read: impl Fn(&Value<'a>) -> Result<T, Complaint>,
    ) -> Option<(T, Value<'a>)> {
        if !self.has(key) {
            let what = format!("this {} has no `{key}`", self.title);
            self.report.add(
                &self.at,
                Complaint::new(what, format!("add `{key} = {example}`")),
            );
        }
        self.read(key, read)
    }

    /// Reports each key that nobody took.
    pub(super) fn finish(self) {
        for entry in &self.entries {
            let what = format!(
                "`{}` is not a key of {}",
                entry.name.escape_debug(),
                self.title
            );
            let right = match nearest(&entry.name, &self.asked) {
                Some(key) => format!("did you mean `{}`?", as_written(key, &entry.name_at)),
                None => format!("its keys are: {}", self.asked.join(", ")),
            };
            self.report.add(&entry.name_at, Complaint::new(what, right));
        }
    }
}

/// A key as it would be written at `at`.
fn as_written(key: &str, at: &Origin<'_>) -> String {
    match at {
        Origin::Variable(name) => {
            let (section, _) = name.split_once("__").unwrap_or((name, ""));
            format!("{section}__{}", key.to_ascii_uppercase())
        }
        Origin::File(_) | Origin::Absent | Origin::Flag(_) => key.to_owned(),
    }
}

/// The key that was probably meant: at most a third of it is mistyped.
pub(super) fn nearest(wrong: &str, keys: &[&'static str]) -> Option<&'static str> {
    let wrong = wrong.to_ascii_lowercase();
    let rated = keys.iter().map(|key| (distance(&wrong, key), *key));
    rated
        .filter(|(distance, key)| *distance <= key.len().max(3) / 3)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, key)| key)
}

/// Edit distance in characters (insert, delete, replace).
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (above, x) in (1..).zip(a.chars()) {
        let mut left = above;
        let mut diagonal = above - 1;
        for (cell, y) in row.iter_mut().skip(1).zip(b.chars()) {
            let cost = diagonal + usize::from(x != y);
            diagonal = *cell;
            left = cost.min(left + 1).min(*cell + 1);
            *cell = left;
        }
        if let Some(first) = row.first_mut() {
            *first = above;
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("heartbeet", Some("heartbeat"))]
    #[case("Retry", Some("retry"))]
    #[case("lingr", Some("linger"))]
    #[case("linger_time", None)]
    #[case("x", None)]
    fn a_mistyped_key_finds_its_neighbour(#[case] wrong: &str, #[case] right: Option<&str>) {
        assert_eq!(nearest(wrong, &["heartbeat", "retry", "linger"]), right);
    }

    #[rstest]
    #[case("", "abc", 3)]
    #[case("kitten", "sitting", 3)]
    #[case("flaw", "lawn", 2)]
    #[case("same", "same", 0)]
    fn distance_counts_edits(#[case] a: &str, #[case] b: &str, #[case] edits: usize) {
        assert_eq!((distance(a, b), distance(b, a)), (edits, edits));
    }
}

//! One value with its place, and what is said about it.
//!
//! Imports the reader only. Invariant: a complaint says what is wrong and what would be right; the
//! place is added by the value that it is about.

use std::path::Path;

use toml::de::DeValue;

use super::read::{Entry, Origin, Raw, Report, Section};

/// A fault that does not yet know its place.
#[derive(Clone, Debug)]
pub(super) struct Complaint {
    pub(super) what: String,
    pub(super) right: String,
}

/// A value with its key and its place.
#[derive(Clone, Debug)]
pub(super) struct Value<'a> {
    pub(super) key: &'static str,
    pub(super) raw: Raw<'a>,
    at: Origin<'a>,
    report: &'a Report<'a>,
}

// === impl Complaint ===

impl Complaint {
    pub(super) fn new(what: impl Into<String>, right: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            right: right.into(),
        }
    }
}

// === impl Value ===

impl<'a> Value<'a> {
    pub(super) fn new(key: &'static str, entry: Entry<'a>, report: &'a Report<'a>) -> Self {
        Self {
            key,
            raw: entry.raw,
            at: entry.raw_at,
            report,
        }
    }

    /// Stands for a flag that is read elsewhere.
    pub(super) fn flag(key: &'static str, flag: &'static str, report: &'a Report<'a>) -> Self {
        Self {
            key,
            raw: Raw::Text(""),
            at: Origin::Flag(flag),
            report,
        }
    }

    /// Reports a complaint about this value.
    pub(super) fn complain(&self, complaint: Complaint) {
        self.report.add(&self.at, complaint);
    }

    /// Reports the complaint, if it is one.
    pub(super) fn note<T>(&self, read: Result<T, Complaint>) -> Option<T> {
        read.map_err(|complaint| self.complain(complaint)).ok()
    }

    /// Where it stands, as other messages refer to it: `line 12`, `flag --admin`.
    pub(super) fn whereabouts(&self) -> String {
        match self.report.place(&self.at) {
            super::Place::File {
                spot: Some(spot), ..
            } => format!("line {}", spot.line),
            place => place.to_string(),
        }
    }

    /// The folder of the file, to which paths in it are relative.
    pub(super) fn folder(&self) -> &'a Path {
        self.report.folder()
    }

    /// The value as a person would recognise it.
    pub(super) fn shown(&self) -> String {
        match self.raw {
            Raw::Toml(DeValue::String(text)) => format!("{text:?}"),
            Raw::Toml(DeValue::Integer(number)) => number.to_string(),
            Raw::Toml(DeValue::Float(number)) => number.to_string(),
            Raw::Toml(DeValue::Boolean(flag)) => flag.to_string(),
            Raw::Toml(other) => format!("a TOML {}", other.type_str()),
            Raw::Text(text) => format!("{text:?}"),
            Raw::Texts(texts) => format!("{texts:?}"),
        }
    }

    /// "`key` is …, which `why`". A variable's or a flag's name is in its place already.
    pub(super) fn wrong(&self, why: &str, right: impl Into<String>) -> Complaint {
        let what = match self.at {
            Origin::File(_) | Origin::Absent => format!("`{}` is {}", self.key, self.shown()),
            Origin::Variable(_) | Origin::Flag(_) => format!("it is {}", self.shown()),
        };
        Complaint::new(format!("{what}, which {why}"), right)
    }

    pub(super) fn wrong_type(&self, wanted: &str, example: &str) -> Complaint {
        self.wrong(
            &format!("is not {wanted}"),
            format!("write {wanted}, such as {example}"),
        )
    }

    pub(super) fn text(&self) -> Result<&'a str, Complaint> {
        match self.raw {
            Raw::Toml(DeValue::String(text)) => Ok(text),
            Raw::Text(text) => Ok(text),
            Raw::Texts([text]) => Ok(text),
            Raw::Toml(_) | Raw::Texts(_) => Err(self.wrong_type("a string", "\"…\" in quotes")),
        }
    }

    /// The text, unless it is a list or a table; a number stands for itself.
    pub(super) fn literal(&self) -> Option<String> {
        match self.raw {
            Raw::Toml(DeValue::String(text)) => Some(text.to_string()),
            Raw::Toml(DeValue::Integer(number)) if number.radix() == 10 => {
                Some(number.as_str().to_owned())
            }
            Raw::Toml(_) => None,
            Raw::Text(_) | Raw::Texts(_) => self.text().ok().map(str::to_owned),
        }
    }

    /// The elements of a list, each with its own place.
    pub(super) fn items(&self) -> Result<Vec<Value<'a>>, Complaint> {
        let item = |raw, at: Origin<'a>| Value {
            key: self.key,
            raw,
            at,
            report: self.report,
        };
        match self.raw {
            Raw::Toml(DeValue::Array(list)) => Ok(list
                .iter()
                .map(|one| item(Raw::Toml(one.get_ref()), Origin::File(one.span())))
                .collect()),
            Raw::Toml(_) => Err(self.wrong_type("a list", "[\"one\", \"two\"]")),
            Raw::Text(list) => Ok(list
                .split(',')
                .map(str::trim)
                .filter(|one| !one.is_empty())
                .map(|one| item(Raw::Text(one), self.at.clone()))
                .collect()),
            Raw::Texts(list) => Ok(list
                .iter()
                .map(|one| item(Raw::Text(one), self.at.clone()))
                .collect()),
        }
    }

    /// A table within the section.
    pub(super) fn section(&self, title: &'static str) -> Result<Section<'a>, Complaint> {
        let section = Section::new(title, self.at.clone(), self.report);
        match self.raw {
            Raw::Toml(DeValue::Table(table)) => Ok(section.with_table(table)),
            _ => Err(self.wrong("is not a table", format!("write `{} = {{ … }}`", self.key))),
        }
    }

    /// The tables of `[[key]]`.
    pub(super) fn sections(&self, title: &'static str) -> Result<Vec<Section<'a>>, Complaint> {
        let Raw::Toml(DeValue::Array(_)) = self.raw else {
            let right = format!("write `{title}` with two brackets, once for each");
            return Err(Complaint::new(
                format!("`{}` is not a list of tables", self.key),
                right,
            ));
        };
        Ok(self
            .items()?
            .iter()
            .filter_map(|one| one.note(one.section(title)))
            .collect())
    }
}

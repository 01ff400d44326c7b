//! Which values a route's variables take, where the route says so.
//!
//! Pure; imports `regex`. Invariant: a rule only narrows. Whatever it says, no value that it takes
//! holds a slash, a backslash, `@`, `%`, a control character or a dot segment, and a pattern judges
//! the whole decoded value, never a part of it.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use regex::bytes::{Regex, RegexBuilder};

use super::{ExpandFault, Variables, segment};

/// Longest value that a rule can take: room for names, none for a payload.
const VALUE_BYTES: usize = 256;
/// What one compiled pattern may take. `[A-Za-z0-9]{1,64}` takes a hundredth.
const PATTERN_BYTES: usize = 256 << 10;
/// Groups within groups.
const PATTERN_DEPTH: u32 = 32;

/// All but what every server reads as itself, in a path and in a query.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// A pattern that a whole value must match.
#[derive(Clone, Debug)]
pub struct Pattern {
    text: Box<str>,
    whole: Regex,
}

/// What one variable may stand for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ValueRule {
    /// Whatever matches.
    Pattern(Pattern),
    /// One of these, as decoded.
    OneOf(Vec<Box<str>>),
}

/// What a rule can not be; the words are for the author of the configuration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuleFault {
    /// The pattern is none.
    #[error("{0}")]
    Pattern(Box<str>),
    /// A value of a list that no client could send.
    #[error(
        "{0:?} can never stand for a variable: no `/`, `\\`, `@`, `%`, control characters, `..`, and 1 to 256 bytes"
    )]
    Value(Box<str>),
    /// A list of nothing.
    #[error("the list is empty, so that nothing would match")]
    Empty,
}

/// The rules of a route, by the names of its variables. A variable without one takes a plain name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ValueRules(Vec<(Box<str>, ValueRule)>);

// === impl Pattern ===

impl Pattern {
    /// Compiles, ASCII only.
    pub fn new(text: &str) -> Result<Self, RuleFault> {
        let fault = |error: regex::Error| RuleFault::Pattern(said(&error));
        // Alone first: what is only good between our anchors, such as `a)|(b`, would not be held
        // by them.
        compile(text).map_err(fault)?;
        let whole = compile(&format!(r"\A(?:{text})\z")).map_err(fault)?;
        let text = text.into();
        Ok(Self { text, whole })
    }
}

/// Without Unicode's tables: what a variable takes is ASCII anyway.
fn compile(text: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(text)
        .unicode(false)
        .size_limit(PATTERN_BYTES)
        .nest_limit(PATTERN_DEPTH)
        .build()
}

/// The last line of what the library says; the others draw a picture of the pattern.
fn said(error: &regex::Error) -> Box<str> {
    match error {
        regex::Error::CompiledTooBig(limit) => {
            format!("it is too large: compiled it exceeds {limit} bytes").into()
        }
        other => {
            let text = other.to_string();
            let last = text.lines().last().unwrap_or_default();
            last.trim_start_matches("error: ").into()
        }
    }
}

/// By what was written.
impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Pattern {}

// === impl ValueRule ===

impl ValueRule {
    /// Exactly these values.
    pub fn one_of(values: Vec<Box<str>>) -> Result<Self, RuleFault> {
        if values.is_empty() {
            return Err(RuleFault::Empty);
        }
        match values.iter().find(|value| !is_safe(value)) {
            Some(value) => Err(RuleFault::Value(value.clone())),
            None => Ok(Self::OneOf(values)),
        }
    }

    fn takes(&self, text: &str) -> bool {
        match self {
            Self::Pattern(pattern) => pattern.whole.is_match(text.as_bytes()),
            Self::OneOf(values) => values.iter().any(|value| **value == *text),
        }
    }

    /// A list is the author's own words; what a client chooses is ASCII, because some servers read
    /// wide letters as `/` or `.`.
    fn takes_value(&self, text: &str) -> bool {
        let is_plain = matches!(self, Self::OneOf(_)) || text.is_ascii();
        is_plain && is_safe(text) && self.takes(text)
    }
}

fn is_safe(text: &str) -> bool {
    let odd = |c: char| c.is_control() || matches!(c, '/' | '\\' | '@' | '%');
    (1..=VALUE_BYTES).contains(&text.len()) && !text.contains(odd) && !segment::is_dots(text)
}

// === impl ValueRules ===

impl ValueRules {
    /// Adds the rule of a variable.
    pub fn add(&mut self, name: &str, rule: ValueRule) {
        self.0.push((name.into(), rule));
    }

    /// Whether every variable that has a rule keeps it, whether or not the upstream names it.
    pub(super) fn check(&self, path: &Variables, rest: Option<&str>) -> Result<(), ExpandFault> {
        let keeps = |(name, rule): &(Box<str>, ValueRule)| {
            let raw = path.get(name).unwrap_or_default();
            if rest == Some(&**name) {
                decoded_rest(raw).is_some_and(|text| rule.takes(&text))
            } else {
                segment::decode(raw).is_ok_and(|text| rule.takes_value(&text))
            }
        };
        if self.0.iter().all(keeps) {
            Ok(())
        } else {
            Err(ExpandFault::NoMatch)
        }
    }

    /// The value of an ordinary variable that has a rule, encoded; `None` if it has none.
    pub(super) fn encoded(&self, name: &str, raw: &str) -> Option<Result<String, ExpandFault>> {
        let (_, rule) = self.0.iter().find(|(n, _)| **n == *name)?;
        let text = segment::decode(raw)
            .ok()
            .filter(|text| rule.takes_value(text));
        let encoded = text.map(|text| utf8_percent_encode(&text, ENCODED).to_string());
        Some(encoded.ok_or(ExpandFault::NoMatch))
    }
}

/// A remainder as its segments read; none of them holds a slash, so that it reads in one way only.
fn decoded_rest(raw: &str) -> Option<String> {
    let parts = raw.split('/').map(|part| segment::decode(part).ok());
    let parts: Vec<String> = parts.collect::<Option<_>>()?;
    let is_plain = parts.iter().all(|part| !part.contains(['/', '\\']));
    is_plain.then(|| parts.join("/"))
}

//! What an upstream's path and query are made of, and what a variable may turn into.
//!
//! Pure. Invariant: an ordinary variable becomes a plain name, or what its rule takes; the remainder becomes canonical
//! segments, none of which any server takes for `.`, `..` or a slash.

use std::fmt::Write as _;

use super::{ExpandFault, PathTemplate, TemplateFault, ValueRules, Variables, segment};

/// Longest value of an ordinary variable (`trust.md` D1).
const VARIABLE_BYTES: usize = 64;

/// A part of an upstream's URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// Exactly this text.
    Literal(Box<str>),
    /// An ordinary variable.
    Variable(Box<str>),
    /// The remainder.
    Rest(Box<str>),
}

/// The pieces of an upstream's path.
pub(super) fn path_pieces(text: &str, path: &PathTemplate) -> Result<Vec<Piece>, TemplateFault> {
    let pieces = pieces(text, path)?;
    for (place, piece) in pieces.iter().enumerate() {
        let Piece::Rest(name) = piece else { continue };
        let before = place.checked_sub(1).and_then(|before| pieces.get(before));
        let after_slash = matches!(before, Some(Piece::Literal(text)) if text.ends_with('/'));
        if place + 1 != pieces.len() || !after_slash {
            let problem = "the remainder can only be the end of the path, after a `/`";
            return Err(fault(name, problem));
        }
    }
    Ok(pieces)
}

/// The pieces of an upstream's own query.
pub(super) fn query_pieces(text: &str, path: &PathTemplate) -> Result<Vec<Piece>, TemplateFault> {
    for pair in text.split('&') {
        let name = pair.split('=').next().unwrap_or_default();
        if name.contains(['{', '}']) {
            return Err(fault(
                name.trim_matches(['{', '}']),
                "in a query, variables are values only: ?name={variable}",
            ));
        }
    }
    let pieces = pieces(text, path)?;
    let rest = pieces.iter().find_map(|piece| match piece {
        Piece::Rest(name) => Some(name),
        _ => None,
    });
    match rest {
        Some(name) => Err(fault(name, "the remainder can not stand in a query")),
        None => Ok(pieces),
    }
}

fn pieces(mut text: &str, path: &PathTemplate) -> Result<Vec<Piece>, TemplateFault> {
    let mut pieces = Vec::new();
    while !text.is_empty() {
        let (literal, after) = match text.split_once('{') {
            Some((literal, after)) => (literal, Some(after)),
            None => (text, None),
        };
        if !literal.is_empty() {
            pieces.push(Piece::literal(literal)?);
        }
        let Some(after) = after else { break };
        let Some((name, rest)) = after.split_once('}') else {
            return Err(TemplateFault::Syntax("a `{` is never closed"));
        };
        pieces.push(Piece::variable(name, path)?);
        text = rest;
    }
    Ok(pieces)
}

fn fault(name: &str, problem: &'static str) -> TemplateFault {
    TemplateFault::Variable {
        name: name.into(),
        problem,
    }
}

// === impl Piece ===

impl Piece {
    fn literal(text: &str) -> Result<Self, TemplateFault> {
        let odd = |c: char| c.is_control() || " \"<>\\^`|}".contains(c);
        if text.contains(odd) || !segment::well_formed(text) {
            let words = "an upstream's URL holds a character that must be percent-encoded, \
                         or a broken percent sequence";
            return Err(TemplateFault::Syntax(words));
        }
        Ok(Self::Literal(segment::ascii(text).into()))
    }

    fn variable(text: &str, path: &PathTemplate) -> Result<Self, TemplateFault> {
        let name = text.strip_suffix('*').unwrap_or(text);
        if path.rest() == Some(name) {
            return Ok(Self::Rest(name.into()));
        }
        if !path.variables().any(|known| known == name) {
            return Err(TemplateFault::Unknown {
                name: text.into(),
                known: known(path),
            });
        }
        if name.len() != text.len() {
            return Err(fault(text, "it is not the remainder: write it without `*`"));
        }
        Ok(Self::Variable(name.into()))
    }

    /// Appends what the piece stands for.
    pub(super) fn expand(
        &self,
        variables: &Variables,
        rules: &ValueRules,
        url: &mut String,
    ) -> Result<(), ExpandFault> {
        match self {
            Self::Literal(text) => url.push_str(text),
            Self::Variable(name) => {
                let raw = variables.get(name).ok_or(ExpandFault::Variable)?;
                url.push_str(&match rules.encoded(name, raw) {
                    Some(encoded) => encoded?,
                    None => plain(raw).ok_or(ExpandFault::Variable)?,
                });
            }
            Self::Rest(name) => remainder(variables.get(name).unwrap_or_default(), url)?,
        }
        Ok(())
    }
}

fn known(path: &PathTemplate) -> Box<str> {
    let mut names = String::new();
    for name in path.variables() {
        // Writing to a string can not fail.
        write!(
            names,
            "{}{{{name}}}",
            if names.is_empty() { "" } else { ", " }
        )
        .ok();
    }
    if names.is_empty() {
        "none".into()
    } else {
        names.into()
    }
}

/// `[A-Za-z0-9_.-]{1,64}`, no dot segment.
fn plain(raw: &str) -> Option<String> {
    let text = segment::decode(raw).ok()?;
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.');
    let fits = (1..=VARIABLE_BYTES).contains(&text.len());
    (fits && text.bytes().all(allowed) && !segment::is_dots(&text)).then_some(text)
}

/// Each segment decoded, judged, encoded; nothing at all and one slash at the end are fine.
fn remainder(raw: &str, url: &mut String) -> Result<(), ExpandFault> {
    let (inner, slash) = match raw.strip_suffix('/') {
        Some(inner) => (inner, "/"),
        None => (raw, ""),
    };
    if raw.is_empty() {
        return Ok(());
    }
    for (place, part) in inner.split('/').enumerate() {
        if place > 0 {
            url.push('/');
        }
        url.push_str(&segment::canonical(part).map_err(ExpandFault::Rest)?);
    }
    url.push_str(slash);
    Ok(())
}

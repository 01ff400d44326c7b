//! A JSON pointer (RFC 6901), and the one value that it finds in a text.
//!
//! Part of `key`; `serde_json` reads. Invariants: nothing is kept of the text but the value that is
//! looked for; the text is read to its end, so that half a document has no key.
//!
//! A value becomes a key as it would become the name of a property in JavaScript: `prices[1]`,
//! `prices[1.0]` and `prices["1"]` are the same, and so are `true` and `"true"`. A backend that sends
//! a number now and a string then (PHP does) means one thing by both. Whole numbers of 64 bits keep
//! all their digits; a fraction is what a browser makes of it.

use std::fmt::{self, Write as _};

use serde::de::{DeserializeSeed, Error as DeError};
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::{NoKey, fit};

/// The most tokens: `serde_json` descends no deeper than 127 levels, and who looked for something
/// there would never find it.
const DEPTH: usize = 100;

/// From here on a float does not tell a whole number from the next one.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// Which value of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pointer {
    text: Box<str>,
    tokens: Box<[Token]>,
}

/// One level: a member of an object, an element of an array.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Token {
    name: Box<str>,
    index: Option<usize>,
}

/// Why a text is no pointer; the words are for the author of the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PointerFault {
    /// The whole document.
    #[error("it points at the data as a whole, which would be a key for each event")]
    Whole,
    /// It does not begin with a slash.
    #[error("what follows `json:` must begin with a slash, as in `json:/symbol`")]
    NoSlash,
    /// `~` and something else.
    #[error("`~` must be followed by 0 or 1: `~0` is a `~`, `~1` is a slash within a name")]
    Escape,
    /// More tokens than any data is read deep.
    #[error("it is more than {DEPTH} levels deep, and no data is read so deep")]
    Depth,
}

// === impl Pointer ===

impl Pointer {
    /// Reads a pointer, `/symbol` or `/quotes/0/symbol`.
    pub fn parse(text: &str) -> Result<Self, PointerFault> {
        if text.is_empty() {
            return Err(PointerFault::Whole);
        }
        let tokens = text.strip_prefix('/').ok_or(PointerFault::NoSlash)?;
        let tokens: Box<[Token]> = tokens
            .split('/')
            .map(Token::parse)
            .collect::<Result<_, _>>()?;
        if tokens.len() > DEPTH {
            return Err(PointerFault::Depth);
        }
        let text = text.into();
        Ok(Self { text, tokens })
    }

    /// The key that stands there; written into `key`, whose room is used again.
    pub fn find<'a>(&self, json: &str, key: &'a mut String) -> Result<&'a str, NoKey> {
        key.clear();
        let mut reader = serde_json::Deserializer::from_str(json);
        let step = Step {
            tokens: &self.tokens,
            key,
        };
        let found = step.deserialize(&mut reader)?;
        reader.end()?;
        found.map(|()| key.as_str())
    }
}

/// As it was written.
impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Token {
    fn parse(token: &str) -> Result<Self, PointerFault> {
        let mut name = String::with_capacity(token.len());
        let mut chars = token.chars();
        while let Some(c) = chars.next() {
            name.push(match (c, if c == '~' { chars.next() } else { None }) {
                ('~', Some('0')) => '~',
                ('~', Some('1')) => '/',
                ('~', _) => return Err(PointerFault::Escape),
                (c, _) => c,
            });
        }
        // RFC 6901: no leading zeros, no sign. Such a token still names a member.
        let is_index = name == "0" || name.starts_with(|c: char| matches!(c, '1'..='9'));
        let index = name.parse().ok().filter(|_| is_index);
        let name = name.into();
        Ok(Self { name, index })
    }
}

// === reading ===

/// What is left of a pointer, at the place that it has come to.
struct Step<'a> {
    tokens: &'a [Token],
    key: &'a mut String,
}

/// What a place has: its key is written, or there is none.
type Found = Result<(), NoKey>;

impl Step<'_> {
    /// A value that can be a key, unless the pointer leads on.
    fn simple(self, value: fmt::Arguments<'_>) -> Found {
        if !self.tokens.is_empty() {
            return Err(NoKey::Missing);
        }
        // No writing to a string fails.
        self.key.write_fmt(value).map_err(|_| NoKey::Missing)
    }
}

impl<'de> DeserializeSeed<'de> for Step<'_> {
    type Value = Found;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Found, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Step<'_> {
    type Value = Found;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_str<E: DeError>(self, text: &str) -> Result<Found, E> {
        if !self.tokens.is_empty() {
            return Ok(Err(NoKey::Missing));
        }
        Ok(fit(text).map(|text| self.key.push_str(text)))
    }

    fn visit_bool<E: DeError>(self, value: bool) -> Result<Found, E> {
        Ok(self.simple(format_args!("{value}")))
    }

    fn visit_u64<E: DeError>(self, number: u64) -> Result<Found, E> {
        Ok(self.simple(format_args!("{number}")))
    }

    fn visit_i64<E: DeError>(self, number: i64) -> Result<Found, E> {
        Ok(self.simple(format_args!("{number}")))
    }

    fn visit_f64<E: DeError>(self, number: f64) -> Result<Found, E> {
        if self.tokens.is_empty() && number.abs() >= EXACT {
            return Ok(Err(NoKey::Inexact));
        }
        if number.fract() == 0.0 {
            // `-0.0` is 0, as everywhere else.
            return Ok(self.simple(format_args!("{}", number + 0.0)));
        }
        // By `Debug`, which has an exponent where `Display` has hundreds of zeros.
        Ok(self.simple(format_args!("{number:?}")))
    }

    fn visit_unit<E: DeError>(self) -> Result<Found, E> {
        let is_there = self.tokens.is_empty();
        Ok(Err(if is_there {
            NoKey::Empty
        } else {
            NoKey::Missing
        }))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<Found, A::Error> {
        let mut found = Err(missed(self.tokens));
        if let Some((token, rest)) = self.tokens.split_first()
            && let Some(index) = token.index
        {
            for _ in 0..index {
                if array.next_element::<IgnoredAny>()?.is_none() {
                    return Ok(found);
                }
            }
            let step = Step {
                tokens: rest,
                key: self.key,
            };
            if let Some(value) = array.next_element_seed(step)? {
                found = value;
            } else {
                return Ok(found);
            }
        }
        while array.next_element::<IgnoredAny>()?.is_some() {}
        Ok(found)
    }

    /// Of members with one name the last is the one that counts, as in a browser's `JSON.parse`.
    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Found, A::Error> {
        let mut found = Err(missed(self.tokens));
        let Some((token, rest)) = self.tokens.split_first() else {
            while object.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            return Ok(found);
        };
        while let Some(is_here) = object.next_key_seed(Named(&token.name))? {
            if is_here {
                self.key.clear();
                let key = &mut *self.key;
                found = object.next_value_seed(Step { tokens: rest, key })?;
            } else {
                object.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }
}

/// What an object or an array says unless the pointer leads into it.
fn missed(tokens: &[Token]) -> NoKey {
    if tokens.is_empty() {
        NoKey::Composite
    } else {
        NoKey::Missing
    }
}

/// Whether a member's name is this one.
struct Named<'a>(&'a str);

impl<'de> DeserializeSeed<'de> for Named<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Named<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E: DeError>(self, name: &str) -> Result<bool, E> {
        Ok(name == self.0)
    }
}

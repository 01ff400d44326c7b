//! `/prices/{symbol}`, `/x/{rest*}`: which paths a route takes.
//!
//! Pure. Invariant: literal segments are kept in canonical form, so that a route means the same
//! however its author, or a client, spells an encoded character.

use super::{TemplateFault, segment};

/// The path of a route.
///
/// ```
/// use fantail::edge::template::PathTemplate;
/// let path = PathTemplate::parse("/prices/{symbol}").unwrap();
/// assert_eq!(path.variables().collect::<Vec<_>>(), ["symbol"]);
/// assert!(PathTemplate::parse("/prices/v{n}").is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathTemplate {
    text: Box<str>,
    segments: Vec<Segment>,
}

/// One segment of a path template. The order is that of precedence: the first is most specific.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Segment {
    /// Exactly this text, canonical; empty only as the last one, for a slash at the end.
    Literal(Box<str>),
    /// Any one segment that is not empty.
    Variable(Box<str>),
    /// Whatever is left, slashes and nothing included.
    Rest(Box<str>),
}

/// What a path's variables stood for: the raw text, still percent-encoded.
///
/// ```
/// use fantail::edge::template::Variables;
/// let variables: Variables = [("symbol", "AAPL")].into_iter().collect();
/// assert_eq!(variables.get("symbol"), Some("AAPL"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Variables(Vec<(Box<str>, Box<str>)>);

// === impl PathTemplate ===

impl PathTemplate {
    /// Parses. A slash at the end is significant: `/a` and `/a/` are two paths.
    pub fn parse(text: &str) -> Result<Self, TemplateFault> {
        let Some(inner) = text.strip_prefix('/') else {
            return Err(TemplateFault::Syntax("a path starts with `/`"));
        };
        if text.contains(['?', '#']) {
            let words = "a route's path has no query and no fragment: see the key `query`";
            return Err(TemplateFault::Syntax(words));
        }
        let segments = inner
            .split('/')
            .map(Segment::parse)
            .collect::<Result<Vec<_>, _>>()?;
        let path = Self {
            text: text.into(),
            segments,
        };
        path.check()?;
        Ok(path)
    }

    fn check(&self) -> Result<(), TemplateFault> {
        let last = self.segments.len().saturating_sub(1);
        for (place, segment) in self.segments.iter().enumerate() {
            match segment {
                Segment::Literal(text) if text.is_empty() && place != last => {
                    return Err(TemplateFault::Syntax("a path has no empty segments (`//`)"));
                }
                Segment::Rest(name) if place != last => {
                    let problem = "the remainder can only be the last segment";
                    return Err(variable(name, problem));
                }
                _ => {}
            }
        }
        let mut seen = Vec::new();
        for name in self.variables() {
            if seen.contains(&name) {
                return Err(variable(name, "named twice"));
            }
            seen.push(name);
        }
        Ok(())
    }

    /// As spelt.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The names of the variables in order, the remainder's included.
    pub fn variables(&self) -> impl Iterator<Item = &str> {
        self.segments.iter().filter_map(|segment| match segment {
            Segment::Literal(_) => None,
            Segment::Variable(name) | Segment::Rest(name) => Some(&**name),
        })
    }

    /// The remainder's name, if the path ends in one.
    pub fn rest(&self) -> Option<&str> {
        match self.segments.last() {
            Some(Segment::Rest(name)) => Some(name),
            _ => None,
        }
    }

    pub(crate) fn segments(&self) -> &[Segment] {
        &self.segments
    }
}

fn variable(name: &str, problem: &'static str) -> TemplateFault {
    TemplateFault::Variable {
        name: name.into(),
        problem,
    }
}

// === impl Segment ===

impl Segment {
    fn parse(text: &str) -> Result<Self, TemplateFault> {
        let inside = text.strip_prefix('{').and_then(|t| t.strip_suffix('}'));
        match inside {
            Some(name) => Self::variable(name),
            None => Self::literal(text),
        }
    }

    fn variable(text: &str) -> Result<Self, TemplateFault> {
        let name = text.strip_suffix('*').unwrap_or(text);
        if !valid_name(name) {
            let problem = "a name is a-z, 0-9 and _, no digit first; a remainder is {rest*}";
            return Err(variable(text, problem));
        }
        Ok(if name.len() == text.len() {
            Self::Variable(name.into())
        } else {
            Self::Rest(name.into())
        })
    }

    fn literal(text: &str) -> Result<Self, TemplateFault> {
        let fault = |problem| TemplateFault::Segment {
            segment: text.into(),
            problem,
        };
        if text.contains(['{', '}']) {
            return Err(fault("a variable takes a whole segment: /prices/{symbol}"));
        }
        if text.is_empty() {
            return Ok(Self::Literal(text.into()));
        }
        let canonical = segment::canonical(&segment::ascii(text)).map_err(fault)?;
        Ok(Self::Literal(canonical.into()))
    }

    /// 0 = most specific.
    pub(crate) fn rank(&self) -> u8 {
        match self {
            Self::Literal(_) => 0,
            Self::Variable(_) => 1,
            Self::Rest(_) => 2,
        }
    }
}

/// `[a-z_][a-z0-9_]*`
fn valid_name(name: &str) -> bool {
    !name.starts_with(|c: char| c.is_ascii_digit())
        && !name.is_empty()
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

// === impl Variables ===

impl Variables {
    /// The raw text of a variable.
    pub fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(n, _)| **n == *name);
        found.map(|(_, raw)| &**raw)
    }
}

impl<N: Into<Box<str>>, V: Into<Box<str>>> FromIterator<(N, V)> for Variables {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        Self(
            pairs
                .into_iter()
                .map(|(n, v)| (n.into(), v.into()))
                .collect(),
        )
    }
}

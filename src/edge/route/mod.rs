//! Which route a request takes, what it wants there, and which topic that is.
//!
//! Layer 4, pure: may import `template`, `options` and layer 0. Invariant: the most specific route
//! wins, whatever the order of the configuration: segment by segment from the left, a literal goes
//! before a variable and a variable before a remainder.

mod cookies;
mod key;
mod private;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
mod wish;

use std::borrow::Cow;
use std::collections::HashMap;

use matchit::Router;

pub use cookies::nameable;
pub use key::{Asker, KeyRule, forwardable};
pub use wish::{Resume, accepts_stream, asks_poll, resume_id, wants_poll, wants_stream};

use super::template::{PathTemplate, Segment, Variables, segment};

/// The paths of all routes.
///
/// ```
/// use fantail::edge::{route::Routes, template::PathTemplate};
/// let paths = ["/{rest*}", "/prices/{symbol}"].map(|p| PathTemplate::parse(p).unwrap());
/// let routes = Routes::new(&paths).unwrap();
/// let (route, variables) = routes.find("/prices/AAPL").unwrap();
/// assert_eq!((route, variables.get("symbol")), (1, Some("AAPL")));
/// ```
#[derive(Clone, Debug)]
pub struct Routes {
    /// One router for each place of the remainder, since a router can not hold a variable and a
    /// remainder at the same place. There are as many as depths in use: a handful.
    routers: Vec<(Option<usize>, Router<usize>)>,
    /// Of each route, the rank of its segments.
    ranks: Vec<Vec<u8>>,
}

/// Two routes take exactly the same paths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("route {first} and route {second} take the same paths")]
pub struct Conflict {
    /// The earlier one's place.
    pub first: usize,
    /// The later one's place.
    pub second: usize,
}

// === impl Routes ===

impl Routes {
    /// Builds the table; routes are known by their place in the list from here on.
    pub fn new<'a>(paths: impl IntoIterator<Item = &'a PathTemplate>) -> Result<Self, Conflict> {
        let mut shapes = HashMap::new();
        let mut routes = Self {
            routers: Vec::new(),
            ranks: Vec::new(),
        };
        for (second, path) in paths.into_iter().enumerate() {
            if let Some(first) = shapes.insert(shape(path), second) {
                return Err(Conflict { first, second });
            }
            let ranks = path.segments().iter().map(Segment::rank).collect();
            routes.ranks.push(ranks);
            // Shapes differ, and so does every pair in one router: never an error.
            routes.insert(second, path).map_err(|_| Conflict {
                first: second,
                second,
            })?;
        }
        Ok(routes)
    }

    fn insert(&mut self, route: usize, path: &PathTemplate) -> Result<(), matchit::InsertError> {
        let depth = path.rest().map(|_| path.segments().len());
        let place = self.routers.iter().position(|(d, _)| *d == depth);
        let place = place.unwrap_or_else(|| {
            self.routers.push((depth, Router::new()));
            self.routers.len() - 1
        });
        let Some((_, router)) = self.routers.get_mut(place) else {
            return Ok(());
        };
        let (with_rest, without) = patterns(path);
        router.insert(without, route)?;
        match with_rest {
            Some(pattern) => router.insert(pattern, route),
            None => Ok(()),
        }
    }

    /// The most specific route for a request's raw path, and what its variables stand for, still
    /// percent-encoded. A remainder may be empty: `/x/{rest*}` takes `/x/`, but not `/x`.
    pub fn find(&self, path: &str) -> Option<(usize, Variables)> {
        let path = canonical(path);
        let found = self.routers.iter().filter_map(|(_, r)| r.at(&path).ok());
        let best = found.min_by_key(|found| self.ranks.get(*found.value))?;
        Some((*best.value, best.params.iter().collect()))
    }
}

/// The path in the one spelling that templates are kept in, so that `/%61dmin` is `/admin` for
/// every route. What is wrong stays as it is: it matches no literal, and expansion refuses it.
fn canonical(path: &str) -> Cow<'_, str> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"/-._~".contains(&b);
    if path.bytes().all(plain) {
        return Cow::Borrowed(path);
    }
    let mut out = String::with_capacity(path.len());
    for (place, part) in path.split('/').enumerate() {
        if place > 0 {
            out.push('/');
        }
        match segment::canonical(part) {
            Ok(text) => out.push_str(&text),
            Err(_) => out.push_str(part),
        }
    }
    Cow::Owned(out)
}

/// The path without its variables' names.
fn shape(path: &PathTemplate) -> String {
    let mut out = String::new();
    for segment in path.segments() {
        out.push('/');
        out.push_str(match segment {
            Segment::Literal(text) => text,
            Segment::Variable(_) => "{}",
            Segment::Rest(_) => "{*}",
        });
    }
    out
}

/// In matchit's syntax: the pattern with the remainder, if there is one, and the one without.
fn patterns(path: &PathTemplate) -> (Option<String>, String) {
    let mut out = String::new();
    for segment in path.segments() {
        out.push('/');
        match segment {
            Segment::Literal(text) => out.push_str(text),
            Segment::Variable(name) => out.extend(["{", &**name, "}"]),
            Segment::Rest(name) => return (Some(format!("{out}{{*{name}}}")), out),
        }
    }
    (None, out)
}

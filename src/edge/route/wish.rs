//! What a request wants: a stream or an ordinary answer, and from which place.
//!
//! Pure. Invariant: nothing a client says about its place is an error; what can not be an id is an
//! unknown place (`trust.md` C5), because a browser never comes back from a 400.

use http::{HeaderMap, Method, header};
use percent_encoding::percent_decode_str;

use crate::edge::Mode;
use crate::edge::template::segment;

/// Where a client says that it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resume {
    /// After the event with this id.
    Id(String),
    /// Somewhere that can not be: odd bytes, or too long.
    Malformed,
}

/// Whether a request on a route of this mode asks for the event stream. Which methods such a route
/// takes is the caller's question: `Sse` is true for all of them.
pub fn wants_stream(mode: Mode, method: &Method, headers: &HeaderMap) -> bool {
    match mode {
        Mode::Auto => matches!(*method, Method::GET | Method::HEAD) && accepts_stream(headers),
        Mode::Sse => true,
        Mode::Proxy => false,
    }
}

/// Whether a request on a route of this mode asks for one bounded answer: `fantail=poll` in its
/// query, whatever it accepts, because a plain `XMLHttpRequest` accepts anything.
pub fn wants_poll(mode: Mode, method: &Method, query: Option<&str>) -> bool {
    let takes_polls = match mode {
        Mode::Auto | Mode::Sse => matches!(*method, Method::GET | Method::HEAD),
        Mode::Proxy => false,
    };
    takes_polls && asks_poll(query)
}

/// Whether the query says `fantail=poll`.
pub fn asks_poll(query: Option<&str>) -> bool {
    query.is_some_and(|query| parameter(query, "fantail") == Some("poll"))
}

/// Whether `Accept` lists `text/event-stream` by name, with a weight above zero.
pub fn accepts_stream(headers: &HeaderMap) -> bool {
    let lines = headers.get_all(header::ACCEPT).iter();
    lines
        .flat_map(|line| line.as_bytes().split(|b| *b == b','))
        .any(|range| is_stream(&String::from_utf8_lossy(range)))
}

fn is_stream(range: &str) -> bool {
    let mut parts = range.split(';').map(str::trim);
    let named = parts
        .next()
        .is_some_and(|t| t.eq_ignore_ascii_case("text/event-stream"));
    named && !parts.any(is_zero_weight)
}

fn is_zero_weight(parameter: &str) -> bool {
    let Some((name, value)) = parameter.split_once('=') else {
        return false;
    };
    let weight = value.trim().parse::<f32>();
    name.trim().eq_ignore_ascii_case("q") && weight.is_ok_and(|q| q <= 0.0)
}

/// The place in a request: the `Last-Event-ID` header, else the polyfills' `lastEventId`, else
/// `last_event_id`. An empty one counts as none. `limit` in bytes, 0 = no limit.
pub fn resume_id(headers: &HeaderMap, query: Option<&str>, limit: usize) -> Option<Resume> {
    let mut lines = headers.get_all("last-event-id").iter();
    if let Some(first) = lines.next().filter(|value| !value.is_empty()) {
        return Some(match lines.next() {
            None => judge(first.as_bytes().to_vec(), limit),
            Some(_) => Resume::Malformed,
        });
    }
    let query = query.unwrap_or_default();
    let raw = parameter(query, "lastEventId").or_else(|| parameter(query, "last_event_id"))?;
    if !segment::well_formed(raw) {
        return Some(Resume::Malformed);
    }
    // `+` stays: ids hold it, and no polyfill writes a space so.
    Some(judge(percent_decode_str(raw).collect(), limit))
}

fn judge(bytes: Vec<u8>, limit: usize) -> Resume {
    let control = |b: &u8| *b < 0x20 || *b == 0x7f;
    let too_long = limit != 0 && bytes.len() > limit;
    if too_long || bytes.iter().any(control) {
        return Resume::Malformed;
    }
    String::from_utf8(bytes).map_or(Resume::Malformed, Resume::Id)
}

/// The raw value of the last parameter of this name that is not empty: polyfills append theirs.
fn parameter<'a>(query: &'a str, wanted: &str) -> Option<&'a str> {
    let pairs = query.rsplit('&').filter_map(|pair| pair.split_once('='));
    let mut named = pairs.filter(|(name, value)| {
        !value.is_empty() && percent_decode_str(name).decode_utf8_lossy() == wanted
    });
    named.next().map(|(_, value)| value)
}

//! Events and other lines as text, normalised to LF.
//!
//! Layer 0: may import `event`, `position` and memchr. Invariants: what is written parses back as
//! what was given (data with every line end as LF); nothing given can end a line early or forge
//! another field.

use std::io::Write as _;
use std::time::Duration;

use memchr::{memchr2, memchr2_iter};

use crate::event::{EventId, EventName};
use crate::position::Position;

/// A comment without text: one line and no blank one, because some clients take every blank line
/// for an event.
pub const HEARTBEAT: &[u8] = b":\n";

/// Writes `id: ID`, or `id:` for the empty id, which resets.
///
/// ```
/// # use fantail::{event::EventId, sse::write};
/// let mut out = Vec::new();
/// write::id_line(&mut out, &EventId::new("7").unwrap());
/// write::body(&mut out, None, "one\ntwo");
/// assert_eq!(out, b"id: 7\ndata: one\ndata: two\n\n");
/// ```
pub fn id_line(out: &mut Vec<u8>, id: &EventId) {
    field(out, b"id:", id.as_str().as_bytes());
}

/// Writes a place's token as the id: `id: ~EPOCH.OFFSET`.
pub fn token_line(out: &mut Vec<u8>, position: Position) {
    formatted(out, format_args!("id: {position}\n"));
}

/// Writes the rest of a frame: the name unless it is `message`, one line per line of `data` (ended
/// by CRLF, LF or CR), and the blank line that dispatches it.
pub fn body(out: &mut Vec<u8>, name: Option<&EventName>, data: &str) {
    let name = name
        .map(EventName::as_str)
        .filter(|name| *name != "message");
    let mut rest = data.as_bytes();
    // Exact for data as the parser gives it; CRLF and empty lines take less.
    let breaks = memchr2_iter(b'\r', b'\n', rest).count();
    let prefixes = breaks * b"data: ".len() + b"data: \n\n".len();
    out.reserve(rest.len() + prefixes + name.map_or(0, |name| b"event: \n".len() + name.len()));
    if let Some(name) = name {
        field(out, b"event:", name.as_bytes());
    }
    while let Some((line, tail)) =
        memchr2(b'\r', b'\n', rest).and_then(|at| rest.split_at_checked(at))
    {
        field(out, b"data:", line);
        rest = tail
            .strip_prefix(b"\r\n")
            .or(tail.get(1..))
            .unwrap_or_default();
    }
    field(out, b"data:", rest);
    out.push(b'\n');
}

/// Writes the reconnection time in whole milliseconds.
pub fn retry(out: &mut Vec<u8>, delay: Duration) {
    formatted(out, format_args!("retry: {}\n", delay.as_millis()));
}

/// Writes a comment line; what would end the line becomes a space.
pub fn comment(out: &mut Vec<u8>, text: &str) {
    out.reserve(text.len() + b": \n".len());
    out.extend_from_slice(b": ");
    out.extend(text.bytes().map(|b| {
        if matches!(b, b'\r' | b'\n' | 0) {
            b' '
        } else {
            b
        }
    }));
    out.push(b'\n');
}

/// Writes the event that tells a client what it has not been given: how many events if that is
/// known, and why. `id` is the place it stands for, so that the next reconnect does not repeat it.
///
/// `reason` is one of our own words and is written as it is.
pub fn gap(out: &mut Vec<u8>, id: Option<Position>, missed: Option<u64>, reason: &str) {
    debug_assert!(
        reason
            .bytes()
            .all(|b| b.is_ascii_lowercase() || matches!(b, b'-' | b'_' | b' ')),
        "a reason must need no escaping: {reason:?}"
    );
    if let Some(position) = id {
        token_line(out, position);
    }
    out.extend_from_slice(b"event: fantail.gap\ndata: {\"missed\":");
    match missed {
        Some(count) => formatted(out, format_args!("{count}")),
        None => out.extend_from_slice(b"null"),
    }
    formatted(out, format_args!(",\"reason\":\"{reason}\"}}\n\n"));
}

/// Writes the event that tells a client its place, where no other event does. It has data because
/// browsers and libraries forget an id that comes without (Firefox), and a name because nobody is
/// meant to see it but who asks for it.
pub fn position(out: &mut Vec<u8>, position: Position) {
    token_line(out, position);
    out.extend_from_slice(b"event: fantail.position\ndata: {}\n\n");
}

/// The space stands in front of every value, for the reader strips one, and the value may begin
/// with a space itself.
fn field(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    out.reserve(name.len() + value.len() + 2);
    out.extend_from_slice(name);
    if !value.is_empty() {
        out.push(b' ');
        out.extend_from_slice(value);
    }
    out.push(b'\n');
}

fn formatted(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    let written = out.write_fmt(text);
    debug_assert!(written.is_ok(), "a Vec takes every write");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::position::{Epoch, Offset};

    fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    fn place() -> Position {
        Position {
            epoch: Epoch::new(0xabc),
            offset: Offset(7),
        }
    }

    #[test]
    fn an_id_is_written_with_one_space_and_the_empty_id_bare() {
        let id = |text| written(|out| id_line(out, &EventId::new(text).unwrap()));
        assert_eq!(id("a b"), "id: a b\n");
        assert_eq!(id(" 1"), "id:  1\n");
        assert_eq!(id(""), "id:\n");
        assert_eq!(
            written(|out| token_line(out, place())),
            "id: ~000000000abc.7\n"
        );
    }

    #[test]
    fn every_kind_of_line_end_in_data_becomes_a_data_line() {
        let body = |data| written(|out| body(out, None, data));
        assert_eq!(body(""), "data:\n\n");
        assert_eq!(body("a"), "data: a\n\n");
        assert_eq!(
            body("a\nb\rc\r\nd"),
            "data: a\ndata: b\ndata: c\ndata: d\n\n"
        );
        assert_eq!(body("\n"), "data:\ndata:\n\n");
        assert_eq!(body("\r\r\n\n\r"), "data:\ndata:\ndata:\ndata:\ndata:\n\n");
        assert_eq!(body(" id: 7"), "data:  id: 7\n\n");
        assert_eq!(body("a\r\n"), "data: a\ndata:\n\n");
    }

    #[test]
    fn the_name_message_is_left_out() {
        let named = |name| written(|out| body(out, EventName::new(name).as_ref(), "x"));
        assert_eq!(named("tick"), "event: tick\ndata: x\n\n");
        assert_eq!(named("message"), "data: x\n\n");
    }

    #[test]
    fn the_size_of_a_body_is_reserved_at_once() {
        let name = EventName::new("tick").unwrap();
        let mut out = Vec::new();
        body(&mut out, Some(&name), &"line\n".repeat(1000));
        // The last line is empty and has no space.
        assert_eq!(out.capacity(), out.len() + 1);
    }

    #[test]
    fn a_comment_can_not_leave_its_line() {
        assert_eq!(
            written(|out| comment(out, "a\r\nid: 1\0é")),
            ": a  id: 1 é\n"
        );
        assert_eq!(HEARTBEAT, b":\n");
    }

    #[test]
    fn a_reconnection_time_is_written_in_milliseconds() {
        assert_eq!(
            written(|out| retry(out, Duration::from_micros(2_500_900))),
            "retry: 2500\n"
        );
    }

    #[test]
    fn a_position_is_an_event_with_an_id_and_data() {
        assert_eq!(
            written(|out| position(out, place())),
            "id: ~000000000abc.7\nevent: fantail.position\ndata: {}\n\n"
        );
    }

    #[test]
    fn a_gap_says_how_much_is_missing_and_why() {
        assert_eq!(
            written(|out| gap(out, Some(place()), Some(12), "lagged")),
            "id: ~000000000abc.7\nevent: fantail.gap\ndata: {\"missed\":12,\"reason\":\"lagged\"}\n\n"
        );
        assert_eq!(
            written(|out| gap(out, None, None, "restarted")),
            "event: fantail.gap\ndata: {\"missed\":null,\"reason\":\"restarted\"}\n\n"
        );
    }
}

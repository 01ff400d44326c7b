//! Frames that break RFC 9113, and what has to become of them: one row for each rule.
//!
//! `harsh` marks rows for which the RFC has a stream's error and h2 ends the connection, as section
//! 5.4.1 allows.

use super::messages;
use crate::support::h2::{
    ACK, CONTINUATION, DATA, ENABLE_PUSH, END_HEADERS, END_STREAM, FLOW_CONTROL_ERROR, FRAME_SIZE,
    FRAME_SIZE_ERROR, GOAWAY, HEADERS, INITIAL_WINDOW, PING, PRIORITY, PROTOCOL_ERROR,
    PUSH_PROMISE, RST_STREAM, SETTINGS, STREAM_CLOSED, WINDOW_UPDATE, frame, get, request, reset,
    settings, window_update,
};
use crate::support::hpack::literals;
use Expect::{Connection, Fine, Stream};

/// What becomes of a row.
#[derive(Clone, Copy, Debug)]
pub(super) enum Expect {
    /// The connection ends, with this code in its `GOAWAY`.
    Connection(u32),
    /// Stream 3 ends, with this code in its `RST_STREAM`; the connection lives.
    Stream(u32),
    /// Stream 3 is answered so; the connection lives.
    Refused(u16),
    /// Nothing.
    Fine,
}

/// Bytes that a client sends after its preface and a subscription on stream 1.
pub(super) struct Row {
    pub(super) name: &'static str,
    pub(super) bytes: Vec<u8>,
    pub(super) expect: Expect,
}

pub(super) fn row(name: &'static str, bytes: Vec<u8>, expect: Expect) -> Row {
    Row {
        name,
        bytes,
        expect,
    }
}

pub(super) fn all() -> Vec<Row> {
    let mut rows = places();
    rows.extend(sizes());
    rows.extend(values());
    rows.extend(states());
    rows.extend(messages::rows());
    rows
}

/// Frames on the wrong stream (sections 5.1.1, 6).
fn places() -> Vec<Row> {
    let block = literals(&get("/events/a"));
    let whole = END_HEADERS | END_STREAM;
    let protocol = Connection(PROTOCOL_ERROR);
    vec![
        row("DATA on 0", frame(DATA, 0, 0, b"x"), protocol),
        row("HEADERS on 0", frame(HEADERS, whole, 0, &block), protocol),
        row(
            "PRIORITY on 0",
            frame(PRIORITY, 0, 0, &[0, 0, 0, 1, 0]),
            protocol,
        ),
        row("RST_STREAM on 0", reset(0, 8), protocol),
        row(
            "CONTINUATION on 0",
            frame(CONTINUATION, 4, 0, &block),
            protocol,
        ),
        row("SETTINGS on 1", frame(SETTINGS, 0, 1, &[]), protocol),
        row("PING on 1", frame(PING, 0, 1, &[0; 8]), protocol),
        row("GOAWAY on 1", frame(GOAWAY, 0, 1, &[0; 8]), protocol),
        row("an even stream", request(4, &get("/events/a")), protocol),
        row(
            "PUSH_PROMISE",
            frame(PUSH_PROMISE, 4, 1, &[&[0, 0, 0, 2], &block[..]].concat()),
            protocol,
        ),
        row("an unknown frame", frame(0xf0, 0xff, 9, b"whatever"), Fine),
        row(
            "a reserved bit",
            [&[0, 0, 8, PING, 0, 0x80, 0, 0, 0], &[9; 8][..]].concat(),
            Fine,
        ),
    ]
}

/// Lengths (section 6).
fn sizes() -> Vec<Row> {
    let size = Connection(FRAME_SIZE_ERROR);
    vec![
        row("SETTINGS of 5", frame(SETTINGS, 0, 0, &[0; 5]), size),
        row("SETTINGS of 7", frame(SETTINGS, 0, 0, &[0; 7]), size),
        row(
            "an acknowledgement with settings",
            frame(SETTINGS, ACK, 0, &[0; 6]),
            size,
        ),
        row("PING of 7", frame(PING, 0, 0, &[0; 7]), size),
        row("PING of 9", frame(PING, 0, 0, &[0; 9]), size),
        row(
            "WINDOW_UPDATE of 3",
            frame(WINDOW_UPDATE, 0, 0, &[0, 0, 1]),
            size,
        ),
        row("RST_STREAM of 3", frame(RST_STREAM, 0, 1, &[0; 3]), size),
        row("GOAWAY of 4", frame(GOAWAY, 0, 0, &[0; 4]), size),
        row("a frame of 16385", frame(DATA, 0, 1, &[0; 16_385]), size),
        row(
            "an unknown frame of 16385",
            frame(0xf0, 0, 0, &[0; 16_385]),
            size,
        ),
        row(
            "HEADERS of less than its priority",
            frame(HEADERS, END_HEADERS | 0x20, 3, &[0; 4]),
            size,
        ),
    ]
}

/// Numbers (sections 6.3, 6.5.2, 6.9).
#[expect(clippy::too_many_lines, reason = "a table")]
fn values() -> Vec<Row> {
    let most = 0x7fff_ffff;
    let protocol = Connection(PROTOCOL_ERROR);
    let harsh = protocol;
    let flow = Connection(FLOW_CONTROL_ERROR);
    let open = || request(3, &get("/events/b"));
    vec![
        row("ENABLE_PUSH 2", settings(&[(ENABLE_PUSH, 2)]), protocol),
        row(
            "a window of 2^31",
            settings(&[(INITIAL_WINDOW, 1 << 31)]),
            flow,
        ),
        row(
            "frames of 16383",
            settings(&[(FRAME_SIZE, 16_383)]),
            protocol,
        ),
        row(
            "frames of 2^24",
            settings(&[(FRAME_SIZE, 1 << 24)]),
            protocol,
        ),
        row("an unknown setting", settings(&[(0xf00f, 7)]), Fine),
        row("a window of nothing more", window_update(0, 0), protocol),
        row("too wide a window", window_update(0, most), flow),
        row(
            "a stream's window of nothing more",
            [open(), window_update(3, 0)].concat(),
            harsh,
        ),
        row(
            "too wide a stream's window",
            [open(), window_update(3, most)].concat(),
            Stream(FLOW_CONTROL_ERROR),
        ),
        row(
            "too wide a window by a setting",
            [
                window_update(1, most - 65_535),
                settings(&[(INITIAL_WINDOW, 65_536)]),
            ]
            .concat(),
            flow,
        ),
        row(
            "a stream that depends on itself",
            [open(), frame(PRIORITY, 0, 3, &[0, 0, 0, 3, 0])].concat(),
            Stream(PROTOCOL_ERROR),
        ),
    ]
}

/// Frames for streams that are not, or no more, or not so (section 5.1).
#[expect(clippy::too_many_lines, reason = "a table")]
fn states() -> Vec<Row> {
    let protocol = Connection(PROTOCOL_ERROR);
    let harsh = protocol;
    let open = || request(3, &get("/events/b"));
    vec![
        row("DATA before HEADERS", frame(DATA, 0, 3, b"x"), protocol),
        row("RST_STREAM before HEADERS", reset(3, 8), protocol),
        row(
            "WINDOW_UPDATE before HEADERS",
            window_update(3, 1),
            protocol,
        ),
        row(
            "PRIORITY before HEADERS",
            frame(PRIORITY, 0, 3, &[0, 0, 0, 0, 1]),
            Fine,
        ),
        row(
            "DATA behind the end",
            [open(), frame(DATA, 0, 3, b"x")].concat(),
            harsh,
        ),
        row("HEADERS behind the end", [open(), open()].concat(), harsh),
        row(
            "DATA behind a reset",
            [open(), reset(3, 8), frame(DATA, 0, 3, b"x")].concat(),
            Stream(STREAM_CLOSED),
        ),
        row(
            "HEADERS behind a reset",
            [open(), reset(3, 8), open()].concat(),
            harsh,
        ),
        row(
            "WINDOW_UPDATE behind a reset",
            [open(), reset(3, 8), window_update(3, 1)].concat(),
            Fine,
        ),
        row(
            "a number that goes down",
            [request(7, &get("/events/b")), request(5, &get("/events/b"))].concat(),
            protocol,
        ),
    ]
}

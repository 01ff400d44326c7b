//! The table's second half: blocks of headers, and what they say.

use super::table::Expect::{Connection, Refused, Stream};
use super::table::{Row, row};
use crate::support::h2::{
    COMPRESSION_ERROR, CONTINUATION, DATA, END_HEADERS, END_STREAM, HEADERS, PADDED, PING,
    PROTOCOL_ERROR, frame, get, request,
};
use crate::support::hpack::{integer, literal, literals};

/// All of them.
pub(super) fn rows() -> Vec<Row> {
    let mut rows = blocks();
    rows.extend(messages());
    rows.extend(bodies());
    rows
}

/// Blocks of headers (sections 4.3, 6.2, 6.10; RFC 7541).
#[expect(clippy::too_many_lines, reason = "a table")]
fn blocks() -> Vec<Row> {
    let fields = literals(&get("/events/b"));
    let (first, second) = fields.split_at(5);
    let protocol = Connection(PROTOCOL_ERROR);
    let packing = Connection(COMPRESSION_ERROR);
    let begin = || frame(HEADERS, END_STREAM, 3, first);
    let whole = |block: &[u8]| frame(HEADERS, END_HEADERS | END_STREAM, 3, block);
    let with = |more: &[u8]| whole(&[&fields, more].concat());
    vec![
        row(
            "CONTINUATION alone",
            frame(CONTINUATION, 4, 1, second),
            protocol,
        ),
        row(
            "a PING in a block",
            [begin(), frame(PING, 0, 0, &[0; 8])].concat(),
            protocol,
        ),
        row(
            "a request in a block",
            [begin(), request(5, &get("/events/b"))].concat(),
            protocol,
        ),
        row(
            "another stream's CONTINUATION",
            [begin(), frame(CONTINUATION, END_HEADERS, 5, second)].concat(),
            protocol,
        ),
        row(
            "an unknown frame in a block",
            [begin(), frame(0xf0, 0, 0, b"x")].concat(),
            protocol,
        ),
        row(
            "more padding than there is",
            frame(
                HEADERS,
                END_HEADERS | END_STREAM | PADDED,
                3,
                &[200, 0x82, 0x84],
            ),
            protocol,
        ),
        row("entry 0", with(&[0x80]), packing),
        row(
            "an entry that is not there",
            with(&integer(100, 7, 0x80)),
            packing,
        ),
        row(
            "a name that is not there",
            with(&[0x7f, 0x30, 1, b'x']),
            packing,
        ),
        row(
            "a table of 1 MiB",
            whole(&[integer(1 << 20, 5, 0x20), fields.clone()].concat()),
            packing,
        ),
        row("a new table behind a field", with(&[0x20]), packing),
        row("half a field", with(&[0, 10, b'x']), packing),
        row(
            "a number without end",
            with(&[0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
            packing,
        ),
        row(
            "EOS in a text",
            with(&[0, 1, b'x', 0x84, 0xff, 0xff, 0xff, 0xff]),
            packing,
        ),
        row(
            "a block in two parts",
            [begin(), frame(CONTINUATION, END_HEADERS, 3, second)].concat(),
            Refused(200),
        ),
    ]
}

/// Requests that are none (section 8).
#[expect(clippy::too_many_lines, reason = "a table")]
fn messages() -> Vec<Row> {
    let base = get("/events/b");
    let malformed = Stream(PROTOCOL_ERROR);
    let harsh = Connection(PROTOCOL_ERROR);
    let with = |name: &'static str, field: (&str, &str), expect| {
        row(name, request(3, &[&base[..], &[field]].concat()), expect)
    };
    let without = |name: &'static str, field: &str| {
        let rest: Vec<_> = base
            .iter()
            .filter(|(key, _)| *key != field)
            .copied()
            .collect();
        row(name, request(3, &rest), malformed)
    };
    let raw = |more: &[u8]| {
        let block = [&literals(&base), more].concat();
        frame(HEADERS, END_HEADERS | END_STREAM, 3, &block)
    };
    vec![
        with("a capital in a name", ("X-a", "b"), harsh),
        with("an empty name", ("", "b"), harsh),
        with("a space in a name", ("x a", "b"), harsh),
        row("CR in a value", raw(&literal(b"x", b"a\rb")), harsh),
        row("LF in a value", raw(&literal(b"x", b"a\nb: c")), harsh),
        row("NUL in a value", raw(&literal(b"x", b"a\0b")), harsh),
        with("an unknown pseudo-header", (":x", "b"), harsh),
        with("a status in a request", (":status", "200"), malformed),
        with("two paths", (":path", "/events/c"), malformed),
        with("two methods", (":method", "GET"), malformed),
        with("two authorities", (":authority", "127.0.0.1"), malformed),
        without("no path", ":path"),
        without("no method", ":method"),
        without("no scheme", ":scheme"),
        row("an empty path", request(3, &get("")), malformed),
        row(
            "a pseudo-header behind a header",
            request(3, &[&base[..3], &[("x", "a")], &base[3..]].concat()),
            malformed,
        ),
        with("Connection", ("connection", "keep-alive"), malformed),
        with("Keep-Alive", ("keep-alive", "5"), malformed),
        with(
            "Proxy-Connection",
            ("proxy-connection", "keep-alive"),
            malformed,
        ),
        with(
            "Transfer-Encoding",
            ("transfer-encoding", "chunked"),
            malformed,
        ),
        with("Upgrade", ("upgrade", "h2c"), malformed),
        with("TE: gzip", ("te", "gzip"), malformed),
        with("TE: trailers", ("te", "trailers"), Refused(200)),
    ]
}

/// Bodies (section 8.1.1), on a route that passes them through.
#[expect(clippy::too_many_lines, reason = "a table")]
fn bodies() -> Vec<Row> {
    let malformed = Stream(PROTOCOL_ERROR);
    let post = |length: &'static str| {
        let mut fields = get("/site").to_vec();
        fields[0].1 = "POST";
        fields.push(("content-length", length));
        frame(HEADERS, END_HEADERS, 3, &literals(&fields))
    };
    let trailers = |flags: u8, fields: &[(&str, &str)]| {
        frame(HEADERS, END_HEADERS | flags, 3, &literals(fields))
    };
    let body = |flags: u8, text: &[u8]| frame(DATA, flags, 3, text);
    vec![
        row(
            "a longer body",
            [post("3"), body(END_STREAM, b"12345")].concat(),
            malformed,
        ),
        row(
            "a shorter body",
            [post("9"), body(END_STREAM, b"12345")].concat(),
            malformed,
        ),
        row(
            "a shorter body with trailers",
            [
                post("9"),
                body(0, b"1"),
                trailers(END_STREAM, &[("x", "y")]),
            ]
            .concat(),
            malformed,
        ),
        row(
            "more padding than body",
            [post("9"), frame(DATA, PADDED, 3, &[9, 1])].concat(),
            Connection(PROTOCOL_ERROR),
        ),
        row(
            "trailers that are not the end",
            [post("1"), body(0, b"1"), trailers(0, &[("x", "y")])].concat(),
            malformed,
        ),
        row(
            "a pseudo-header in trailers",
            [
                post("1"),
                body(0, b"1"),
                trailers(END_STREAM, &[(":path", "/")]),
            ]
            .concat(),
            // Malformed, says section 8.1. h2 drops it, so that nobody else sees it.
            Refused(200),
        ),
        row(
            "trailers",
            [
                post("1"),
                body(0, b"1"),
                trailers(END_STREAM, &[("x", "y")]),
            ]
            .concat(),
            Refused(200),
        ),
    ]
}

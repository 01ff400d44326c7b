//! Request lines, versions, and what is not HTTP at all.

use super::table::Expect::{Closed, Status, Stream};
use super::table::{Row, row};

const HEADERS: &str = "Host: gateway\r\nAccept: text/event-stream\r\n\r\n";

pub(super) fn rows() -> Vec<Row> {
    methods()
        .into_iter()
        .chain(versions())
        .chain(noise())
        .collect()
}

fn methods() -> Vec<Row> {
    let with = |name, line: &str, status| row(name, format!("{line}\r\n{HEADERS}"), Status(status));
    vec![
        with("a method in small letters", "get /s/a HTTP/1.1", 405),
        with("a method of one's own", "BREW /s/a HTTP/1.1", 405),
        with("DELETE", "DELETE /s/a HTTP/1.1", 405),
        with("TRACE", "TRACE /s/a HTTP/1.1", 405),
        with(
            "DELETE where only streams are",
            "DELETE /only/a HTTP/1.1",
            405,
        ),
        with("a method with NUL", "GE\0T /s/a HTTP/1.1", 400),
        with("a method with a bracket", "GET( /s/a HTTP/1.1", 400),
        with("no method", " /s/a HTTP/1.1", 400),
        with("two spaces", "GET  /s/a  HTTP/1.1", 400),
        with("a tab", "GET\t/s/a HTTP/1.1", 400),
        with("a word more", "GET /s/a evil HTTP/1.1", 400),
        with("a space behind the version", "GET /s/a HTTP/1.1 ", 400),
    ]
}

fn versions() -> Vec<Row> {
    let with = |name, line: &str, expect| row(name, format!("{line}\r\n{HEADERS}"), expect);
    vec![
        row("HTTP/0.9", "GET /s/a\r\n\r\n", Status(400)),
        with("no version", "GET /s/a", Status(400)),
        with("HTTP/1.2", "GET /s/a HTTP/1.2", Status(400)),
        with("HTTP/2.0", "GET /s/a HTTP/2.0", Status(400)),
        with("HTTP/11.1", "GET /s/a HTTP/11.1", Status(400)),
        with(
            "a version in small letters",
            "GET /s/a http/1.1",
            Status(400),
        ),
        with("ICY", "GET /s/a ICY", Status(400)),
        row(
            "the HTTP/2 preface",
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0",
            Closed,
        ),
        row(
            "empty lines first",
            format!("\r\n\r\n\r\nGET /s/a HTTP/1.1\r\n{HEADERS}"),
            Stream,
        ),
        row(
            "a space first",
            format!(" GET /s/a HTTP/1.1\r\n{HEADERS}"),
            Status(400),
        ),
        row(
            "a BOM first",
            format!("\u{feff}GET /s/a HTTP/1.1\r\n{HEADERS}"),
            Status(400),
        ),
    ]
}

fn noise() -> Vec<Row> {
    let hello =
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\x9a\x7f\x00\x01\x13\x02\x13\x03\r\n\r\n";
    let odd = |name, bytes: &[u8]| row(name, bytes, Status(400));
    vec![
        odd("a TLS ClientHello", hello),
        odd("a SOCKS greeting", b"\x05\x01\x00\r\n\r\n"),
        odd("NULs", &[0; 200]),
        odd("bytes beyond ASCII", &[0xff; 200]),
        odd("an SSH greeting", b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n\r\n"),
        odd("a mail greeting", b"EHLO evil\r\nMAIL FROM:<evil>\r\n\r\n"),
        odd("an answer", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
        odd(
            "the PROXY protocol",
            b"PROXY TCP4 6.6.6.6 127.0.0.1 1 80\r\nGET /s/a HTTP/1.1\r\n\r\n",
        ),
        odd(
            "the PROXY protocol in bytes",
            b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\x06\x06\x06\x06\r\n\r\n",
        ),
        odd(
            "a WebSocket frame",
            b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58\r\n\r\n",
        ),
        odd("an event stream", b"data: x\n\ndata: y\n\n"),
    ]
}

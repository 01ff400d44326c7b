//! C1: where a request ends. Behind each stands a second one that must never be taken for one.

use super::table::Expect::{Status, Stream};
use super::table::{Row, row, smuggling};

const REFUSED: [(&str, &str, &str); 31] = [
    ("a length", "Content-Length: 5\r\n", "hello"),
    (
        "a length that covers the second",
        "Content-Length: 200\r\n",
        "",
    ),
    ("a signed length", "Content-Length: +5\r\n", "hello"),
    ("a negative length", "Content-Length: -1\r\n", ""),
    ("a list of lengths", "Content-Length: 5, 5\r\n", "hello"),
    (
        "a length twice",
        "Content-Length: 5\r\nContent-Length: 5\r\n",
        "hello",
    ),
    (
        "two lengths",
        "Content-Length: 5\r\nContent-Length: 6\r\n",
        "hello",
    ),
    (
        "no length and a length",
        "Content-Length: 0\r\nContent-Length: 5\r\n",
        "hello",
    ),
    ("an empty length", "Content-Length:\r\n", ""),
    ("a hexadecimal length", "Content-Length: 0x5\r\n", "hello"),
    (
        "a length beyond 64 bits",
        "Content-Length: 99999999999999999999999\r\n",
        "",
    ),
    (
        "a length with a fraction",
        "Content-Length: 5.0\r\n",
        "hello",
    ),
    (
        "a length with a thousands mark",
        "Content-Length: 1_0\r\n",
        "hello",
    ),
    (
        "a length and chunks",
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "0\r\n\r\n",
    ),
    (
        "chunks and a length",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        "0\r\n\r\n",
    ),
    ("chunks", "Transfer-Encoding: chunked\r\n", "0\r\n\r\n"),
    ("xchunked", "Transfer-Encoding: xchunked\r\n", "0\r\n\r\n"),
    (
        "a space before the colon",
        "Transfer-Encoding : chunked\r\n",
        "0\r\n\r\n",
    ),
    (
        "a tab before the value",
        "Transfer-Encoding:\tchunked\r\n",
        "0\r\n\r\n",
    ),
    (
        "a vertical tab before the value",
        "Transfer-Encoding: \x0bchunked\r\n",
        "0\r\n\r\n",
    ),
    (
        "chunked twice",
        "Transfer-Encoding: chunked, chunked\r\n",
        "0\r\n\r\n",
    ),
    (
        "chunks, then identity",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
        "0\r\n\r\n",
    ),
    ("identity", "Transfer-Encoding: identity\r\n", ""),
    (
        "gzip, chunked",
        "Transfer-Encoding: gzip, chunked\r\n",
        "0\r\n\r\n",
    ),
    (
        "chunks in capitals",
        "TRANSFER-ENCODING: CHUNKED\r\n",
        "0\r\n\r\n",
    ),
    (
        "quoted chunks",
        "Transfer-Encoding: \"chunked\"\r\n",
        "0\r\n\r\n",
    ),
    (
        "a folded line",
        "Transfer-Encoding:\r\n chunked\r\n",
        "0\r\n\r\n",
    ),
    (
        "NUL in the name",
        "Transfer-Encoding\0: chunked\r\n",
        "0\r\n\r\n",
    ),
    (
        "behind a lone carriage return",
        "X: y\rTransfer-Encoding: chunked\r\n",
        "0\r\n\r\n",
    ),
    (
        "behind a lone line feed",
        "X: y\nTransfer-Encoding: chunked\r\n",
        "0\r\n\r\n",
    ),
    ("no value", "Transfer-Encoding:\r\n", "0\r\n\r\n"),
];

pub(super) fn rows() -> Vec<Row> {
    let refused = REFUSED
        .iter()
        .map(|(name, lines, body)| row(name, smuggling(lines, body), Status(400)));
    refused.chain(served()).collect()
}

#[expect(clippy::too_many_lines, reason = "a table")]
fn served() -> Vec<Row> {
    let old = "GET /s/a HTTP/1.0\r\nAccept: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n\
               0\r\n\r\n";
    let post = "POST /s/a HTTP/1.1\r\nHost: gateway\r\nContent-Length: 5\r\n\r\nhello";
    let chunked = "POST /s/a HTTP/1.1\r\nHost: gateway\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n";
    let both = "POST /s/a HTTP/1.1\r\nHost: gateway\r\nTransfer-Encoding: chunked\r\n\
                Content-Length: 3\r\n\r\n0\r\n\r\n";
    let plain = "GET /s/a HTTP/1.1\nHost: gateway\nAccept: text/event-stream\n\n";
    vec![
        row(
            "a length of nothing",
            smuggling("Content-Length: 0\r\n", ""),
            Stream,
        ),
        row(
            "a length of nothing, twice the digit",
            smuggling("Content-Length: 00\r\n", ""),
            Stream,
        ),
        row(
            "a length with an underscore",
            smuggling("Content_Length: 5\r\n", "hello"),
            Stream,
        ),
        row(
            "chunks with an underscore",
            smuggling("Transfer_Encoding: chunked\r\n", ""),
            Stream,
        ),
        row("pipelined behind a stream", smuggling("", ""), Stream),
        row("only line feeds", plain, Stream),
        row("chunks in HTTP/1.0", old, Status(400)),
        row("a POST", post, Status(405)),
        row("a POST with a broken chunk", chunked, Status(405)),
        // hyper drops the length and keeps the chunks, so that one framing is left to judge; nothing
        // is passed through, and the connection is closed. A subscription is refused for either.
        row("a POST with both framings", both, Status(405)),
        row("Expect", smuggling("Expect: 100-continue\r\n", ""), Stream),
        row(
            "an unknown Expect",
            smuggling("Expect: the-unexpected\r\n", ""),
            Stream,
        ),
        row(
            "an h2c upgrade",
            smuggling(
                "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n",
                "",
            ),
            Stream,
        ),
        row(
            "a WebSocket upgrade",
            smuggling("Connection: Upgrade\r\nUpgrade: websocket\r\n", ""),
            Stream,
        ),
        row(
            "a hop-by-hop trick",
            smuggling("Connection: X-Tenant, Host\r\nX-Tenant: t\r\n", ""),
            Stream,
        ),
        row(
            "TE: trailers",
            smuggling("TE: trailers\r\nTrailer: X\r\n", ""),
            Stream,
        ),
    ]
}

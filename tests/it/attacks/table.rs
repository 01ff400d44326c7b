//! What a row of the table is, and how rows are written.

/// What a request must get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expect {
    /// This status; where it says that the rest can not be trusted, a closed connection too.
    Status(u16),
    /// No answer but a closed connection.
    Closed,
    /// An event stream.
    Stream,
    /// An event stream that begins with a gap: the place was not understood.
    Gap,
}

use Expect::{Gap, Status, Stream};

/// One request.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) name: &'static str,
    pub(super) bytes: Vec<u8>,
    pub(super) expect: Expect,
}

/// What stands behind each request that carries a body: must never be answered, nor reach anybody.
pub(super) const SMUGGLED: &str = "GET /s/smuggled HTTP/1.1\r\nHost: gateway\r\nX-Smuggled: 1\r\nAccept: text/event-stream\r\n\r\n";

const ACCEPT: &[u8] = b"Accept: text/event-stream\r\n";

pub(super) fn row(name: &'static str, bytes: impl Into<Vec<u8>>, expect: Expect) -> Row {
    Row {
        name,
        bytes: bytes.into(),
        expect,
    }
}

/// A subscription with these header lines (raw, each with its own end).
pub(super) fn headers(lines: impl AsRef<[u8]>) -> Vec<u8> {
    let lines = lines.as_ref();
    [
        b"GET /s/a HTTP/1.1\r\nHost: gateway\r\n",
        ACCEPT,
        lines,
        b"\r\n",
    ]
    .concat()
}

/// Likewise with a second request behind it.
pub(super) fn smuggling(lines: &str, body: &str) -> Vec<u8> {
    [&headers(lines), body.as_bytes(), SMUGGLED.as_bytes()].concat()
}

/// A subscription to this target.
pub(super) fn target(target: impl AsRef<[u8]>) -> Vec<u8> {
    let line = [b"GET ", target.as_ref(), b" HTTP/1.1\r\n"].concat();
    [&line, b"Host: gateway\r\n".as_slice(), ACCEPT, b"\r\n"].concat()
}

/// A subscription with these Host lines instead of a proper one.
pub(super) fn hosts(lines: impl AsRef<[u8]>) -> Vec<u8> {
    let lines = lines.as_ref();
    [b"GET /s/a HTTP/1.1\r\n", lines, ACCEPT, b"\r\n"].concat()
}

/// Every row.
pub(super) fn all() -> Vec<Row> {
    let parts = [
        super::framing::rows(),
        hosts_and_forms(),
        super::targets::rows(),
        super::heads::rows(),
        super::lines::rows(),
    ];
    parts.into_iter().flatten().collect()
}

/// C2: which host, and how it is named.
#[expect(clippy::too_many_lines, reason = "a table")]
fn hosts_and_forms() -> Vec<Row> {
    let absolute = |url: &str| target(url);
    vec![
        row("no host", hosts(""), Status(400)),
        row(
            "two equal hosts",
            hosts("Host: gateway\r\nHost: gateway\r\n"),
            Status(400),
        ),
        row(
            "two hosts",
            hosts("Host: gateway\r\nHost: evil\r\n"),
            Status(400),
        ),
        row("an empty host", hosts("Host:\r\n"), Status(400)),
        row("a host with a space", hosts("Host: a b\r\n"), Status(400)),
        row(
            "a host with a path",
            hosts("Host: gateway/x\r\n"),
            Status(400),
        ),
        row(
            "a host with a user",
            hosts("Host: me@gateway\r\n"),
            Status(400),
        ),
        row(
            "a list of hosts",
            hosts("Host: gateway, evil\r\n"),
            Status(400),
        ),
        row(
            "a port too large",
            hosts("Host: gateway:65536\r\n"),
            Status(400),
        ),
        row(
            "a port in words",
            hosts("Host: gateway:http\r\n"),
            Status(400),
        ),
        row("a bracket left open", hosts("Host: [::1\r\n"), Status(400)),
        row(
            "a host beyond ASCII",
            hosts(b"Host: g\xc3\xa4teway\r\n"),
            Status(400),
        ),
        row("an encoded host", hosts("Host: %67ateway\r\n"), Status(400)),
        row("a host with NUL", hosts("Host: gate\0way\r\n"), Status(400)),
        row("a host in capitals", hosts("HOST: GATEWAY\r\n"), Stream),
        row("an IPv6 host", hosts("Host: [::1]:80\r\n"), Stream),
        row(
            "HTTP/1.0 without host",
            "GET /s/a HTTP/1.0\r\nAccept: text/event-stream\r\n\r\n",
            Stream,
        ),
        row(
            "absolute form, same host",
            absolute("http://gateway/s/a"),
            Stream,
        ),
        row(
            "absolute form, default port",
            absolute("http://GATEWAY:80/s/a"),
            Stream,
        ),
        row(
            "absolute form, other host",
            absolute("http://evil/s/a"),
            Status(421),
        ),
        row(
            "absolute form, other port",
            absolute("http://gateway:81/s/a"),
            Status(421),
        ),
        row(
            "absolute form with a user",
            absolute("http://me@gateway/s/a"),
            Status(400),
        ),
        row(
            "absolute form, other scheme",
            absolute("ftp://gateway/s/a"),
            Status(400),
        ),
        row(
            "absolute form of a file",
            absolute("file:///etc/passwd"),
            Status(400),
        ),
        row("authority form", absolute("gateway:80"), Status(400)),
        row(
            "CONNECT",
            "CONNECT gateway:80 HTTP/1.1\r\nHost: gateway:80\r\n\r\n",
            Status(405),
        ),
        row("asterisk form", absolute("*"), Status(400)),
        row(
            "OPTIONS *",
            "OPTIONS * HTTP/1.1\r\nHost: gateway\r\n\r\n",
            Status(204),
        ),
        row(
            "another host in X-Forwarded-Host",
            headers("X-Forwarded-Host: evil\r\n"),
            Stream,
        ),
        row(
            "a path in X-Original-URL",
            headers("X-Original-URL: /s/smuggled\r\n"),
            Stream,
        ),
        row(
            "a gap for an odd place",
            headers(b"Last-Event-ID: \xff\xfe\r\n"),
            Gap,
        ),
    ]
}

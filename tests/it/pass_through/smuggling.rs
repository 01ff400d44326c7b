//! Requests that two servers would read in two ways: refused on a route that passes everything
//! through, or told anew, and never two where the client wrote one (`trust.md` C1, C2, K2).

use super::SITE;
use crate::support::{Client, Exchange, Upstream, Way};
use rstest::rstest;

const LINE: &str = "POST /x HTTP/1.1\r\nHost: a\r\n";
/// A second request, hidden where a body should be.
const HIDDEN: &str = "GET /hidden HTTP/1.1\r\nHost: a\r\n\r\n";

#[expect(clippy::too_many_lines, reason = "a table")]
fn rows() -> Vec<(String, &'static [u16])> {
    let row = |headers: &str, body: &str| format!("{LINE}{headers}\r\n\r\n{body}");
    let both = format!("0\r\n\r\n{HIDDEN}");
    vec![
        // RFC 9112 6.3: the chunks count, the length does not pass, and the connection ends.
        (
            row("Content-Length: 6\r\nTransfer-Encoding: chunked", &both),
            &[200],
        ),
        (
            row("Transfer-Encoding: chunked\r\nContent-Length: 6", &both),
            &[200],
        ),
        (row("Transfer-Encoding: xchunked", &both), &[400]),
        (row("Transfer-Encoding : chunked", &both), &[400]),
        (row("Transfer-Encoding: chunked, identity", &both), &[400]),
        (row("Transfer-Encoding: identity, chunked", &both), &[400]),
        (row("Transfer-Encoding:\u{b}chunked", &both), &[400]),
        (row("Content-Length: +5", "12345"), &[400]),
        (row("Content-Length: 5, 5", "12345"), &[400]),
        (
            row("Content-Length: 5\r\nContent-Length: 6", "12345"),
            &[400],
        ),
        (
            row("Content-Length: 5\r\nContent-Length: 5", "12345"),
            &[200, 400],
        ),
        (row("Content-Length: -1", ""), &[400]),
        (row("Content-Length: 0x5", "12345"), &[400]),
        (row("Content-Length: 5\r\n folded", "12345"), &[400]),
        (row("Content-Length: 0\r\n\r", HIDDEN), &[400]),
        (
            "POST /x HTTP/1.1\r\nHost: a\r\nHost: b\r\nContent-Length: 0\r\n\r\n".to_owned(),
            &[400],
        ),
        (
            "POST /x HTTP/1.1\r\nContent-Length: 0\r\n\r\n".to_owned(),
            &[400],
        ),
        (
            "POST http://b/x HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n".to_owned(),
            &[421],
        ),
        (
            "CONNECT b:80 HTTP/1.1\r\nHost: b:80\r\n\r\n".to_owned(),
            &[405],
        ),
        ("TRACE /x HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(), &[405]),
        ("GET /x HTTP/1.1\r\nHost: a b\r\n\r\n".to_owned(), &[400]),
        ("GET /x HTTP/1.1\r\nHost: u@a\r\n\r\n".to_owned(), &[400]),
        (
            "POST /x HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".to_owned(),
            &[400],
        ),
        (row("X: a\0b\r\nContent-Length: 0", ""), &[400]),
        (row("X: a\rY: b\r\nContent-Length: 0", ""), &[400]),
        (
            row("Transfer-Encoding: chunked", "5\r\n12345\r\n0\r\n\r\n"),
            &[200],
        ),
        (
            row(
                "Transfer-Encoding: chunked",
                &format!("0;ext={}\r\n\r\n", "x"),
            ),
            &[200],
        ),
        (row("Content-Length: 5", "12345"), &[200]),
    ]
}

#[rstest]
fn none_of_28_ambiguous_requests_becomes_two(#[values(Way::Plain, Way::Tls)] way: Way) {
    let upstream = Upstream::start(|mut exchange: Exchange| {
        exchange.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok");
        exchange.hold();
    });
    let gateway = way.start(&SITE.replace("query", "mode = \"proxy\"\nquery"), &upstream);
    let rows = rows();
    assert_eq!(rows.len(), 28);
    for (request, statuses) in rows {
        let before = upstream.requests().len();
        let mut client = Client::raw(gateway.address());
        client.send(&request);
        let status = client.try_status().unwrap_or_default();
        assert!(statuses.contains(&status), "{status}: {request:?}");
        let seen = upstream.requests();
        let expected = usize::from(status == 200);
        assert_eq!(seen.len() - before, expected, "{request:?}");
        let hidden = seen.iter().any(|head| head.contains("/hidden"));
        assert!(!hidden, "{request:?}");
        let chunked = seen.iter().filter(|head| head.contains("chunked"));
        for head in chunked {
            let is_sized = head.to_ascii_lowercase().contains("content-length");
            assert!(!is_sized, "{head}");
        }
    }
}

//! Answers that are no stream, against the real program: told or held, and never fanned out.

use super::modes::{State, check, say};
use crate::support::Exchange;

const BROKE: &str = "the upstream's connection broke";
const TWO_LENGTHS: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\
                           Content-Length: 5\r\nContent-Length: 6\r\n\r\ndata: x\n\n";
const LOGIN: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n\
                     <form>Password <input type=password></form>";

#[track_caller]
fn held(answer: &str, reason: &str, words: &str) {
    let text = answer.to_owned();
    check(answer, move |e| say(e, &text), State::Held, reason, words);
}

#[track_caller]
fn told(answer: &'static str, status: u16, reason: &str, words: &str) {
    let script = move |mut exchange: Exchange| exchange.send(answer);
    check(answer, script, State::Told(status), reason, words);
}

#[test]
fn a_head_that_is_none_is_held() {
    held("SSH-2.0-OpenSSH_9.2\r\n\r\n", "reset", BROKE);
    held(TWO_LENGTHS, "reset", BROKE);
    let large = format!("HTTP/1.1 200 OK\r\nX-A: {}", "x".repeat(64 << 10));
    held(&large, "reset", BROKE);
    check("reset", Exchange::reset, State::Held, "reset", BROKE);
    check("end", drop, State::Held, "eof", BROKE);
}

#[test]
fn a_status_is_told_or_held() {
    let no_body = "Content-Length: 0\r\n\r\n";
    told("HTTP/1.1 204 No\r\n\r\n", 204, "status", "answered 204");
    let gone = "HTTP/1.1 410 Gone\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n";
    told(gone, 410, "status", "answered with status 410");
    for status in [500, 206, 304] {
        let words = format!("answered with status {status}");
        held(
            &format!("HTTP/1.1 {status} X\r\n{no_body}"),
            "status",
            &words,
        );
    }
    for to in ["/faulty", "file:///etc/passwd", "gopher://127.0.0.1/"] {
        let moved = format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\n{no_body}");
        held(&moved, "redirect", "redirect is not followed");
    }
}

#[test]
fn a_body_that_can_not_be_read_is_told_or_held() {
    told(LOGIN, 502, "content_type", "a login page");
    let stream = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream";
    let br = format!("{stream}\r\nContent-Encoding: br\r\n\r\n");
    held(&br, "encoding", "it is compressed");
    let klingon = format!("{stream}; charset=klingon\r\n\r\n");
    held(&klingon, "encoding", "`klingon` is not known");
}

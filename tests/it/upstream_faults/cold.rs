//! A topic that has never been live: held, or told the upstream's own word.

use rstest::rstest;

use super::{Bystander, assert_counted, by, errors, faulty, reason_of};
use crate::support::{Exchange, Gateway, Get, Upstream, Way};

fn say(text: &'static str) -> impl Fn(Exchange) + Send + Sync + 'static {
    move |mut exchange: Exchange| exchange.send(text)
}

/// Held: 200, a comment with the reason, and the upstream is asked again.
#[track_caller]
fn assert_held(way: Way, script: impl Fn(Exchange) + Send + Sync + 'static, reason: &str) {
    let upstream = faulty(script);
    let gateway = by(way, &upstream, "");
    let mut bystander = Bystander::of(&gateway, &upstream);
    let mut client = Get::new("/faulty").stream(gateway.address());
    assert_eq!(client.status, 200, "{}", client.head);
    assert_eq!(reason_of(&mut client), reason);
    assert_counted(&gateway, &upstream, reason);
    crate::support::eventually("it is asked again", || {
        errors(&gateway, &upstream, reason) >= 2.0
    });
    bystander.assert_served(&upstream);
}

/// Mirrored: this status, to the first and, without asking again, to the next.
#[track_caller]
fn assert_mirrored(way: Way, answer: &'static str, status: u16, reason: &str) -> String {
    let upstream = faulty(say(answer));
    let gateway = by(way, &upstream, "");
    let mut bystander = Bystander::of(&gateway, &upstream);
    let mut client = Get::new("/faulty").stream(gateway.address());
    assert_eq!(client.status, status, "{}", client.head);
    assert_eq!(client.header("set-cookie"), None);
    let body = client.body();
    assert_counted(&gateway, &upstream, reason);
    let again = Get::new("/faulty").stream(gateway.address());
    assert_eq!(again.status, status);
    assert_eq!(
        errors(&gateway, &upstream, reason),
        1.0,
        "the answer is remembered"
    );
    bystander.assert_served(&upstream);
    body
}

#[rstest]
fn a_status_that_passes_is_held(#[values(Way::Plain, Way::H2)] way: Way) {
    for head in [
        "HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 502 Bad\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 503 Busy\r\nRetry-After: 9999\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 429 Slow\r\nContent-Length: 0\r\n\r\n",
    ] {
        assert_held(way, say(head), "status");
    }
}

#[rstest]
fn a_hang_after_the_connect_is_held(#[values(Way::Plain, Way::H2)] way: Way) {
    assert_held(way, Exchange::hold, "timeout");
}

#[rstest]
fn a_connection_that_is_cut_before_the_head_is_held(#[values(Way::Plain, Way::H2)] way: Way) {
    assert_held(way, Exchange::reset, "reset");
    assert_held(way, drop, "eof");
}

#[rstest]
fn a_redirect_that_leads_nowhere_is_held(#[values(Way::Plain, Way::H2)] way: Way) {
    for to in ["/faulty", "file:///etc/passwd", "https:///", "//"] {
        let head = format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n");
        assert_held(way, move |mut exchange| exchange.send(&head), "redirect");
    }
}

#[rstest]
fn a_coding_that_is_not_decoded_is_held(#[values(Way::Plain, Way::H2)] way: Way) {
    let br = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Encoding: br\r\n\r\n";
    assert_held(way, say(br), "encoding");
}

#[test]
fn an_upstream_that_refuses_is_held_and_one_that_comes_back_streams() {
    let upstream = Upstream::live();
    upstream.kill();
    let gateway = Gateway::route(&upstream, "");
    let mut client = gateway.subscribe();
    assert_eq!(reason_of(&mut client), "connect");
    assert_counted(&gateway, &upstream, "connect");
    upstream.revive();
    upstream.wait_for_streams(1);
    upstream.emit("data: back\n\n");
    assert_eq!(client.next_event().data, "back");
}

#[test]
fn a_name_that_does_not_resolve_is_held() {
    let upstream = Upstream::live();
    let route = "[[route]]\npath = \"/events\"\nupstream = \"http://nowhere.invalid/\"\n";
    let gateway = Gateway::start(route, &upstream);
    let mut client = gateway.subscribe();
    let reason = reason_of(&mut client);
    // A machine without any resolver takes its time instead.
    assert!(reason == "dns" || reason == "timeout", "{reason}");
}

#[rstest]
fn trouble_is_told_by_a_status_where_the_route_says_so(#[values(Way::Plain, Way::H2)] way: Way) {
    let cases: [(fn(Exchange), u16); 3] = [
        (
            |mut exchange| exchange.send("HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n"),
            502,
        ),
        (|exchange| exchange.reset(), 502),
        (Exchange::hold, 504),
    ];
    for (script, status) in cases {
        let upstream = faulty(script);
        let gateway = by(way, &upstream, "on_upstream_error = \"mirror\"");
        let client = Get::new("/faulty").stream(gateway.address());
        assert_eq!(client.status, status);
    }
}

#[rstest]
fn the_upstreams_own_refusal_is_mirrored_and_remembered(#[values(Way::Plain, Way::H2)] way: Way) {
    for (status, head) in [
        (
            401,
            "HTTP/1.1 401 No\r\nWWW-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n",
        ),
        (
            403,
            "HTTP/1.1 403 No\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n",
        ),
        (404, "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n"),
        (410, "HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n"),
        (418, "HTTP/1.1 418 Teapot\r\nContent-Length: 0\r\n\r\n"),
        (204, "HTTP/1.1 204 No Content\r\n\r\n"),
    ] {
        assert_mirrored(way, head, status, "status");
    }
}

#[rstest]
fn what_is_no_event_stream_is_a_502_that_names_the_likely_cause(
    #[values(Way::Plain, Way::H2)] way: Way,
) {
    for (answer, cause) in [
        (
            "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<form>Password</form>",
            "a login page",
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n\u{feff}data: x\n\n",
            "byte-order mark",
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{}",
            "JSON",
        ),
        (
            "HTTP/1.1 200 OK\r\n\r\ndata: x\n\n",
            "only the header is missing",
        ),
    ] {
        let body = assert_mirrored(way, answer, 502, "content_type");
        assert!(body.contains(cause), "{body}");
    }
}

//! Requests as HTTP/2 has them: each means what it means in HTTP/1.1.

use rstest::rstest;

use super::{Stage, toml};
use crate::support::h2::{DATA, END_HEADERS, END_STREAM, HEADERS, frame, get};
use crate::support::{Get, H2, Upstream, Way, hpack};

const ACCEPT: (&str, &str) = ("accept", "text/event-stream");
const ONLY: &str = "mode = \"sse\"\nheaders = [\"cookie\", \"x-tenant\"]";

/// Asks by this method for `/events/a`, and what is answered.
#[track_caller]
fn ask(h2: &mut H2, method: &str) -> (Option<u16>, String) {
    let mut fields = [&get("/events/a")[..], &[ACCEPT]].concat();
    fields[0].1 = method;
    let stream = h2.ask(&fields);
    let status = h2.status(stream);
    h2.wait("it is over", |h2| h2.answer(stream).is_over);
    assert_eq!(h2.answer(stream).reset, None);
    (status, h2.answer(stream).body.clone())
}

#[rstest]
fn methods_are_answered_as_ever(#[values(Way::Plain, Way::Tls)] way: Way) {
    let stage = Stage::by(way, "", ONLY);
    let mut h2 = stage.connect();
    assert_eq!(ask(&mut h2, "HEAD"), (Some(200), String::new()));
    assert_eq!(ask(&mut h2, "OPTIONS"), (Some(204), String::new()));
    for method in ["POST", "DELETE", "TRACE", "QUERY"] {
        assert_eq!(ask(&mut h2, method).0, Some(405), "{method}");
    }
    assert!(stage.upstream.requests().is_empty());
    h2.subscribed("/events/a");
    assert_eq!(h2.goaway, None);
}

#[test]
fn nobody_gets_a_tunnel() {
    let stage = Stage::new("", "");
    let mut h2 = stage.connect();
    let connect = [(":method", "CONNECT"), (":authority", "127.0.0.1:22")];
    let stream = h2.ask(&connect);
    assert_eq!(h2.status(stream), Some(405));
    // An extended one (RFC 8441), which has not been offered.
    let mut fields = [&get("/events/a")[..], &[(":protocol", "websocket")]].concat();
    fields[0].1 = "CONNECT";
    let stream = h2.ask(&fields);
    let status = h2.status(stream);
    assert!(matches!(status, None | Some(405)), "{status:?}");
    h2.subscribed("/events/a");
    assert_eq!(stage.upstream.requests().len(), 1);
}

#[rstest]
#[case::with_a_length(Some("5"), b"hello")]
#[case::without_one(None, b"hello")]
#[case::empty_and_late(None, b"")]
fn a_request_for_a_stream_has_no_body(#[case] length: Option<&str>, #[case] body: &[u8]) {
    let stage = Stage::new("", ONLY);
    let mut h2 = stage.connect();
    let mut fields = [&get("/events/a")[..], &[ACCEPT]].concat();
    fields.extend(length.map(|length| ("content-length", length)));
    let stream = h2.open();
    h2.send(frame(
        HEADERS,
        END_HEADERS,
        stream,
        &hpack::literals(&fields),
    ));
    h2.send(frame(DATA, END_STREAM, stream, body));
    assert_eq!(h2.status(stream), Some(400));
    assert_eq!(stage.rejects("bad_request"), 1.0);
    assert!(stage.upstream.requests().is_empty());
    h2.subscribed("/events/a");
}

/// `:authority`, and `Host` beside it or in its place.
#[rstest]
#[case(Some("a.example"), &["a.example"], 200)]
#[case(Some("a.example"), &["A.example:80"], 200)]
#[case(None, &["a.example"], 200)]
#[case(Some("a.example"), &["b.example"], 421)]
#[case(Some("a.example"), &["a.example:81"], 421)]
#[case(Some("a.example"), &["a.example", "a.example"], 400)]
#[case(Some("a.example"), &["a b"], 400)]
#[case(Some("user@a.example"), &[], 400)]
#[case(None, &[], 400)]
#[case(None, &["a.example", "b.example"], 400)]
fn there_is_one_host(
    #[case] authority: Option<&str>,
    #[case] hosts: &[&str],
    #[case] expected: u16,
) {
    let stage = Stage::new("", ONLY);
    let mut h2 = stage.connect();
    let [method, scheme, _, path] = get("/events/a");
    let mut fields = vec![method, scheme, path];
    fields.extend(authority.map(|name| (":authority", name)));
    fields.extend(hosts.iter().map(|host| ("host", *host)));
    let stream = h2.ask(&fields);
    assert_eq!(h2.status(stream), Some(expected));
    assert_eq!(
        stage.upstream.requests().len(),
        usize::from(expected == 200)
    );
    h2.subscribed("/events/a");
}

/// Browsers send their cookies in crumbs; the topic is that of who sends one line.
#[test]
fn cookies_are_one_line_for_the_topic_and_the_upstream() {
    let stage = Stage::new("", ONLY);
    let mut h2 = stage.connect();
    let crumbs = [
        ("cookie", "a=1"),
        ("x-tenant", "t"),
        ("cookie", "b=2; c=3"),
        ("cookie", "d=4"),
    ];
    let stream = h2.ask(&[&get("/events/a")[..], &crumbs].concat());
    assert_eq!(h2.status(stream), Some(200));
    let old = Get::new("/events/a")
        .header("Cookie", "a=1; b=2; c=3; d=4")
        .header("X-Tenant", "t")
        .stream(stage.gateway.address());
    assert_eq!(old.status, 200);
    let requests = stage.upstream.requests();
    assert_eq!(requests.len(), 1);
    let head = requests[0].to_lowercase();
    assert!(
        head.contains("\r\ncookie: a=1; b=2; c=3; d=4\r\n"),
        "{head}"
    );
    assert_eq!(head.matches("cookie").count(), 1);
}

#[test]
fn what_is_not_declared_reaches_no_shared_upstream() {
    let stage = Stage::new("", ONLY);
    let mut h2 = stage.connect();
    let odd = [
        ("x-real-ip", "1.2.3.4"),
        ("forwarded", "for=1.2.3.4"),
        ("x_tenant", "smuggled"),
        ("http2-settings", "AAMAAABk"),
        ("te", "trailers"),
        ("last-event-id", "client's"),
        ("expect", "100-continue"),
    ];
    let stream = h2.ask(&[&get("/events/a")[..], &odd].concat());
    assert_eq!(h2.status(stream), Some(200));
    let head = stage.upstream.requests()[0].to_lowercase();
    assert!(head.starts_with("get /events/a http/1.1\r\n"), "{head}");
    for word in [
        "1.2.3.4",
        "smuggled",
        "http2",
        "\r\nte:",
        "client's",
        "100-continue",
        ":path",
    ] {
        assert!(!head.contains(word), "{word} in {head}");
    }
}

/// A body, its trailers, and the answer, of a request that is passed through.
#[rstest]
fn an_ordinary_request_is_passed_through_as_one_request(
    #[values(Way::Plain, Way::Tls)] way: Way,
    #[values(false, true)] has_trailers: bool,
) {
    let upstream = Upstream::start(|mut exchange| {
        exchange.expect_bytes("5\r\nhello\r\n5\r\nagain\r\n0\r\n");
        exchange.send("HTTP/1.1 201 Created\r\nContent-Length: 4\r\n\r\ndone");
    });
    let site = "[[route]]\npath = \"/site\"\nmode = \"proxy\"\nupstream = \"{upstream}/site\"\n";
    let stage = Stage::before(upstream, way, &toml("", site));
    let mut h2 = stage.connect();
    let stream = h2.open();
    let mut fields = get("/site");
    fields[0].1 = "POST";
    h2.send(frame(
        HEADERS,
        END_HEADERS,
        stream,
        &hpack::literals(&fields),
    ));
    h2.send(frame(DATA, 0, stream, b"hello"));
    h2.listen(std::time::Duration::from_millis(50));
    if has_trailers {
        h2.send(frame(DATA, 0, stream, b"again"));
        let trailers = hpack::literals(&[("x-sum", "1"), ("content-length", "9")]);
        h2.send(frame(HEADERS, END_HEADERS | END_STREAM, stream, &trailers));
    } else {
        h2.send(frame(DATA, END_STREAM, stream, b"again"));
    }
    assert_eq!(h2.status(stream), Some(201));
    h2.wait("it is over", |h2| h2.answer(stream).is_over);
    assert_eq!(h2.answer(stream).body, "done");
    assert_eq!(stage.upstream.requests().len(), 1);
}

//! Headers on their way through, as text.

use http::{HeaderMap, HeaderName, HeaderValue, Version};

use super::headers::{self, Client};
use crate::edge::client::Peer;

fn map(lines: &[(&str, &str)]) -> HeaderMap {
    let pair = |(name, value): &(&str, &str)| {
        let name: HeaderName = name.parse().unwrap();
        (name, HeaderValue::from_bytes(value.as_bytes()).unwrap())
    };
    lines.iter().map(pair).collect()
}

fn text(headers: &HeaderMap) -> String {
    let line = |(name, value): (&HeaderName, &HeaderValue)| {
        format!("{name}: {}\n", String::from_utf8_lossy(value.as_bytes()))
    };
    let mut lines: Vec<String> = headers.iter().map(line).collect();
    lines.sort();
    lines.concat()
}

fn upstream(peer: &str, is_trusted: bool, lines: &[(&str, &str)]) -> String {
    let mut headers = map(lines);
    let host = HeaderValue::from_static("shop.example:8080");
    let client = Client {
        peer: Peer::Address(peer.parse().unwrap()),
        is_trusted,
        scheme: "http",
        host: Some(&host),
    };
    headers::upstream(&mut headers, &client, Version::HTTP_11);
    text(&headers)
}

#[test]
fn what_belongs_to_one_hop_stays_there_and_the_client_is_named() {
    let seen = upstream(
        "203.0.113.9",
        false,
        &[
            ("accept", "text/html"),
            ("connection", "keep-alive, X-Private, host, content-length"),
            ("x-private", "secret"),
            ("keep-alive", "timeout=5"),
            ("proxy-connection", "keep-alive"),
            ("proxy-authorization", "Basic x"),
            ("proxy", "http://evil"),
            ("te", "trailers"),
            ("expect", "100-continue"),
            ("transfer-encoding", "chunked"),
            ("content-length", "4"),
            ("x-forwarded-for", "6.6.6.6"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-port", "443"),
            ("x-real-ip", "6.6.6.6"),
            ("forwarded", "for=6.6.6.6"),
            ("via", "1.1 edge"),
        ],
    );
    insta::assert_snapshot!(seen, @r#"
    accept: text/html
    content-length: 4
    forwarded: for=203.0.113.9;host="shop.example:8080";proto=http
    via: 1.1 edge, 1.1 fantail
    x-forwarded-for: 203.0.113.9
    x-forwarded-host: shop.example:8080
    x-forwarded-proto: http
    "#);
}

#[test]
fn what_a_trusted_proxy_says_is_kept_and_added_to() {
    let seen = upstream(
        "2001:db8::1",
        true,
        &[
            ("x-forwarded-for", "203.0.113.9"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-host", "shop.example"),
            ("x-real-ip", "203.0.113.9"),
            ("forwarded", "for=203.0.113.9;proto=https"),
        ],
    );
    insta::assert_snapshot!(seen, @r#"
    forwarded: for=203.0.113.9;proto=https, for="[2001:db8::1]";host="shop.example:8080";proto=http
    via: 1.1 fantail
    x-forwarded-for: 203.0.113.9, 2001:db8::1
    x-forwarded-host: shop.example
    x-forwarded-proto: https
    x-real-ip: 203.0.113.9
    "#);
}

#[test]
fn an_upgrade_is_asked_for_anew_but_never_one_to_http_2() {
    let with = |upgrade: &str, connection: &str| {
        let lines = [("upgrade", upgrade), ("connection", connection)];
        upstream("203.0.113.9", false, &lines).contains("upgrade")
    };
    assert!(with("websocket", "keep-alive, Upgrade"));
    assert!(!with("websocket", "keep-alive"));
    assert!(!with("h2c", "Upgrade, HTTP2-Settings"));
    assert!(!with("websocket, h2c", "Upgrade"));
    assert!(!with("HTTP/2.0", "upgrade"));
}

#[test]
fn an_answer_keeps_what_is_meant_for_the_client() {
    let mut headers = map(&[
        ("set-cookie", "a=1"),
        ("set-cookie", "b=2"),
        ("content-length", "5"),
        ("connection", "close, x-hop"),
        ("x-hop", "1"),
        ("trailer", "x"),
        ("access-control-allow-origin", "*"),
    ]);
    headers::downstream(&mut headers, None);
    insta::assert_snapshot!(text(&headers), @r"
    access-control-allow-origin: *
    content-length: 5
    set-cookie: a=1
    set-cookie: b=2
    via: 1.1 fantail
    ");
}

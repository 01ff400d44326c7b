//! `line_bytes`, `event_bytes`, `id_bytes`, `upstream_head_bytes`, `redirects`.

use super::gateway;
use crate::support::{Gateway, Get, STREAM_HEAD, Upstream, eventually};

fn errors(gateway: &Gateway, upstream: &Upstream, reason: &str) -> f64 {
    let origin = upstream.address();
    let name = "fantail_upstream_errors_total";
    gateway.metric(&format!(
        "{name}{{reason=\"{reason}\",upstream=\"http://{origin}\"}}"
    ))
}

#[test]
fn an_event_that_is_too_large_is_passed_over_and_told_as_a_gap_of_one() {
    let upstream = Upstream::live();
    let gateway = Gateway::start(
        "[limits]\nline_bytes = \"500B\"\nevent_bytes = \"1KiB\"\n\
         [[route]]\nname = \"events\"\npath = \"/{name}\"\nupstream = \"{upstream}/{name}\"\n",
        &upstream,
    );
    let mut client = Get::new("/a").stream(gateway.address());
    upstream.wait_for_streams(1);
    let line = format!("data: {}\n\n", "x".repeat(600));
    let event = format!("{}\n", format!("data: {}\n", "x".repeat(300)).repeat(5));
    for large in [line, event] {
        upstream.emit("data: before\n\n");
        upstream.emit(&large);
        upstream.emit("data: behind\n\n");
        assert_eq!(client.next_event().data, "before");
        let gap = client.next_event();
        assert_eq!(gap.name, "fantail.gap");
        assert_eq!(gap.data, r#"{"missed":1,"reason":"upstream"}"#);
        assert_eq!(client.next_event().data, "behind");
    }
    let dropped = r#"fantail_events_dropped_total{reason="oversize",route="events"}"#;
    assert_eq!(gateway.metric(dropped), 2.0);
    assert_eq!(
        upstream.requests().len(),
        1,
        "the upstream's connection lives"
    );
}

#[test]
fn an_id_that_is_too_long_is_as_if_it_were_not_there() {
    let upstream = Upstream::live();
    let gateway = gateway("id_bytes = \"16B\"", &upstream);
    let mut client = Get::new("/a").stream(gateway.address());
    upstream.wait_for_streams(1);
    upstream.emit("id: 1234567890123456\ndata: a\n\nid: 12345678901234567\ndata: b\n\n");
    assert_eq!(client.next_event().id.as_deref(), Some("1234567890123456"));
    let replaced = client.next_event().id.expect("an id of our own");
    assert!(replaced.starts_with('~'), "{replaced}");
    let mut back = Get::new("/a")
        .after("1234567890123456")
        .stream(gateway.address());
    assert_eq!(back.data(1), ["b"]);
}

#[test]
fn redirects_beyond_the_limit_are_trouble_and_those_within_it_are_followed() {
    let upstream = Upstream::start(|mut exchange| {
        let path = exchange
            .head
            .split(' ')
            .nth(1)
            .unwrap_or_default()
            .to_owned();
        let to = match path.as_str() {
            "/a" => "/a2",
            "/loop" => "/loop",
            _ => {
                exchange.send(STREAM_HEAD);
                exchange.send("data: arrived\n\n");
                return exchange.hold();
            }
        };
        let head = format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n");
        exchange.send(head);
    });
    let gateway = gateway("redirects = 1", &upstream);
    assert_eq!(
        Get::new("/a").stream(gateway.address()).data(1),
        ["arrived"]
    );
    let mut held = Get::new("/loop").stream(gateway.address());
    assert_eq!(held.status, 200);
    let words: Vec<_> = (0..3).filter_map(|_| held.line()).collect();
    assert!(words.concat().contains("(redirect)"), "{words:?}");
    eventually("it is counted", || {
        errors(&gateway, &upstream, "redirect") >= 1.0
    });
    let asked = upstream
        .requests()
        .iter()
        .filter(|r| r.contains("/loop"))
        .count();
    assert!(
        asked <= 6,
        "{asked} requests: the loop is cut and backs off"
    );
}

#[test]
fn a_head_of_the_upstream_that_is_too_long_is_trouble() {
    let upstream = Upstream::start(|mut exchange| {
        let length: usize = if exchange.head.contains("/long") {
            20 << 10
        } else {
            4 << 10
        };
        let head = STREAM_HEAD.trim_end();
        exchange.send(format!(
            "{head}\r\nX: {}\r\n\r\ndata: x\n\n",
            "x".repeat(length)
        ));
        exchange.hold();
    });
    let gateway = gateway("upstream_head_bytes = \"8KiB\"", &upstream);
    assert_eq!(Get::new("/short").stream(gateway.address()).data(1), ["x"]);
    let mut held = Get::new("/long").stream(gateway.address());
    assert_eq!(held.status, 200);
    let words: Vec<_> = (0..3).filter_map(|_| held.line()).collect();
    assert!(
        words.concat().contains("the upstream is in trouble"),
        "{words:?}"
    );
    eventually("it is counted", || {
        errors(&gateway, &upstream, "reset") >= 1.0
    });
}

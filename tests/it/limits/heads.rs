//! `head_bytes`, `uri_bytes`, `header_count`, `query_bytes`, `last_event_id_bytes`, and that each
//! lets through what is at the limit.

use super::{gateway, rejects};
use crate::support::{Get, Upstream};

const LIMITS: &str = "head_bytes = \"9KiB\"\nuri_bytes = \"100B\"\nheader_count = 10\n\
                      query_bytes = \"50B\"\nlast_event_id_bytes = \"10B\"";

#[test]
fn a_head_beyond_any_limit_is_refused_and_one_at_it_is_served() {
    let upstream = Upstream::live();
    let gateway = gateway(LIMITS, &upstream);
    let long = |length: usize| Get::new("/a").header("X", &"x".repeat(length));
    let path = |length: usize| Get::new(&format!("/a?{}", "x".repeat(length - 3)));
    let many = |count: usize| (2..count).fold(Get::new("/a"), |get, _| get.header("X", "y"));
    let query = |length: usize| Get::new(&format!("/a?{}", "x".repeat(length)));
    // The query's limit is the smaller one, so that a path has to fill the target.
    let uri = |length: usize| Get::new(&format!("/{}?{}", "a".repeat(60), "x".repeat(length - 62)));
    let cases: [(&str, Get, Get); 5] = [
        ("head_bytes", long(8 << 10), long(10 << 10)),
        ("uri_bytes", uri(100), uri(101)),
        ("header_count", many(10), many(11)),
        ("query_bytes", query(50), query(51)),
        ("uri_bytes and query_bytes", path(50), path(200)),
    ];
    for (number, (limit, good, bad)) in cases.into_iter().enumerate() {
        assert_eq!(good.stream(gateway.address()).status, 200, "{limit}");
        let mut refused = bad.stream(gateway.address());
        assert_eq!(refused.status, 431, "{limit}");
        drop(refused.body());
        assert!(refused.is_ended(), "{limit}");
        assert_eq!(rejects(&gateway, "head"), (number + 1) as f64, "{limit}");
    }
}

#[test]
fn a_place_longer_than_its_limit_is_an_unknown_one_and_no_error() {
    let upstream = Upstream::live();
    let gateway = gateway(LIMITS, &upstream);
    let mut client = Get::new("/a").stream(gateway.address());
    upstream.wait_for_streams(1);
    upstream.emit("id: 1234567890\ndata: a\n\nid: 12345678901\ndata: b\n\ndata: c\n\n");
    assert_eq!(client.data(3), ["a", "b", "c"]);
    let unknown = r#"fantail_gaps_total{cause="unknown_id",route="events"}"#;

    let mut at = Get::new("/a").after("1234567890").stream(gateway.address());
    assert_eq!(at.data(2), ["b", "c"]);
    assert_eq!(gateway.metric(unknown), 0.0);
    let mut beyond = Get::new("/a")
        .after("12345678901")
        .stream(gateway.address());
    let gap = beyond.next_event();
    assert_eq!(
        (gap.name.as_str(), gap.data.as_str()),
        ("fantail.gap", r#"{"missed":null,"reason":"unknown_id"}"#)
    );
    assert_eq!(beyond.data(3), ["a", "b", "c"]);
    assert_eq!(gateway.metric(unknown), 1.0);
}

//! What operators see: names, labels, health.

use std::collections::BTreeSet;

use crate::support::{Gateway, Get, Upstream, eventually};

/// The families that this version has, as `ecosystem.md` section 2 spells them.
const FAMILIES: &str = "\
    fantail_accept_errors_total fantail_buffered_bytes fantail_buffered_limit_bytes fantail_build_info fantail_connections \
    fantail_drain_seconds fantail_events_completed_total fantail_events_dropped_total \
    fantail_events_received_total fantail_events_without_key_total fantail_fanout_duration_seconds fantail_feeds \
    fantail_frames_appended_total fantail_frames_conflated_total fantail_keys_forgotten_total fantail_frames_delivered_total fantail_frames_missed_total \
    fantail_gaps_total fantail_h2_glitches_total fantail_handover_failures_total fantail_ids_replaced_total \
    fantail_log_dropped_total fantail_overload_state fantail_panics_total fantail_tunnels \
    fantail_received_bytes_total fantail_rejects_total fantail_request_duration_seconds \
    fantail_requests_total fantail_resumes_total \
    fantail_sent_bytes_total fantail_shard_busy_seconds_total fantail_shard_subscribers \
    fantail_share_suspect_total fantail_soft_rejects_total fantail_start_time_seconds \
    fantail_subscribers fantail_subscription_duration_seconds fantail_subscriptions_ended_total \
    fantail_subscriptions_total fantail_topics fantail_topics_closed_total \
    fantail_topics_opened_total fantail_topics_waiting \
    fantail_upstream_connect_attempts_total fantail_upstream_connect_duration_seconds \
    fantail_upstream_ends_total fantail_upstream_errors_total \
    fantail_upstream_first_event_seconds fantail_upstream_last_event_timestamp_seconds \
    fantail_upstream_insecure fantail_upstream_up";

fn families(text: &str) -> BTreeSet<&str> {
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    let names = types.filter_map(|line| line.split(' ').next());
    names.filter(|name| name.starts_with("fantail_")).collect()
}

fn series(text: &str) -> BTreeSet<&str> {
    let lines = text.lines().filter(|line| line.starts_with("fantail_"));
    lines
        .filter_map(|line| line.rsplit_once(' '))
        .map(|(name, _)| name)
        .collect()
}

#[test]
fn every_family_is_there_under_its_documented_name_before_anybody_comes() {
    let upstream = Upstream::live();
    let gateway = Gateway::route(&upstream, "");
    let text = gateway.metrics();
    let expected: BTreeSet<&str> = FAMILIES.split_whitespace().collect();
    assert_eq!(families(&text), expected);
}

#[test]
fn every_series_of_a_route_is_there_at_zero_from_the_start() {
    let upstream = Upstream::live();
    let gateway = Gateway::route(&upstream, "");
    for (family, label, values) in [
        (
            "subscriptions_ended_total",
            "reason",
            "client slow stall age drain error upstream_end answered poll_wait poll_bytes",
        ),
        ("subscribers", "protocol", "h1 poll"),
        ("subscriptions_total", "protocol", "h1 poll"),
        ("topics", "state", "opening live lingering"),
        (
            "events_dropped_total",
            "reason",
            "oversize malformed incomplete duplicate",
        ),
        ("frames_missed_total", "reason", "lag resume"),
        (
            "gaps_total",
            "cause",
            "lag evicted epoch unknown_id upstream",
        ),
        ("resumes_total", "result", "full gap unknown_id none"),
        ("share_suspect_total", "cause", "set_cookie vary private"),
    ] {
        for value in values.split(' ') {
            let (one, two) = (
                format!("{label}=\"{value}\""),
                "route=\"events\"".to_owned(),
            );
            let mut labels = [one, two];
            labels.sort();
            let series = format!("fantail_{family}{{{}}}", labels.join(","));
            assert_eq!(gateway.metric(&series), 0.0, "{series}");
        }
    }
}

#[test]
fn labels_do_not_grow_with_topics_or_clients() {
    let upstream = Upstream::live();
    let route = "[[route]]\npath = \"/{n}\"\nupstream = \"{upstream}/{n}\"\n";
    let gateway = Gateway::start(route, &upstream);
    let before = gateway.metrics();
    let topics = 0..30;
    let get = |n| Get::new(&format!("/{n}")).stream(gateway.address());
    let clients: Vec<_> = topics.map(get).collect();
    upstream.wait_for_streams(30);
    upstream.emit("data: 1\n\n");
    let after = gateway.metrics();
    assert_eq!(series(&after), series(&before));
    drop(clients);
}

#[test]
fn what_is_counted_is_what_happened() {
    let upstream = Upstream::live();
    let gateway = Gateway::route(&upstream, "");
    let mut clients = [gateway.subscribe(), gateway.subscribe()];
    upstream.wait_for_streams(1);
    upstream.emit("id: 1\ndata: one\n\nid: 2\ndata: two\n\n");
    for client in &mut clients {
        client.data(2);
    }
    let of_route = |name: &str| gateway.metric(&format!("fantail_{name}{{route=\"events\"}}"));
    eventually("all is counted", || {
        of_route("frames_delivered_total") == 4.0
    });
    assert_eq!(of_route("events_received_total"), 2.0);
    assert_eq!(of_route("frames_appended_total"), 2.0);
    assert_eq!(of_route("received_bytes_total"), 34.0);
    assert_eq!(of_route("topics_opened_total"), 1.0);
    let up = format!(
        "fantail_upstream_up{{upstream=\"http://{}\"}}",
        upstream.address()
    );
    assert_eq!(gateway.metric(&up), 1.0);
    let live = "fantail_topics{route=\"events\",state=\"live\"}";
    assert_eq!(gateway.metric(live), 1.0);
}

#[test]
fn topics_tell_what_a_topic_is_and_does() {
    let upstream = Upstream::live();
    let gateway = Gateway::route(&upstream, "headers = [\"Authorization\"]");
    let get = Get::new("/events").header("Authorization", "Bearer hunter2");
    let mut client = get.stream(gateway.address());
    upstream.wait_for_streams(1);
    upstream.emit("data: 1\n\n");
    client.data(1);
    let topics = gateway.topics();
    let topic = &topics[0];
    assert_eq!(
        (&topic["route"], &topic["state"]),
        (&"events".into(), &"live".into())
    );
    assert_eq!(
        (&topic["subscribers"], &topic["frames_kept"]),
        (&1.into(), &1.into())
    );
    assert_eq!(topic["feed"], "streaming");
    assert!(!topics.to_string().contains("hunter2"), "{topics}");
}

#[test]
fn a_name_that_points_here_is_not_answered() {
    let upstream = Upstream::live();
    let gateway = Gateway::route(&upstream, "");
    let status = |host: &str| {
        let mut client = crate::support::Client::raw(gateway.admin());
        client.send(format!("GET /metrics HTTP/1.1\r\nHost: {host}\r\n\r\n"));
        client.read_head();
        client.status
    };
    assert_eq!(status("evil.example"), 421);
    assert_eq!(
        (
            status("localhost:9900"),
            status("[::1]"),
            status("127.0.0.1")
        ),
        (200, 200, 200)
    );
}

#[test]
fn health_is_told_in_a_word_or_check_by_check() {
    let upstream = Upstream::live();
    let gateway = Gateway::route(&upstream, "");
    for path in ["/livez", "/readyz"] {
        let mut client = Get::new(path).connect(gateway.admin());
        assert_eq!((client.status, &*client.body()), (200, "ok\n"));
    }
    let mut client = Get::new("/readyz?verbose").connect(gateway.admin());
    assert_eq!(
        client.body(),
        "runtime: ok\nshards: ok\nrunning: ok\nmemory: ok\nok\n"
    );
    assert_eq!(Get::new("/x").connect(gateway.admin()).status, 404);
    let post = Get::new("/metrics").method("POST").connect(gateway.admin());
    assert_eq!(post.status, 405);
}

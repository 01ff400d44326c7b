//! Upstreams that answer and end: for their clients, one continuous stream.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::support::{Client, Gateway, Get, STREAM_HEAD, Upstream, eventually, with_length};

/// Answers request n with event n, and asks to be asked again half a second later.
fn ticks() -> Upstream {
    Upstream::polled(|n| with_length(&format!("retry: 500\nid: {n}\ndata: {n}\n\n")))
}

#[test]
fn clients_see_one_continuous_stream_however_many_they_are() {
    let upstream = ticks();
    let gateway = Gateway::route(&upstream, "");
    let mut clients: Vec<Client> = (0..30).map(|_| gateway.subscribe()).collect();
    for client in &mut clients {
        let ids = (0..4).map(|_| client.next_event().id.unwrap());
        let ids: Vec<usize> = ids.map(|id| id.parse().unwrap()).collect();
        let first = ids[0];
        assert_eq!(ids, [first, first + 1, first + 2, first + 3]);
        // The upstream's own reconnection time is for Fantail alone.
        assert!(client.retry.unwrap() >= 3000);
    }
    assert!(upstream.requests().len() <= 6, "asked once for all");
    let ended = "fantail_subscriptions_ended_total{reason=\"client\",route=\"events\"}";
    assert_eq!(gateway.metric(ended), 0.0);
}

#[test]
fn a_newcomer_gets_the_last_answer_at_once() {
    let upstream =
        Upstream::polled(|n| with_length(&format!("retry: 60000\ndata: {n}a\n\ndata: {n}b\n\n")));
    let gateway = Gateway::route(&upstream, "");
    assert_eq!(gateway.subscribe().data(2), ["0a", "0b"]);
    eventually("the answer is complete", || {
        gateway.topics()[0]["feed"] == "waiting"
    });
    for _ in 0..3 {
        assert_eq!(gateway.subscribe().data(2), ["0a", "0b"]);
    }
    assert_eq!(upstream.requests().len(), 1);
}

#[test]
fn poll_interval_goes_before_the_upstreams_retry() {
    let upstream = Upstream::polled(|n| with_length(&format!("retry: 60000\ndata: {n}\n\n")));
    let gateway = Gateway::route(&upstream, "poll_interval = \"500ms\"");
    let begin = fantail::clock::now();
    assert_eq!(gateway.subscribe().data(3), ["0", "1", "2"]);
    assert!(begin.elapsed() >= Duration::from_secs(1));
}

#[test]
fn on_upstream_end_close_ends_the_clients_streams_too() {
    let upstream = ticks();
    let gateway = Gateway::route(&upstream, "on_upstream_end = \"close\"");
    let mut client = gateway.subscribe();
    assert_eq!(client.data(1), ["0"]);
    client.expect_end();
    let ended = "fantail_subscriptions_ended_total{reason=\"upstream_end\",route=\"events\"}";
    eventually("it is counted", || gateway.metric(ended) == 1.0);
    assert_eq!(gateway.subscribe().data(1), ["1"]);
}

/// Answers with `body` once and with a marker from then on.
fn then_marker(body: &'static str, framed: bool) -> Upstream {
    let asked = Arc::new(AtomicUsize::new(0));
    Upstream::polled(
        move |_| match (asked.fetch_add(1, Ordering::SeqCst), framed) {
            (0, true) => with_length(body),
            (0, false) => format!("{STREAM_HEAD}{body}"),
            _ => with_length("data: marker\n\n"),
        },
    )
}

fn first_event(body: &'static str, framed: bool, policy: &str) -> String {
    let upstream = then_marker(body, framed);
    let keys = format!("incomplete_event = \"{policy}\"\npoll_interval = \"500ms\"");
    let gateway = Gateway::route(&upstream, &keys);
    gateway.subscribe().next_event().data
}

#[test]
fn an_incomplete_last_event_is_completed_as_the_route_says() {
    let lone = "data: tutorial\n";
    let no_line_end = "data: tutorial";
    let behind_another = "data: whole\n\ndata: half\n";
    let html = "data: tutorial\n<b>Warning</b>: mysql\n";
    for (body, policy, expected) in [
        (lone, "auto", "tutorial"),
        (no_line_end, "auto", "tutorial"),
        (lone, "strict", "marker"),
        (html, "auto", "marker"),
        (lone, "always", "tutorial"),
    ] {
        assert_eq!(
            first_event(body, true, policy),
            expected,
            "{body:?} {policy}"
        );
    }
    for (policy, second) in [("auto", "marker"), ("always", "half")] {
        let upstream = then_marker(behind_another, true);
        let keys = format!("incomplete_event = \"{policy}\"\npoll_interval = \"500ms\"");
        let gateway = Gateway::route(&upstream, &keys);
        assert_eq!(gateway.subscribe().data(2), ["whole", second], "{policy}");
    }
}

#[test]
fn a_204_ends_the_topic_and_newcomers_get_it_for_a_while() {
    let upstream = Upstream::polled(|n| match n {
        0 => with_length("retry: 500\ndata: 0\n\n"),
        _ => "HTTP/1.1 204 No Content\r\n\r\n".to_owned(),
    });
    let gateway = Gateway::route(&upstream, "");
    let mut client = gateway.subscribe();
    assert_eq!(client.data(1), ["0"]);
    client.expect_end();
    for _ in 0..5 {
        let again = Get::new("/events").stream(gateway.address());
        assert_eq!(again.status, 204);
    }
    assert_eq!(upstream.requests().len(), 2);
}

#[test]
fn the_upstream_hears_its_own_last_id_and_never_a_clients() {
    let upstream = Upstream::polled(|n| {
        let id = ["id: own\n", "", "id\n", ""][n.min(3)];
        with_length(&format!("retry: 500\n{id}data: {n}\n\n"))
    });
    let gateway = Gateway::route(&upstream, "");
    let mut client = Get::new("/events")
        .after("theirs")
        .stream(gateway.address());
    assert_eq!(client.next_event().name, "fantail.gap");
    assert_eq!(client.data(4), ["0", "1", "2", "3"]);
    let requests = upstream.requests();
    let told = requests.iter().take(4).map(|head| {
        let mut lines = head.lines();
        lines.find_map(|line| line.strip_prefix("Last-Event-Id: "))
    });
    let told: Vec<Option<&str>> = told.collect();
    assert_eq!(told, [None, Some("own"), Some("own"), None]);
}

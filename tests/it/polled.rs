//! Upstreams that answer and end: for their clients, one continuous stream.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rstest::rstest;

use crate::support::{Client, Get, STREAM_HEAD, Upstream, Way, eventually, with_length};

/// Answers request n with event n, and asks to be asked again half a second later.
fn ticks() -> Upstream {
    Upstream::polled(|n| with_length(&format!("retry: 500\nid: {n}\ndata: {n}\n\n")))
}

#[rstest]
fn clients_see_one_continuous_stream_however_many_they_are(
    #[values(Way::Plain, Way::H2)] way: Way,
) {
    let upstream = ticks();
    let gateway = way.route(&upstream, "");
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

#[rstest]
fn a_newcomer_gets_the_last_answer_at_once(#[values(Way::Plain, Way::H2)] way: Way) {
    let upstream =
        Upstream::polled(|n| with_length(&format!("retry: 60000\ndata: {n}a\n\ndata: {n}b\n\n")));
    let gateway = way.route(&upstream, "");
    assert_eq!(gateway.subscribe().data(2), ["0a", "0b"]);
    eventually("the answer is complete", || {
        gateway.topics()[0]["feed"] == "waiting"
    });
    for _ in 0..3 {
        assert_eq!(gateway.subscribe().data(2), ["0a", "0b"]);
    }
    assert_eq!(upstream.requests().len(), 1);
}

/// Whoever came between the first event of a topic's first answer and its end got nothing until
/// the next poll, because the answer is a newcomer's only once it is complete.
#[rstest]
fn who_joins_a_first_answer_behind_its_first_event_gets_all_of_it(
    #[values(Way::Plain, Way::H2)] way: Way,
) {
    let release = Arc::new(AtomicUsize::new(0));
    let released = Arc::clone(&release);
    let upstream = Upstream::start(move |mut exchange| {
        exchange.send(format!("{STREAM_HEAD}retry: 60000\ndata: a\n\n"));
        let number = exchange.number;
        eventually("the test lets the answer end", || {
            released.load(Ordering::SeqCst) > number
        });
        exchange.send("data: b\n\n");
    });
    let route = "[[route]]\npath = \"/{n}\"\nupstream = \"{upstream}/{n}\"\n";
    let gateway = way.start(route, &upstream);
    // Newcomers wait for a moment only, which a busy machine may take longer than.
    let in_time = (0..20).any(|number| {
        let get = || Get::new(&format!("/{number}"));
        let begin = fantail::clock::now();
        let mut first = get().stream(gateway.address());
        assert_eq!(first.data(1), ["a"]);
        let mut second = Client::raw(gateway.address());
        second.send(get().header("Accept", "text/event-stream").bytes());
        eventually("the second one has joined", || {
            let topics = gateway.topics();
            let topics = topics.as_array().unwrap();
            topics.iter().any(|topic| topic["subscribers"] == 2)
        });
        let is_in_time = begin.elapsed() < Duration::from_millis(700);
        release.store(number + 1, Ordering::SeqCst);
        assert_eq!(first.data(1), ["b"]);
        if is_in_time {
            second.read_head();
            assert_eq!(second.data(2), ["a", "b"]);
        }
        is_in_time
    });
    assert!(in_time, "the machine is too busy to tell");
}

/// A stream is not told from a poll's answer before it has lasted: the newcomer waits a moment,
/// and then has what came meanwhile, and nothing of before.
#[rstest]
fn who_joins_a_stream_behind_its_first_event_is_at_its_live_edge(
    #[values(Way::Plain, Way::H2)] way: Way,
) {
    let upstream = Upstream::live();
    let gateway = way.route(&upstream, "");
    let mut first = gateway.subscribe();
    upstream.wait_for_streams(1);
    upstream.emit("data: before\n\n");
    first.data(1);
    let mut second = Client::raw(gateway.address());
    let get = Get::new("/events").header("Accept", "text/event-stream");
    second.send(get.bytes());
    eventually("it has joined", || gateway.topics()[0]["subscribers"] == 2);
    upstream.emit("data: meanwhile\n\n");
    second.read_head();
    upstream.emit("data: after\n\n");
    assert_eq!(second.data(2), ["meanwhile", "after"]);
}

#[rstest]
fn poll_interval_goes_before_the_upstreams_retry(#[values(Way::Plain, Way::H2)] way: Way) {
    let upstream = Upstream::polled(|n| with_length(&format!("retry: 60000\ndata: {n}\n\n")));
    let gateway = way.route(&upstream, "poll_interval = \"500ms\"");
    let begin = fantail::clock::now();
    assert_eq!(gateway.subscribe().data(3), ["0", "1", "2"]);
    assert!(begin.elapsed() >= Duration::from_secs(1));
}

#[rstest]
fn on_upstream_end_close_ends_the_clients_streams_too(#[values(Way::Plain, Way::H2)] way: Way) {
    let upstream = ticks();
    let gateway = way.route(&upstream, "on_upstream_end = \"close\"");
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

fn first_event(way: Way, body: &'static str, framed: bool, policy: &str) -> String {
    let upstream = then_marker(body, framed);
    let keys = format!("incomplete_event = \"{policy}\"\npoll_interval = \"500ms\"");
    let gateway = way.route(&upstream, &keys);
    gateway.subscribe().next_event().data
}

#[rstest]
fn an_incomplete_last_event_is_completed_as_the_route_says(
    #[values(Way::Plain, Way::H2)] way: Way,
) {
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
            first_event(way, body, true, policy),
            expected,
            "{body:?} {policy}"
        );
    }
    for (policy, second) in [("auto", "marker"), ("always", "half")] {
        let upstream = then_marker(behind_another, true);
        let keys = format!("incomplete_event = \"{policy}\"\npoll_interval = \"500ms\"");
        let gateway = way.route(&upstream, &keys);
        assert_eq!(gateway.subscribe().data(2), ["whole", second], "{policy}");
    }
}

#[rstest]
fn a_204_ends_the_topic_and_newcomers_get_it_for_a_while(#[values(Way::Plain, Way::H2)] way: Way) {
    let upstream = Upstream::polled(|n| match n {
        0 => with_length("retry: 500\ndata: 0\n\n"),
        _ => "HTTP/1.1 204 No Content\r\n\r\n".to_owned(),
    });
    let gateway = way.route(&upstream, "");
    let mut client = gateway.subscribe();
    assert_eq!(client.data(1), ["0"]);
    client.expect_end();
    for _ in 0..5 {
        let again = Get::new("/events").stream(gateway.address());
        assert_eq!(again.status, 204);
    }
    assert_eq!(upstream.requests().len(), 2);
}

#[rstest]
fn the_upstream_hears_its_own_last_id_and_never_a_clients(#[values(Way::Plain, Way::H2)] way: Way) {
    let upstream = Upstream::polled(|n| {
        let id = ["id: own\n", "", "id\n", ""][n.min(3)];
        with_length(&format!("retry: 500\n{id}data: {n}\n\n"))
    });
    let gateway = way.route(&upstream, "");
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

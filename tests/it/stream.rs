//! What a subscriber sees, byte by byte.

use std::time::Duration;

use rstest::rstest;

use crate::support::{Client, Get, STREAM_HEAD, Upstream, Way, eventually};

#[rstest]
fn the_head_is_exactly_this_and_retry_and_a_comment_follow_before_any_event(
    #[values(Way::Plain, Way::Tls, Way::H2)] way: Way,
) {
    let upstream = Upstream::live();
    let gateway = way.route(&upstream, "");
    let mut client = gateway.subscribe();
    let date = client.header("date").unwrap().to_owned();
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\
                Cache-Control: no-cache, no-store, no-transform\r\nX-Accel-Buffering: no\r\n\
                Connection: close\r\nDate: ";
    let mut expected = format!("{head}{date}\r\n\r\n");
    if way == Way::H2 {
        // Names are small in HTTP/2, and how a connection ends is no header's business.
        expected = expected.replace("Connection: close\r\n", "");
        expected = expected.to_ascii_lowercase();
        client.head = client
            .head
            .to_ascii_lowercase()
            .replace("http/2.0", "http/1.1");
    }
    assert_eq!(client.head, expected);
    let retry = client.line().unwrap();
    let retry: u64 = retry
        .trim_end()
        .strip_prefix("retry: ")
        .unwrap()
        .parse()
        .unwrap();
    assert!((3000..=3300).contains(&retry), "{retry}");
    client.expect_bytes(":\n");
}

#[rstest]
fn frames_arrive_exactly_as_they_are_encoded(#[values(Way::Plain, Way::Tls, Way::H2)] way: Way) {
    let upstream = Upstream::live();
    let gateway = way.route(&upstream, "");
    let mut client = gateway.subscribe();
    client.line();
    client.line();
    upstream.wait_for_streams(1);
    upstream.emit("id:7\r\nevent: tick\r\ndata:a\r\ndata:  b\r\n\r\n: comment\nretry: 9\n\n");
    upstream.emit("id: \u{20ac}1\ndata\ndata\n\nid: 8\nevent: message\ndata: end\n\n");
    client.expect_bytes("id: 7\nevent: tick\ndata: a\ndata:  b\n\n");
    let token = client.line().unwrap();
    assert!(
        token.starts_with("id: ~") && token.ends_with(".1\n"),
        "{token:?}"
    );
    client.expect_bytes("data:\ndata:\n\nid: 8\ndata: end\n\n");
}

#[rstest]
fn many_clients_of_one_url_share_one_upstream_connection(
    #[values(Way::Plain, Way::Tls, Way::H2)] way: Way,
) {
    let upstream = Upstream::live();
    let gateway = way.route(&upstream, "");
    let mut clients: Vec<Client> = (0..100).map(|_| gateway.subscribe()).collect();
    upstream.wait_for_streams(1);
    eventually("all are counted", || {
        gateway.metric(way.subscribers()) == 100.0
    });
    for number in 0..20 {
        assert_eq!(
            upstream.emit(&format!("id: {number}\ndata: {number}\n\n")),
            1
        );
    }
    let expected: Vec<String> = (0..20).map(|n| n.to_string()).collect();
    for client in &mut clients {
        assert_eq!(client.data(20), expected);
    }
    assert_eq!(upstream.requests().len(), 1);
}

#[rstest]
fn two_urls_are_two_topics_and_never_mix(#[values(Way::Plain, Way::Tls, Way::H2)] way: Way) {
    let upstream = Upstream::start(|mut exchange| {
        let path = exchange.head.split(' ').nth(1).unwrap().to_owned();
        exchange.send(format!("{STREAM_HEAD}data: {path}\n\n"));
        exchange.hold();
    });
    let route = "[[route]]\npath = \"/prices/{symbol}\"\nupstream = \"{upstream}/p?s={symbol}\"\n\
                 query = [\"lang\"]\n";
    let gateway = way.start(route, &upstream);
    for (target, asked) in [
        ("/prices/a", "/p?s=a"),
        ("/prices/b", "/p?s=b"),
        ("/prices/a?lang=de&other=1", "/p?s=a&lang=de"),
    ] {
        let mut client = Get::new(target).stream(gateway.address());
        assert_eq!(client.next_event().data, asked);
    }
    let topics = gateway.topics();
    assert_eq!(topics.as_array().unwrap().len(), 3, "{topics}");
}

#[rstest]
fn nothing_of_a_client_reaches_the_upstream_unless_it_is_declared(
    #[values(Way::Plain, Way::Tls, Way::H2)] way: Way,
) {
    let upstream = Upstream::live();
    let keys = "query = [\"lang\"]\nheaders = [\"X-Tenant\"]";
    let gateway = way.route(&upstream, keys);
    let ask = |secret: &str| {
        Get::new(&format!(
            "/events?lang=de&secret={secret}&lastEventId=9&_=1"
        ))
        .header("X-Tenant", "one")
        .header("Cookie", secret)
        .header("Authorization", secret)
        .header("X-Forwarded-For", "203.0.113.9")
        .header("User-Agent", secret)
        .after("4711")
        .stream(gateway.address())
    };
    let (_one, _two) = (ask("hunter2"), ask("hunter3"));
    upstream.wait_for_streams(1);
    let host = upstream.address();
    let version = env!("CARGO_PKG_VERSION");
    let expected = format!(
        "GET /events?lang=de HTTP/1.1\r\nHost: {host}\r\nAccept: text/event-stream\r\n\
         Accept-Encoding: identity\r\nCache-Control: no-cache\r\nConnection: close\r\n\
         User-Agent: fantail/{version}\r\nX-Tenant: one\r\n\r\n"
    );
    assert_eq!(upstream.requests(), [expected]);
}

#[rstest]
fn heartbeats_are_two_bytes_on_a_quiet_stream_and_never_within_a_frame(
    #[values(Way::Plain, Way::Tls, Way::H2)] way: Way,
) {
    let upstream = Upstream::live();
    let gateway = way.route(&upstream, "heartbeat = \"100ms\"");
    let mut client = gateway.subscribe();
    client.line();
    client.expect_bytes(":\n:\n:\n");
    upstream.emit("id: 1\ndata: half");
    client.expect_bytes(":\n:\n:\n");
    upstream.emit(" an event\n\n");
    while let Some(line) = client.line().filter(|line| line != "id: 1\n") {
        assert_eq!(line, ":\n");
    }
    client.expect_bytes("data: half an event\n\n:\n");
}

#[rstest]
fn a_client_that_hangs_up_frees_its_place_though_no_event_comes(
    #[values(Way::Plain, Way::Tls, Way::H2)] way: Way,
) {
    let upstream = Upstream::live();
    let gateway = way.route(&upstream, "heartbeat = \"1h\"");
    let (stays, leaves, resets) = (
        gateway.subscribe(),
        gateway.subscribe(),
        gateway.subscribe(),
    );
    eventually("three are counted", || {
        gateway.metric(way.subscribers()) == 3.0
    });
    let begin = fantail::clock::now();
    drop(leaves);
    resets.reset();
    eventually("two have left", || gateway.metric(way.subscribers()) == 1.0);
    assert!(
        begin.elapsed() < Duration::from_secs(1),
        "{:?}",
        begin.elapsed()
    );
    let ended = "fantail_subscriptions_ended_total{reason=\"client\",route=\"events\"}";
    assert_eq!(gateway.metric(ended), 2.0);
    drop(stays);
}

#[rstest]
fn five_hundred_clients_that_hang_up_at_once_free_their_places(
    #[values(Way::Plain, Way::Tls, Way::H2)] way: Way,
) {
    let upstream = Upstream::live();
    let gateway = way.route(&upstream, "heartbeat = \"1h\"");
    let clients: Vec<Client> = (0..500).map(|_| gateway.subscribe()).collect();
    eventually("all are counted", || {
        gateway.metric(way.subscribers()) == 500.0
    });
    let begin = fantail::clock::now();
    drop(clients);
    eventually("all have left", || gateway.metric(way.subscribers()) == 0.0);
    assert!(
        begin.elapsed() < Duration::from_secs(2),
        "{:?}",
        begin.elapsed()
    );
    eventually("connections are free", || gateway.app().connections() <= 1);
}

#[rstest]
fn a_half_closed_client_lives_on(#[values(Way::Plain, Way::Tls)] way: Way) {
    let upstream = Upstream::live();
    let gateway = way.route(&upstream, "heartbeat = \"1h\"");
    let mut client = gateway.subscribe();
    client.close_write();
    client.line();
    // The second one is the question whether anybody is there.
    client.expect_bytes(":\n:\n");
    upstream.wait_for_streams(1);
    upstream.emit("data: 1\n\n");
    assert_eq!(client.next_event().data, "1");
    assert_eq!(gateway.metric(way.subscribers()), 1.0);
}

#[rstest]
fn a_client_that_talks_without_end_is_ended(#[values(Way::Plain, Way::Tls)] way: Way) {
    let upstream = Upstream::live();
    let gateway = way.route(&upstream, "\n[limits]\ninbound_burst = \"8KiB\"");
    let mut talker = gateway.subscribe();
    let mut other = gateway.subscribe();
    for _ in 0..64 {
        talker.send([b'x'; 1024]);
    }
    let ended = "fantail_subscriptions_ended_total{reason=\"error\",route=\"events\"}";
    eventually("it is ended", || gateway.metric(ended) == 1.0);
    upstream.wait_for_streams(1);
    upstream.emit("data: 1\n\n");
    assert_eq!(other.next_event().data, "1");
}

#[rstest]
fn a_stream_ends_at_its_age(#[values(Way::Plain, Way::Tls, Way::H2)] way: Way) {
    let upstream = Upstream::live();
    let gateway = way.route(&upstream, "max_age = \"500ms\"");
    let begin = fantail::clock::now();
    gateway.subscribe().expect_end();
    let age = begin.elapsed();
    assert!((400..1500).contains(&age.as_millis()), "{age:?}");
    let ended = "fantail_subscriptions_ended_total{reason=\"age\",route=\"events\"}";
    // By TLS the end is said before it is counted.
    eventually("it is counted", || gateway.metric(ended) == 1.0);
}

/// A topic's first subscriber was placed at the live edge after the upstream's head had come, and
/// missed what came with the head: the first prices of a page, or all of a short answer.
#[rstest]
fn who_opens_a_topic_gets_what_comes_with_the_upstreams_head(
    #[values(Way::Plain, Way::Tls, Way::H2)] way: Way,
) {
    let upstream = Upstream::start(|mut exchange| {
        exchange.send(format!("{STREAM_HEAD}data: 1\n\ndata: 2\n\n"));
        exchange.hold();
    });
    let route = "[[route]]\npath = \"/{n}\"\nupstream = \"{upstream}/{n}\"\n";
    let gateway = way.start(route, &upstream);
    for number in 0..50 {
        let mut client = Get::new(&format!("/{number}")).stream(gateway.address());
        assert_eq!(client.data(2), ["1", "2"]);
    }
}

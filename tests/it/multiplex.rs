//! Many requests on one HTTP/2 connection: none of them costs another anything.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::support::{Client, Exchange, Gateway, Get, STREAM_HEAD, Upstream, Way, eventually};

/// More than a browser has at a time with anybody else.
const STREAMS: usize = 200;
const EVENTS: usize = 50;
const ROUTE: &str = "[[route]]\nname = \"events\"\npath = \"/{topic}\"\n\
                     upstream = \"{upstream}/{topic}\"\n[limits]\nnew_topics_per_second = 1000\n";
const CONNECTIONS: &str = "fantail_connections{listener=\"127.0.0.1:0\",protocol=\"h2\"}";

/// The target of a stream by its number: half of them share ten topics, half have one each.
fn target(number: usize) -> String {
    match number % 2 {
        0 => format!("/shared-{}", number / 2 % 10),
        _ => format!("/own-{number}"),
    }
}

/// So many streams, all on one connection.
#[track_caller]
fn streams(gateway: &Gateway, count: usize) -> Vec<Client> {
    let first = Get::new(&target(0)).stream(gateway.address());
    let mut clients = vec![first];
    for number in 1..count {
        let mut client = clients[0].beside();
        let get = Get::new(&target(number)).header("Accept", "text/event-stream");
        client.send(get.bytes());
        clients.push(client);
    }
    for client in &mut clients[1..] {
        client.read_head();
    }
    assert!(clients.iter().all(|client| client.status == 200));
    assert_eq!(gateway.metric(CONNECTIONS), 1.0);
    clients
}

/// Says on each topic its own path and this.
fn say(upstream: &Upstream, what: usize) {
    let requests = upstream.requests();
    let path = |number: usize| requests[number].split(' ').nth(1).unwrap();
    upstream.emit_each(|number| format!("id: {what}\ndata: {} {what}\n\n", path(number)));
}

#[test]
fn two_hundred_streams_on_one_connection_each_hear_every_event_in_order() {
    let upstream = Upstream::live();
    let gateway = Way::H2.start(ROUTE, &upstream);
    let mut clients = streams(&gateway, STREAMS);
    upstream.wait_for_streams(10 + STREAMS / 2);
    assert_eq!(gateway.metric(Way::H2.subscribers()), STREAMS as f64);
    (0..EVENTS).for_each(|what| say(&upstream, what));
    for (number, client) in clients.iter_mut().enumerate() {
        let path = target(number);
        let expected: Vec<String> = (0..EVENTS).map(|what| format!("{path} {what}")).collect();
        assert_eq!(client.data(EVENTS), expected);
    }
    // Some of them leave; for the others nothing changes.
    clients.drain(..STREAMS / 2).for_each(Client::reset);
    let left = STREAMS - STREAMS / 2;
    eventually("half of them have left", || {
        gateway.metric(Way::H2.subscribers()) == left as f64
    });
    say(&upstream, EVENTS);
    for client in &mut clients {
        assert!(client.next_event().data.ends_with(&EVENTS.to_string()));
    }
    assert_eq!(gateway.metric(CONNECTIONS), 1.0);
}

/// Its window is shut; what the connection has left is for the others.
#[test]
fn a_stream_that_nobody_reads_holds_back_no_other_of_its_connection() {
    const LARGE: usize = 8 << 10;
    let upstream = Upstream::live();
    let keys = "replay = { events = 50 }\nslow = \"skip\"\n";
    let gateway = Way::H2.route(&upstream, keys);
    let mut slow = gateway.subscribe();
    let mut witness = slow.beside();
    let get = Get::new("/events").header("Accept", "text/event-stream");
    witness.send(get.bytes());
    witness.read_head();
    upstream.wait_for_streams(1);
    let filler = "x".repeat(LARGE);
    for number in 0..400 {
        upstream.emit(&format!("id: {number}\ndata: {filler}\n\n"));
        assert_eq!(witness.next_event().id, Some(number.to_string()));
    }
    assert_eq!(slow.next_event().id.as_deref(), Some("0"));
    let gap = std::iter::from_fn(|| slow.event()).find(|event| event.name == "fantail.gap");
    assert!(gap.unwrap().data.contains("\"reason\":\"lag\""));
    assert_eq!(slow.next_event().id.as_deref(), Some("350"));
}

#[test]
fn a_drain_ends_every_stream_of_a_connection_at_its_own_moment_and_cuts_none() {
    let upstream = Upstream::live();
    let server = "[server]\nlisten = [\"127.0.0.1:0\"]\ndrain = \"1s\"\ndrain_delay = \"0s\"\n";
    let mut gateway = Way::H2.start(&format!("{server}{ROUTE}"), &upstream);
    let mut clients = streams(&gateway, STREAMS);
    gateway.drain();
    for client in &mut clients {
        client.expect_end();
        assert!(client.retry.is_some_and(|retry| retry >= 5000));
    }
    eventually("the drain is over", || gateway.is_drained());
    let ended = "fantail_subscriptions_ended_total{reason=\"drain\",route=\"events\"}";
    assert_eq!(gateway.metric(ended), STREAMS as f64);
}

/// Streams to who gets; of uploads it takes some, and refuses others unread, as a site does that
/// wants a login first.
fn site() -> Upstream {
    Upstream::start(|mut exchange: Exchange| {
        if exchange.head.starts_with("GET") {
            exchange.send(STREAM_HEAD);
            return exchange.stream();
        }
        if exchange.head.starts_with("POST /taken") {
            return drop(exchange.rest());
        }
        exchange.send("HTTP/1.1 403 No\r\nConnection: close\r\nContent-Length: 5\r\n\r\nlogin");
        exchange.rest_for(Duration::from_millis(100));
    })
}

/// The answer comes before the request has: the client must see it, whatever becomes of the rest,
/// and its streams go on.
#[test]
fn an_upload_that_is_refused_half_way_is_told_so_and_costs_its_connection_nothing() {
    let upstream = site();
    let gateway = Way::H2.start(&format!("{ROUTE}body_bytes = \"1MiB\"\n"), &upstream);
    let mut stream = Get::new("/s").stream(gateway.address());
    upstream.wait_for_streams(1);
    let body = "x".repeat(2 << 20);
    let length = body.len();
    for (path, framing, body, status) in [
        (
            "/taken",
            format!("Content-Length: {length}"),
            body.clone(),
            413,
        ),
        (
            "/taken",
            "Transfer-Encoding: chunked".to_owned(),
            format!("{length:x}\r\n{body}\r\n"),
            413,
        ),
        (
            "/refused",
            "Content-Length: 900000".to_owned(),
            "x".repeat(800_000),
            403,
        ),
    ] {
        let mut client = stream.beside();
        client.send(format!(
            "POST {path} HTTP/1.1\r\nHost: a\r\n{framing}\r\n\r\n{body}"
        ));
        client.read_head();
        assert_eq!(client.status, status, "{path} {framing}");
        drop(client.body());
        assert!(!client.is_cut(), "{path} {framing}");
    }
    upstream.emit("data: on\n\n");
    assert_eq!(stream.next_event().data, "on");
    assert_eq!(gateway.metric(CONNECTIONS), 1.0);
}

/// Two uploads on one connection: the one that the upstream does not take leaves the window of the
/// connection to the other.
#[test]
fn an_upload_that_stands_still_holds_back_no_other_request() {
    let go_on = Arc::new(AtomicBool::new(false));
    let condition = Arc::clone(&go_on);
    let upstream = Upstream::start(move |mut exchange: Exchange| {
        if exchange.head.starts_with("POST /slow") {
            exchange.wait(&condition);
        }
        let length: u64 = exchange.header("content-length").unwrap().parse().unwrap();
        let read = exchange.discard(length).to_string();
        let length = read.len();
        let head = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length:";
        exchange.send(format!("{head} {length}\r\n\r\n{read}"));
    });
    let route = "[[route]]\npath = \"/{rest*}\"\nupstream = \"{upstream}\"\n";
    let gateway = Way::H2.start(route, &upstream);
    let mut quick = Get::new("/").method("POST").header("Content-Length", "0");
    quick = quick.header("X-First", "1");
    let mut quick = quick.connect(gateway.address());
    let mut slow = quick.beside();
    let body = "x".repeat(32 << 20);
    let length = body.len();
    let post = |path: &str| {
        format!("POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n{body}")
    };
    std::thread::scope(|scope| {
        let slow = scope.spawn(|| {
            slow.send(post("/slow"));
            slow.read_head();
            slow.body()
        });
        eventually("it has begun", || upstream.requests().len() == 2);
        let mut other = quick.beside();
        other.send(post("/other"));
        other.read_head();
        assert_eq!(other.body(), length.to_string());
        assert!(!slow.is_finished());
        go_on.store(true, Ordering::SeqCst);
        assert_eq!(slow.join().unwrap(), length.to_string());
    });
    assert_eq!(quick.body(), "0");
    assert_eq!(gateway.metric(CONNECTIONS), 1.0);
}

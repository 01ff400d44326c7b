//! `share = "private"`: one upstream for each client, which is told who asks.

use crate::support::{Gateway, Get, STREAM_HEAD, Upstream, eventually};

const PRIVATE: &str = "share = \"private\"";

fn topics(gateway: &Gateway) -> usize {
    gateway.topics().as_array().unwrap().len()
}

#[test]
fn clients_whose_requests_are_the_same_have_an_upstream_each() {
    let upstream = Upstream::start(|mut exchange| {
        exchange.send(format!("{STREAM_HEAD}data: {}\n\n", exchange.number));
        exchange.stream();
    });
    let gateway = Gateway::route(&upstream, PRIVATE);
    let mut clients: Vec<_> = (0..5).map(|_| gateway.subscribe()).collect();
    let mut seen: Vec<_> = clients
        .iter_mut()
        .map(|client| client.next_event().data)
        .collect();
    seen.sort();
    assert_eq!(seen, ["0", "1", "2", "3", "4"]);
    assert_eq!(topics(&gateway), 5);
    // Whoever leaves takes its upstream along: nobody could ever come back to it.
    clients.truncate(2);
    upstream.wait_for_streams(2);
    eventually("their topics are gone", || topics(&gateway) == 2);
    for client in &mut clients {
        upstream.emit("data: still here\n\n");
        assert_eq!(client.next_event().data, "still here");
    }
}

#[test]
fn the_upstream_sees_the_client_its_credentials_and_where_it_was() {
    let upstream = Upstream::live();
    let gateway = Gateway::route(&upstream, "share = \"private\"\nheaders = [\"X-Tenant\"]");
    let _client = Get::new("/events?secret=1&lastEventId=query")
        .header("Cookie", "session=alice")
        .header("Authorization", "Bearer x")
        .header("User-Agent", "Mozilla")
        .header("X-Tenant", "acme")
        .header("X-Remote-User", "root")
        .header("X-Forwarded-For", "6.6.6.6")
        .header("Connection", "Cookie")
        .after("42")
        .stream(gateway.address());
    let host = upstream.address();
    let expected = format!(
        "GET /events HTTP/1.1\r\nHost: {host}\r\nAccept: text/event-stream\r\n\
         Accept-Encoding: identity\r\nCache-Control: no-cache\r\nConnection: close\r\n\
         Authorization: Bearer x\r\nCookie: session=alice\r\nUser-Agent: Mozilla\r\n\
         X-Forwarded-For: 127.0.0.1\r\nX-Tenant: acme\r\nLast-Event-Id: 42\r\n\r\n"
    );
    assert_eq!(upstream.requests(), [expected]);
}

#[test]
fn behind_a_trusted_proxy_the_upstream_is_told_the_clients_own_address() {
    let upstream = Upstream::live();
    let toml = "[server]\nlisten = [\"127.0.0.1:0\"]\ntrusted_proxies = [\"127.0.0.1\"]\n\
                [[route]]\npath = \"/events\"\nupstream = \"{upstream}\"\nshare = \"private\"\n";
    let gateway = Gateway::start(toml, &upstream);
    let get = Get::new("/events").header("X-Forwarded-For", "6.6.6.6, 203.0.113.9");
    let _client = get.stream(gateway.address());
    let head = &upstream.requests()[0];
    assert!(
        head.contains("\r\nX-Forwarded-For: 203.0.113.9\r\n"),
        "{head}"
    );
}

#[test]
fn a_client_that_comes_back_goes_on_where_its_upstream_says() {
    let upstream = Upstream::start(|mut exchange| {
        let after: u64 = exchange
            .header("last-event-id")
            .map_or(0, |id| id.parse().unwrap());
        exchange.send(STREAM_HEAD);
        for id in after + 1..=after + 2 {
            exchange.send(format!("id: {id}\ndata: {id}\n\ndata: no id\n\n"));
        }
        exchange.hold();
    });
    let gateway = Gateway::route(&upstream, PRIVATE);
    let mut client = gateway.subscribe();
    let first = client.next_event();
    assert_eq!((first.id.as_deref(), &*first.data), (Some("1"), "1"));
    // Its own id still, and none of ours, which it could not read when it is given back.
    assert_eq!(client.next_event().id.as_deref(), Some("1"));
    client.data(2);
    let mut again = Get::new("/events").after("2").stream(gateway.address());
    assert_eq!(again.data(4), ["3", "no id", "4", "no id"]);
    let series = "fantail_resumes_total{result=\"upstream\",route=\"events\"}";
    assert_eq!(gateway.metric(series), 1.0);
    // A place that can not be is told as a gap, and never reaches the upstream.
    let mut odd = Get::new("/events").after("a\tb").stream(gateway.address());
    assert_eq!(odd.next_event().name, "fantail.gap");
    assert_eq!(odd.next_event().data, "1");
}

#[test]
fn an_upstreams_no_is_for_its_client_alone_and_not_remembered() {
    let upstream = Upstream::start(|mut exchange| {
        let session = exchange.header("cookie").map(str::to_owned);
        match session.as_deref() {
            Some("session=alice") => {
                exchange.send(format!("{STREAM_HEAD}data: alice\n\n"));
                exchange.hold();
            }
            Some("session=bob") => exchange.send("HTTP/1.1 204 No Content\r\n\r\n"),
            _ => exchange.send("HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n"),
        }
    });
    let keys = "share = \"private\"\n[limits]\ntopics = 2";
    let gateway = Gateway::route(&upstream, keys);
    let ask = |cookie: &str| {
        let get = Get::new("/events").header("Cookie", cookie);
        get.stream(gateway.address())
    };
    // More often than there may be topics: a no holds none.
    for round in 0..6 {
        assert_eq!(ask("").status, 401, "{round}");
        assert_eq!(ask("session=bob").status, 204, "{round}");
        eventually("both topics are gone", || topics(&gateway) == 0);
    }
    assert_eq!(upstream.requests().len(), 12);
    assert_eq!(ask("session=alice").next_event().data, "alice");
}

#[test]
fn private_streams_count_as_topics_of_their_client() {
    let upstream = Upstream::live();
    let keys = "share = \"private\"\n[limits]\ntopics_per_address = 2";
    let gateway = Gateway::route(&upstream, keys);
    let (one, _two) = (gateway.subscribe(), gateway.subscribe());
    let mut full = Get::new("/events").stream(gateway.address());
    // The soft form: come back later.
    assert_eq!(full.status, 200);
    full.expect_end();
    assert!(
        full.retry.is_some_and(|retry| retry >= 5000),
        "{:?}",
        full.retry
    );
    let other = Get::new("/events")
        .from("127.0.0.2")
        .stream(gateway.address());
    upstream.wait_for_streams(3);
    drop((one, other));
    upstream.wait_for_streams(1);
    let mut back = gateway.subscribe();
    upstream.wait_for_streams(2);
    upstream.emit("data: 1\n\n");
    assert_eq!(back.next_event().data, "1");
}

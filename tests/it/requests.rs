//! What requests get: streams, answers, refusals, whatever stands around them on the wire.

use crate::support::{Client, Gateway, Get, Upstream, eventually};

#[test]
fn head_gets_the_streams_headers_and_opens_nothing() {
    let upstream = Upstream::live();
    let gateway = Gateway::route(&upstream, "");
    let client = Get::new("/events").method("HEAD").stream(gateway.address());
    assert_eq!(client.status, 200);
    assert_eq!(client.header("content-type"), Some("text/event-stream"));
    let cache_control = client.header("cache-control");
    assert_eq!(cache_control, Some("no-cache, no-store, no-transform"));
    assert_eq!(upstream.requests().len(), 0);
}

#[test]
fn options_names_the_methods() {
    let upstream = Upstream::live();
    let gateway = Gateway::route(&upstream, "mode = \"sse\"");
    let client = Get::new("/events")
        .method("OPTIONS")
        .connect(gateway.address());
    assert_eq!(
        (client.status, client.header("allow")),
        (204, Some("GET, HEAD, OPTIONS"))
    );
}

#[test]
fn a_fastcgi_upstream_serves_event_streams_only_and_says_so() {
    let upstream = Upstream::live();
    let route = "[[route]]\npath = \"/events\"\nroot = \"/srv\"\n\
                 upstream = \"fastcgi://127.0.0.1:9/events.php\"\n";
    let gateway = Gateway::start(route, &upstream);
    let no_accept = Get::new("/events");
    let post = Get::new("/events")
        .method("POST")
        .header("Content-Length", "0");
    for get in [no_accept, post] {
        let mut client = get.connect(gateway.address());
        assert_eq!(client.status, 501);
        let body = client.body();
        assert!(body.contains("Accept: text/event-stream"), "{body}");
    }
}

#[test]
fn a_route_for_streams_alone_takes_nothing_else() {
    let upstream = Upstream::live();
    let gateway = Gateway::route(&upstream, "mode = \"sse\"");
    let post = Get::new("/events")
        .method("POST")
        .header("Content-Length", "0");
    assert_eq!(post.connect(gateway.address()).status, 405);
    assert_eq!(Get::new("/events").connect(gateway.address()).status, 200);
}

#[test]
fn an_unknown_path_is_a_404_in_words() {
    let upstream = Upstream::live();
    let gateway = Gateway::route(&upstream, "");
    let mut client = Get::new("/other").stream(gateway.address());
    assert_eq!(client.status, 404);
    assert!(client.body().contains("no route of this gateway"));
}

#[test]
fn a_kept_alive_connection_may_still_become_a_stream() {
    let upstream = Upstream::live();
    let gateway = Gateway::route(&upstream, "");
    let mut client = Get::new("/nothing").connect(gateway.address());
    client.body();
    client.send(Get::new("/nothing").method("OPTIONS").bytes());
    client.read_head();
    client.body();
    let head = Get::new("/events").method("HEAD");
    client.send(head.header("Accept", "text/event-stream").bytes());
    client.read_head();
    let accept = Get::new("/events").header("Accept", "text/event-stream");
    client.send(accept.bytes());
    client.read_head();
    assert_eq!(client.status, 200);
    upstream.wait_for_streams(1);
    upstream.emit("data: 1\n\n");
    assert_eq!(client.next_event().data, "1");
}

#[test]
fn what_is_pipelined_behind_a_subscription_is_dropped_and_never_a_second_request() {
    let upstream = Upstream::live();
    let gateway = Gateway::route(&upstream, "");
    let mut client = Client::raw(gateway.address());
    let subscription = Get::new("/events")
        .header("Accept", "text/event-stream")
        .bytes();
    let smuggled = Get::new("/other").bytes();
    client.send(format!("{subscription}{smuggled}garbage\r\n\0"));
    client.read_head();
    assert_eq!(client.status, 200);
    upstream.wait_for_streams(1);
    upstream.emit("data: 1\n\n");
    assert_eq!(client.next_event().data, "1");
    let unknown = format!(
        "fantail_rejects_total{{listener=\"{}\",reason=\"unknown_route\"}}",
        listener(&gateway)
    );
    assert_eq!(gateway.metric(&unknown), 0.0);
}

/// The listener's label: the address as configured.
fn listener(gateway: &Gateway) -> &'static str {
    assert!(gateway.address().ip().is_loopback());
    "127.0.0.1:0"
}

#[test]
fn a_request_cut_at_any_byte_is_a_subscription_once_it_is_whole() {
    let upstream = Upstream::live();
    let gateway = Gateway::route(&upstream, "");
    let request = Get::new("/events")
        .header("Accept", "text/event-stream")
        .bytes();
    for cut in 1..request.len() {
        let mut client = Client::raw(gateway.address());
        let (begin, end) = request.split_at(cut);
        client.send(begin);
        client.send(end);
        client.read_head();
        assert_eq!(client.status, 200, "cut at {cut}");
    }
    assert_eq!(upstream.requests().len(), 1);
}

#[test]
fn a_request_that_ends_at_any_byte_costs_nothing() {
    let upstream = Upstream::live();
    let gateway = Gateway::route(&upstream, "");
    let request = Get::new("/events")
        .header("Accept", "text/event-stream")
        .bytes();
    for cut in 0..request.len() {
        Client::raw(gateway.address()).send(&request[..cut]);
    }
    eventually("every connection is given back", || {
        gateway.app().connections() == 0
    });
    assert_eq!(upstream.requests().len(), 0);
}

#[test]
fn a_unix_socket_serves_streams_too() {
    let upstream = Upstream::live();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fantail.sock");
    let toml = format!(
        "[server]\nlisten = [\"127.0.0.1:0\", \"unix:{}\"]\n[[route]]\npath = \"/events\"\n\
         upstream = \"{{upstream}}/events\"\n",
        path.display()
    );
    let gateway = Gateway::start(&toml, &upstream);
    let mut client = Client::unix(&path);
    client.send(
        Get::new("/events")
            .header("Accept", "text/event-stream")
            .bytes(),
    );
    client.read_head();
    assert_eq!(client.status, 200);
    upstream.wait_for_streams(1);
    upstream.emit("data: 1\n\n");
    assert_eq!(client.next_event().data, "1");
    drop(client);
    eventually("its place is free", || gateway.app().connections() == 0);
    drop(gateway);
    assert!(!path.exists(), "the socket's path is left behind");
}

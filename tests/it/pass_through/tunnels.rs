//! Upgraded connections: bytes both ways after the upstream's 101, and not one before.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::SITE;
use crate::support::{Client, Exchange, Gateway, Get, Upstream, Way, eventually};
use rstest::rstest;

const SWITCH: &str =
    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";

fn ask() -> String {
    Get::new("/socket")
        .header("Connection", "keep-alive, Upgrade")
        .header("Upgrade", "websocket")
        .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
        .bytes()
}

/// Switches, and sends back what comes until it ends.
fn switching() -> Upstream {
    Upstream::start(|mut exchange: Exchange| {
        assert_eq!(exchange.header("connection"), Some("upgrade"));
        assert_eq!(exchange.header("upgrade"), Some("websocket"));
        exchange.send(SWITCH);
        exchange.echo();
    })
}

#[rstest]
fn a_websocket_passes_in_both_directions_and_is_counted_until_it_closes(
    #[values(Way::Plain, Way::Tls)] way: Way,
) {
    let upstream = switching();
    let gateway = way.start(SITE, &upstream);
    let mut client = Client::raw(gateway.address());
    client.send(ask());
    client.read_head();
    assert_eq!(client.status, 101);
    assert_eq!(client.header("upgrade"), Some("websocket"));
    assert_eq!(client.header("connection"), Some("upgrade"));
    for text in ["hello", "\0\x01\x02", "bye"] {
        client.send(text);
        client.expect_bytes(text);
    }
    let tunnels = "fantail_tunnels{route=\"site\"}";
    assert_eq!(gateway.metric(tunnels), 1.0);
    assert_eq!(gateway.app().connections(), 1);
    client.close_write();
    assert!(client.is_ended());
    eventually("the tunnel is given back", || {
        gateway.metric(tunnels) == 0.0 && gateway.app().connections() == 0
    });
}

#[rstest]
fn what_is_sent_before_the_101_waits_for_it(#[values(Way::Plain, Way::Tls)] way: Way) {
    let go_on = Arc::new(AtomicBool::new(false));
    let condition = Arc::clone(&go_on);
    let upstream = Upstream::start(move |mut exchange: Exchange| {
        assert!(!exchange.has_bytes(), "bytes before the 101");
        exchange.wait(&condition);
        assert!(!exchange.has_bytes(), "bytes before the 101");
        exchange.send(SWITCH);
        exchange.echo();
    });
    let gateway = way.start(SITE, &upstream);
    let mut client = Client::raw(gateway.address());
    client.send(format!("{}early", ask()));
    eventually("the request is there", || upstream.open() == 1);
    go_on.store(true, Ordering::SeqCst);
    client.read_head();
    assert_eq!(client.status, 101);
    client.expect_bytes("early");
}

#[rstest]
fn an_upgrade_that_is_refused_is_an_ordinary_answer_and_the_connection_goes_on(
    #[values(Way::Plain, Way::Tls)] way: Way,
) {
    let upstream = Upstream::start(|mut exchange: Exchange| {
        exchange.send("HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno");
    });
    let gateway = way.start(SITE, &upstream);
    let mut client = Client::raw(gateway.address());
    for _ in 0..2 {
        client.send(ask());
        client.read_head();
        assert_eq!((client.status, client.body().as_str()), (403, "no"));
    }
}

#[rstest]
fn a_quiet_tunnel_ends_after_its_timeout(#[values(Way::Plain, Way::Tls)] way: Way) {
    let upstream = switching();
    let toml = format!("[limits]\ntunnel_timeout = \"300ms\"\n{SITE}");
    let gateway = way.start(&toml, &upstream);
    let mut client = Client::raw(gateway.address());
    client.send(ask());
    client.read_head();
    assert_eq!(client.status, 101);
    assert!(client.is_ended());
    eventually("the upstream's side is closed too", || upstream.open() == 0);
}

#[test]
fn an_upgrade_to_http_2_never_reaches_the_upstream() {
    let upstream = Upstream::start(|mut exchange: Exchange| {
        assert!(exchange.header("upgrade").is_none());
        assert!(exchange.header("http2-settings").is_none());
        exchange.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok");
    });
    let gateway = Gateway::start(SITE, &upstream);
    let mut client = Get::new("/x")
        .header("Connection", "Upgrade, HTTP2-Settings")
        .header("Upgrade", "h2c")
        .header("HTTP2-Settings", "AAMAAABkAAQCAAAAAAIAAAAA")
        .connect(gateway.address());
    assert_eq!((client.status, client.body().as_str()), (200, "ok"));
}

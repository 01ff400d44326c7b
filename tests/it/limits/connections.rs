//! `connections`, `connections_per_address`, `accepts_per_second`, and that of an address.

use super::{assert_hard, assert_refused, assert_soft, gateway, rejects};
use crate::support::{Client, Gateway, Get, Upstream, Way, eventually};
use rstest::rstest;

fn connections(gateway: &Gateway) -> usize {
    gateway.app().connections()
}

#[test]
fn a_client_beyond_the_limit_is_told_to_come_back_and_nobody_is_evicted() {
    let upstream = Upstream::live();
    let gateway = gateway("connections = 2", &upstream);
    let mut first = Get::new("/a").stream(gateway.address());
    let mut second = Get::new("/a").stream(gateway.address());
    assert_refused(&gateway, || Get::new("/a"), "connections", 503);
    upstream.wait_for_streams(1);
    upstream.emit("data: x\n\n");
    assert_eq!(
        (first.data(1), second.data(1)),
        (vec!["x".into()], vec!["x".into()])
    );
}

/// The listener had made up its mind about the next client before it came: full, although the place
/// had come free long since.
#[test]
fn a_place_that_comes_free_goes_to_the_next_client() {
    let upstream = Upstream::live();
    let gateway = gateway("connections = 1", &upstream);
    for round in 0..3 {
        let client = Get::new("/a").stream(gateway.address());
        assert!(
            client.header("date").is_some(),
            "round {round}: {}",
            client.head
        );
        assert_eq!(rejects(&gateway, "connections"), 0.0, "round {round}");
        drop(client);
        eventually("the place is free", || connections(&gateway) == 0);
    }
}

/// A client that is told to come back and stays, silent, would hold one of the few places that
/// there are for saying so.
#[test]
fn whoever_is_beyond_the_limit_is_hung_up_on() {
    let upstream = Upstream::live();
    let gateway = gateway("connections = 1", &upstream);
    let _served = Get::new("/a").stream(gateway.address());
    for _ in 0..200 {
        let mut refused = Get::new("/a").connect(gateway.address());
        assert_hard(&refused, 503);
        drop(refused.body());
        assert!(refused.is_ended());
    }
}

#[test]
fn one_address_at_its_limit_does_not_keep_another_out() {
    let upstream = Upstream::live();
    let gateway = gateway("connections_per_address = 2", &upstream);
    let _first = Get::new("/a").from("127.0.0.1").stream(gateway.address());
    let second = Get::new("/a").from("127.0.0.1").stream(gateway.address());
    assert_refused(
        &gateway,
        || Get::new("/a").from("127.0.0.1"),
        "address",
        429,
    );
    let other = Get::new("/a").from("127.0.0.2").stream(gateway.address());
    assert_eq!((other.status, other.header("content-length")), (200, None));
    drop(second);
    eventually("the address has a place again", || {
        let client = Get::new("/a").from("127.0.0.1").stream(gateway.address());
        client.header("content-length").is_none()
    });
}

#[test]
fn behind_a_trusted_proxy_the_forwarded_address_counts() {
    let upstream = Upstream::live();
    let gateway = Gateway::start(
        "[server]\nlisten = [\"127.0.0.1:0\"]\ntrusted_proxies = [\"127.0.0.1/32\"]\n\
         [limits]\nconnections_per_address = 1\n\
         [[route]]\npath = \"/{name}\"\nmode = \"sse\"\nupstream = \"{upstream}/{name}\"\n",
        &upstream,
    );
    let by = |hops: &str| Get::new("/a").header("X-Forwarded-For", hops);
    let one = by("203.0.113.1").stream(gateway.address());
    let two = by("203.0.113.2").stream(gateway.address());
    assert_eq!((one.status, two.status), (200, 200));
    assert_refused(&gateway, || by("203.0.113.1"), "address", 429);
    // What stands before the proxy's own word is the client's, and is not believed.
    assert_soft(by("198.51.100.1, 203.0.113.2").stream(gateway.address()));
    // Nor is anybody believed who is no proxy.
    let stranger = || by("203.0.113.9").from("127.0.0.2");
    let three = stranger().stream(gateway.address());
    assert_eq!(three.header("content-length"), None);
    assert_soft(stranger().header("X", "y").stream(gateway.address()));
}

#[test]
fn connections_that_come_too_fast_are_told_to_come_back() {
    let upstream = Upstream::live();
    let gateway = gateway("accepts_per_second = 1", &upstream);
    let first = Get::new("/a").stream(gateway.address());
    assert_eq!(first.header("content-length"), None, "{}", first.head);
    let is_refused = |_: &usize| {
        let client = Get::new("/a").stream(gateway.address());
        let is_soft = client.header("content-length").is_some();
        if is_soft {
            assert_soft(client);
        }
        is_soft
    };
    let refused = (0..50).filter(is_refused).count();
    assert!(refused >= 1, "50 in one second");
    assert_eq!(rejects(&gateway, "rate"), refused as f64);
    eventually("one that comes later is served", || !is_refused(&0));
}

#[rstest]
fn an_address_that_comes_too_fast_is_told_to_come_back_and_nobody_else_is(
    #[values(Way::Plain, Way::Tls)] way: Way,
) {
    let upstream = Upstream::live();
    let route = "[[route]]\npath = \"/a\"\nmode = \"sse\"\nupstream = \"{upstream}/a\"\n";
    // What is refused to one address is not taken from the others.
    let limits = "accepts_per_second_per_address = 1\naccepts_per_second = 30";
    let gateway = way.start(&format!("[limits]\n{limits}\n{route}"), &upstream);
    let client = |address: &str| Get::new("/a").from(address).stream(gateway.address());
    let is_refused = |client: &Client| client.header("content-length").is_some();
    assert!(!is_refused(&client("127.0.0.1")));
    let refused: Vec<Client> = (0..100)
        .map(|_| client("127.0.0.1"))
        .filter(is_refused)
        .collect();
    assert!(!refused.is_empty(), "100 in a row");
    assert_eq!(rejects(&gateway, "rate"), refused.len() as f64);
    refused.into_iter().for_each(assert_soft);
    for other in ["127.0.0.2", "127.0.0.3"] {
        assert!(!is_refused(&client(other)), "{other}");
    }
    eventually("one that comes later is served", || {
        !is_refused(&client("127.0.0.1"))
    });
}

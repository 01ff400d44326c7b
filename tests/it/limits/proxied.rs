//! Behind a proxy that begins with a PROXY header, whom it names is counted.

use rstest::rstest;

use super::{assert_refused, assert_soft};
use crate::support::{Gateway, Get, Upstream, Way, eventually};

fn gateway(way: Way, limit: &str, upstream: &Upstream) -> Gateway {
    let on = "proxy_protocol = true\n";
    let (tls, server) = match way {
        Way::Plain => ("", on),
        Way::Tls | Way::H2 => (on, ""),
    };
    let toml = format!(
        "{tls}[server]\nlisten = [\"127.0.0.1:0\"]\ntrusted_proxies = [\"127.0.0.1/32\"]\n{server}\
         [limits]\n{limit}\n\
         [[route]]\npath = \"/{{name}}\"\nmode = \"sse\"\nupstream = \"{{upstream}}/{{name}}\"\n"
    );
    way.start(&toml, upstream)
}

/// A client at this address, as its proxy says.
fn at(path: &str, address: &str) -> Get {
    let family = if address.contains(':') {
        "TCP6 "
    } else {
        "TCP4 "
    };
    let local = if address.contains(':') {
        "::1"
    } else {
        "192.0.2.1"
    };
    Get::new(path).behind(format!("PROXY {family}{address} {local} 50000 443\r\n"))
}

#[rstest]
fn connections_of_a_named_client_are_its_own(#[values(Way::Plain, Way::Tls)] way: Way) {
    let upstream = Upstream::live();
    let gateway = gateway(way, "connections_per_address = 1", &upstream);
    let is_served = |get: Get| {
        let client = get.stream(gateway.address());
        client.header("content-length").is_none().then_some(client)
    };
    let first = is_served(at("/a", "203.0.113.1")).unwrap();
    let _other = is_served(at("/a", "203.0.113.2")).unwrap();
    let _sixth = is_served(at("/a", "2001:db8::1")).unwrap();
    assert_refused(&gateway, || at("/a", "203.0.113.1"), "address", 429);
    // What it claims to be is not what is counted; nor is one address of its /64 another client.
    let liar = at("/a", "203.0.113.1").header("X-Forwarded-For", "203.0.113.7");
    assert_soft(liar.stream(gateway.address()));
    assert_soft(at("/a", "2001:db8::2").stream(gateway.address()));
    drop(first);
    eventually("the address has its place again", || {
        is_served(at("/a", "203.0.113.1")).is_some()
    });
}

#[test]
fn topics_of_a_named_client_are_its_own() {
    let upstream = Upstream::live();
    let gateway = gateway(Way::Plain, "topics_per_address = 1", &upstream);
    let _first = at("/a", "203.0.113.1").stream(gateway.address());
    assert_refused(&gateway, || at("/b", "203.0.113.1"), "topics", 429);
    let other = at("/b", "203.0.113.2").stream(gateway.address());
    assert_eq!(other.header("content-length"), None);
}

#[test]
fn each_named_client_comes_at_its_own_pace() {
    let upstream = Upstream::live();
    let limit = "accepts_per_second_per_address = 1";
    let gateway = gateway(Way::Plain, limit, &upstream);
    let is_refused = |address: &str| {
        let client = at("/a", address).stream(gateway.address());
        client.header("content-length").is_some()
    };
    // All by one proxy, which itself is held to no pace.
    assert!((1..50).all(|n| !is_refused(&format!("203.0.113.{n}"))));
    assert!((0..50).any(|_| is_refused("198.51.100.1")));
}

//! `idle_timeout`: how long a kept connection waits for its next request, and nothing else.

use std::time::Duration;

use fantail::clock;
use rstest::rstest;

use super::rejects;
use crate::support::{Client, Exchange, Gateway, Get, Upstream, Way, with_length};

/// Far above the shorter of two times in a test, and below the longer one.
const BETWEEN: Duration = Duration::from_millis(1500);

/// An upstream whose pages take their time, if their path says so.
fn site() -> Upstream {
    Upstream::start(|mut exchange: Exchange| {
        if exchange.head.starts_with("GET /slow") && !exchange.rest_for(BETWEEN) {
            return;
        }
        exchange.send(with_length("page"));
    })
}

fn gateway(way: Way, limits: &str, upstream: &Upstream) -> Gateway {
    let route = "[[route]]\nname = \"site\"\npath = \"/{rest*}\"\nupstream = \"{upstream}\"\n";
    way.start(&format!("[limits]\n{limits}\n{route}"), upstream)
}

#[track_caller]
fn ask(client: &mut Client, target: &str) {
    client.send(Get::new(target).bytes());
    client.read_head();
    assert_eq!((client.status, client.body().as_str()), (200, "page"));
}

#[rstest]
fn a_kept_connection_that_asks_nothing_more_is_closed_in_its_own_time(
    #[values(Way::Plain, Way::Tls)] way: Way,
) {
    let upstream = site();
    let limits = "head_timeout = \"10m\"\nidle_timeout = \"300ms\"";
    let gateway = gateway(way, limits, &upstream);
    let mut client = Get::new("/").connect(gateway.address());
    assert_eq!(client.body(), "page");
    let begin = clock::now();
    // However long the answer takes: nobody is idle who waits for it.
    ask(&mut client, "/slow");
    assert!(clock::now() - begin >= BETWEEN);
    assert!(client.is_ended() && !client.is_cut());
    assert_eq!(rejects(&gateway, "timeout"), 0.0, "no refusal");
}

#[rstest]
fn it_may_be_longer_than_a_head_may_take(#[values(Way::Plain, Way::Tls)] way: Way) {
    let upstream = site();
    let limits = "head_timeout = \"300ms\"\nidle_timeout = \"10m\"";
    let gateway = gateway(way, limits, &upstream);
    let mut client = Get::new("/").connect(gateway.address());
    assert_eq!(client.body(), "page");
    for _ in 0..2 {
        client.expect_quiet(BETWEEN);
        ask(&mut client, "/");
    }
    assert_eq!(rejects(&gateway, "timeout"), 0.0);
}

/// It is no way around a deadline: the second head has one too, and is missed if it does not come.
#[test]
fn a_next_head_that_is_never_complete_ends_and_is_counted() {
    let upstream = site();
    let gateway = gateway(Way::Plain, "idle_timeout = \"300ms\"", &upstream);
    let mut client = Get::new("/").connect(gateway.address());
    assert_eq!(client.body(), "page");
    client.send("GET / HTTP/1.1\r\nHost: x\r\n");
    assert!(client.is_ended());
    assert_eq!(rejects(&gateway, "timeout"), 1.0);
}

//! A topic that has been live: subscribers stay, whatever the upstream says; 204 alone is its word.

use std::sync::atomic::Ordering;
use std::time::Duration;

use rstest::rstest;

use super::{Bystander, assert_counted, by, turning};
use crate::support::{Exchange, Get, Way, eventually};

/// The subscriber of before stays, and so does one that comes meanwhile.
#[track_caller]
fn assert_stays(way: Way, script: impl Fn(Exchange) + Send + Sync + 'static, reason: &str) {
    let (upstream, is_bad) = turning(script);
    let gateway = by(way, &upstream, "poll_interval = \"500ms\"");
    let mut bystander = Bystander::of(&gateway, &upstream);
    let mut client = Get::new("/faulty").stream(gateway.address());
    assert_eq!(client.next_event().data, "good");
    is_bad.store(true, Ordering::SeqCst);
    assert_counted(&gateway, &upstream, reason);
    let newcomer = Get::new("/faulty").stream(gateway.address());
    assert_eq!(
        (newcomer.status, newcomer.header("content-length")),
        (200, None)
    );
    client.expect_quiet(Duration::from_millis(50));
    bystander.assert_served(&upstream);
    is_bad.store(false, Ordering::SeqCst);
    // Whatever may have been lost is told; then it goes on.
    eventually("it goes on", || client.next_event().data == "good");
}

#[rstest]
fn a_refusal_a_wrong_type_or_an_error_ends_no_stream(#[values(Way::Plain, Way::H2)] way: Way) {
    let say = |text: &'static str| move |mut exchange: Exchange| exchange.send(text);
    assert_stays(
        way,
        say("HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n"),
        "status",
    );
    assert_stays(
        way,
        say("HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n"),
        "status",
    );
    assert_stays(
        way,
        say("HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n"),
        "status",
    );
    assert_stays(
        way,
        say("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html>"),
        "content_type",
    );
}

#[rstest]
fn a_hang_a_reset_or_a_loop_ends_no_stream(#[values(Way::Plain, Way::H2)] way: Way) {
    let moved = "HTTP/1.1 302 Found\r\nLocation: /faulty\r\nContent-Length: 0\r\n\r\n";
    assert_stays(way, Exchange::hold, "timeout");
    assert_stays(way, Exchange::reset, "reset");
    assert_stays(way, move |mut exchange| exchange.send(moved), "redirect");
}

#[rstest]
fn a_204_ends_every_stream_and_whoever_comes_back_gets_it(#[values(Way::Plain, Way::H2)] way: Way) {
    let (upstream, is_bad) =
        turning(|mut exchange| exchange.send("HTTP/1.1 204 No Content\r\n\r\n"));
    let gateway = by(way, &upstream, "poll_interval = \"500ms\"");
    let mut bystander = Bystander::of(&gateway, &upstream);
    let mut clients = [0, 1].map(|_| Get::new("/faulty").stream(gateway.address()));
    is_bad.store(true, Ordering::SeqCst);
    for client in &mut clients {
        let events = client.rest();
        assert!(
            events.iter().all(|event| event.data == "good"),
            "{events:?}"
        );
    }
    assert_eq!(Get::new("/faulty").stream(gateway.address()).status, 204);
    let asked = upstream.requests().len();
    assert_eq!(Get::new("/faulty").stream(gateway.address()).status, 204);
    assert_eq!(upstream.requests().len(), asked, "it is remembered");
    bystander.assert_served(&upstream);
}

#[rstest]
fn a_refusal_that_lasts_is_believed(#[values(Way::Plain, Way::H2)] way: Way) {
    let (upstream, is_bad) =
        turning(|mut exchange| exchange.send("HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n"));
    let gateway = by(
        way,
        &upstream,
        "poll_interval = \"500ms\"\nerror_hold = \"100ms\"",
    );
    let mut client = Get::new("/faulty").stream(gateway.address());
    is_bad.store(true, Ordering::SeqCst);
    drop(client.rest());
    assert_eq!(Get::new("/faulty").stream(gateway.address()).status, 410);
}

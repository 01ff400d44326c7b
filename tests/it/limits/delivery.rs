//! `inbound_burst`, `inbound_per_second`, `unsent_bytes`, `send_buffer`, `admit_per_second`.

use super::gateway;
use crate::support::{Client, Get, Upstream, eventually};

#[test]
fn a_subscriber_that_talks_too_much_is_cut_off_and_one_that_says_little_is_not() {
    let upstream = Upstream::live();
    let gateway = gateway(
        "inbound_burst = \"1KiB\"\ninbound_per_second = \"1B\"",
        &upstream,
    );
    let mut quiet = Get::new("/a").stream(gateway.address());
    let mut chatty = Get::new("/a").stream(gateway.address());
    quiet.send([b'x'; 512]);
    chatty.send([b'x'; 4096]);
    eventually("it is cut off", || {
        gateway.metric(r#"fantail_subscriptions_ended_total{reason="error",route="events"}"#) == 1.0
    });
    while !chatty.is_ended() {
        drop(chatty.line());
    }
    upstream.wait_for_streams(1);
    upstream.emit("data: x\n\n");
    assert_eq!(quiet.next_event().data, "x");
}

#[test]
fn the_kernel_holds_little_for_a_client_that_does_not_read() {
    const EVENTS: usize = 400;
    let upstream = Upstream::live();
    let gateway = gateway(
        "unsent_bytes = \"4KiB\"\nsend_buffer = \"16KiB\"",
        &upstream,
    );
    let mut reading = Get::new("/a").stream(gateway.address());
    let _sleeping = Get::new("/a")
        .receive_buffer(4096)
        .stream(gateway.address());
    upstream.wait_for_streams(1);
    let event = format!("data: {}\n\n", "x".repeat(4000));
    for _ in 0..EVENTS {
        upstream.emit(&event);
        drop(reading.next_event());
    }
    let read = gateway.metric(r#"fantail_frames_delivered_total{route="events"}"#);
    let taken = read - EVENTS as f64;
    assert!(
        (0.0..=25.0).contains(&taken),
        "{taken} of {EVENTS} frames are in the kernel"
    );
}

#[test]
fn the_more_clients_there_are_the_wider_their_return_is_spread() {
    let upstream = Upstream::live();
    let gateway = gateway("admit_per_second = 1", &upstream);
    let mut clients: Vec<Client> = (0..60)
        .map(|_| Get::new("/a").stream(gateway.address()))
        .collect();
    upstream.wait_for_streams(1);
    upstream.emit("data: x\n\n");
    let retries: Vec<u64> = clients
        .iter_mut()
        .map(|client| {
            drop(client.next_event());
            client.retry.expect("a retry")
        })
        .collect();
    let (first, last) = (&retries[..2], &retries[40..]);
    assert!(
        first.iter().all(|retry| (1_000..=8_000).contains(retry)),
        "{first:?}"
    );
    // Each of these 20 is drawn from half a minute and more.
    assert!(last.iter().max() > Some(&10_000), "{last:?}");
    assert!(last.iter().all(|retry| *retry <= 60_000), "{last:?}");
}

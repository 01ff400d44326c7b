//! Stopping: streams end one by one, told when to come back, and nobody is refused.

use std::net::TcpStream;
use std::time::Duration;

use rstest::rstest;

use crate::support::{Client, Gateway, Get, Upstream, Way, eventually};

fn gateway(way: Way, upstream: &Upstream, window: &str) -> Gateway {
    let server = format!(
        "[server]\nlisten = [\"127.0.0.1:0\"]\ndrain = \"{window}\"\ndrain_delay = \"0s\"\n"
    );
    let route =
        "[[route]]\nname = \"events\"\npath = \"/events\"\nupstream = \"{upstream}/events\"\n";
    way.start(&format!("{server}{route}"), upstream)
}

#[rstest]
fn every_stream_ends_at_a_boundary_with_its_own_retry_spread_over_the_window(
    #[values(Way::Plain, Way::Tls, Way::H2)] way: Way,
) {
    const STREAMS: usize = 40;
    let upstream = Upstream::live();
    let mut gateway = gateway(way, &upstream, "1s");
    let mut clients: Vec<Client> = (0..STREAMS).map(|_| gateway.subscribe()).collect();
    upstream.wait_for_streams(1);
    upstream.emit("data: 1\n\n");
    for client in &mut clients {
        client.data(1);
        client.retry = None;
    }
    gateway.drain();
    let begin = fantail::clock::now();
    eventually("half the streams have ended", || {
        gateway.metric(way.subscribers()) < STREAMS as f64 / 2.0
    });
    let half = begin.elapsed();
    assert!(half > Duration::from_millis(200), "all at once: {half:?}");
    let mut retries = Vec::new();
    for mut client in clients {
        client.expect_end();
        retries.push(client.retry.expect("a retry before the end"));
    }
    assert!(
        begin.elapsed() < Duration::from_secs(3),
        "{:?}",
        begin.elapsed()
    );
    assert!(
        retries.iter().all(|retry| (5000..=60_000).contains(retry)),
        "{retries:?}"
    );
    retries.sort_unstable();
    retries.dedup();
    assert!(retries.len() > STREAMS / 2, "not jittered: {retries:?}");
    eventually("the drain is over", || gateway.is_drained());
    let ended = "fantail_subscriptions_ended_total{reason=\"drain\",route=\"events\"}";
    assert_eq!(gateway.metric(ended), STREAMS as f64);
}

#[rstest]
fn events_go_on_until_a_streams_own_moment(#[values(Way::Plain, Way::Tls, Way::H2)] way: Way) {
    let upstream = Upstream::live();
    let mut gateway = gateway(way, &upstream, "2s");
    let mut clients: Vec<Client> = (0..10).map(|_| gateway.subscribe()).collect();
    upstream.wait_for_streams(1);
    gateway.drain();
    let mut said = 0;
    eventually("the drain is over", || {
        upstream.emit(&format!("data: {said}\n\n"));
        said += 1;
        gateway.is_drained()
    });
    let mut counts: Vec<usize> = Vec::new();
    for client in &mut clients {
        let data: Vec<String> = client.rest().into_iter().map(|event| event.data).collect();
        let expected: Vec<String> = (0..data.len()).map(|n| n.to_string()).collect();
        assert_eq!(data, expected);
        counts.push(data.len());
    }
    assert!(counts.iter().max() > counts.iter().min(), "{counts:?}");
}

/// A connection that came while streams ended was closed without an answer.
#[rstest]
fn newcomers_are_sent_away_softly_and_readiness_is_off_while_streams_still_run(
    #[values(Way::Plain, Way::Tls, Way::H2)] way: Way,
) {
    let upstream = Upstream::live();
    let mut gateway = gateway(way, &upstream, "30s");
    let clients: Vec<Client> = (0..50).map(|_| gateway.subscribe()).collect();
    gateway.drain();
    eventually("readiness is off", || {
        Get::new("/readyz").connect(gateway.admin()).status == 503
    });
    let ended = "fantail_subscriptions_ended_total{reason=\"drain\",route=\"events\"}";
    eventually("streams end", || gateway.metric(ended) > 0.0);
    assert_eq!(Get::new("/livez").connect(gateway.admin()).status, 200);
    let rejects = "{listener=\"127.0.0.1:0\",reason=\"draining\"}";
    let rejects = format!("fantail_soft_rejects_total{rejects}");
    for count in 1..=20 {
        let mut newcomer = Get::new("/events").stream(gateway.address());
        assert_eq!(newcomer.status, 200);
        newcomer.expect_end();
        assert!((5000..=60_000).contains(&newcomer.retry.unwrap()));
        assert_eq!(gateway.metric(&rejects), f64::from(count));
    }
    // What is no subscription is served to the end.
    let other = Get::new("/other").connect(gateway.address());
    assert_eq!(other.status, 404);
    drop(clients);
}

#[rstest]
fn who_can_not_read_a_soft_refusal_gets_a_503_and_when_to_come_back(
    #[values(Way::Plain, Way::Tls, Way::H2)] way: Way,
) {
    let upstream = Upstream::live();
    let server = "[server]\nlisten = [\"127.0.0.1:0\"]\ndrain = \"30s\"\ndrain_delay = \"0s\"\n";
    let route = "[[route]]\npath = \"/events\"\nupstream = \"{upstream}/events\"\nmode = \"sse\"\n";
    let mut gateway = way.start(&format!("{server}{route}"), &upstream);
    let clients: Vec<Client> = (0..50).map(|_| gateway.subscribe()).collect();
    gateway.drain();
    let ended = "fantail_subscriptions_ended_total{reason=\"drain\",route=\"/events\"}";
    eventually("streams end", || gateway.metric(ended) > 0.0);
    let client = Get::new("/events")
        .header("Accept", "*/*")
        .connect(gateway.address());
    assert_eq!(
        (client.status, client.header("retry-after")),
        (503, Some("10"))
    );
    drop(clients);
}

#[rstest]
fn the_port_stays_bound_until_the_last_stream_has_ended(
    #[values(Way::Plain, Way::Tls, Way::H2)] way: Way,
) {
    let upstream = Upstream::live();
    let mut gateway = gateway(way, &upstream, "1s");
    let address = gateway.address();
    let _clients: Vec<Client> = (0..20).map(|_| gateway.subscribe()).collect();
    gateway.drain();
    eventually("the drain is over", || {
        assert!(
            TcpStream::connect(address).is_ok(),
            "refused while draining"
        );
        gateway.is_drained()
    });
    drop(gateway);
    assert!(TcpStream::connect(address).is_err(), "still bound");
}

#[rstest]
fn a_gateway_without_streams_stops_at_once(#[values(Way::Plain, Way::Tls, Way::H2)] way: Way) {
    let upstream = Upstream::live();
    let mut gateway = gateway(way, &upstream, "30s");
    let begin = fantail::clock::now();
    gateway.drain();
    eventually("the drain is over", || gateway.is_drained());
    assert!(begin.elapsed() < Duration::from_secs(1));
}

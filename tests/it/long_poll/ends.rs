//! Polls that end in another way than with events.

use rstest::rstest;

use super::{Answer, WAITING, poll, request, said, waiting};
use crate::support::{Client, Get, Upstream, Way, eventually};

#[rstest]
fn a_client_that_hangs_up_while_it_waits_frees_its_place_at_once(
    #[values(Way::Plain, Way::H2)] way: Way,
) {
    let (_upstream, gateway) = said(way, "poll_wait = \"10m\"", 1);
    let clients = [waiting(&gateway, "u0"), waiting(&gateway, "u0")];
    assert_eq!(gateway.topics()[0]["subscribers"], 2);
    let [closes, resets] = clients;
    drop(closes);
    eventually("the one that closed is gone", || {
        gateway.metric(WAITING) == 1.0
    });
    resets.reset();
    eventually("the one that was reset is gone", || {
        gateway.metric(WAITING) == 0.0
    });
    eventually("nothing is held", || {
        gateway.app().connections() == 0 && gateway.topics()[0]["subscribers"] == 0
    });
    let ended = "fantail_subscriptions_ended_total{reason=\"client\",route=\"events\"}";
    // The witness's stream, and the two.
    eventually("all are counted", || gateway.metric(ended) == 3.0);
}

#[rstest]
fn a_drain_answers_those_who_wait_at_once_and_sends_them_far_away(
    #[values(Way::Plain, Way::H2)] way: Way,
) {
    let upstream = Upstream::live();
    let server = "[server]\nlisten = [\"127.0.0.1:0\"]\ndrain = \"30s\"\ndrain_delay = \"0s\"\n";
    let route = "[[route]]\nname = \"events\"\npath = \"/events\"\n\
                 upstream = \"{upstream}/events\"\npoll_wait = \"10m\"\n";
    let mut gateway = way.start(&format!("{server}{route}"), &upstream);
    let mut polls: Vec<Client> = (0..10).map(|_| waiting(&gateway, "")).collect();
    // They keep the drain going while others come.
    let _streams: Vec<Client> = (0..50).map(|_| gateway.subscribe()).collect();
    gateway.drain();
    for client in &mut polls {
        client.read_head();
        let answer = Answer::read(client);
        assert!((5000..=60_000).contains(&answer.retry), "{}", answer.retry);
        assert_eq!(answer.events[0].name, "fantail.position");
        assert!(client.is_ended(), "the connection goes with it");
    }
    let ended = "fantail_subscriptions_ended_total{reason=\"drain\",route=\"events\"}";
    assert!(gateway.metric(ended) >= 10.0);
    // Whatever it accepts, a poller reads what a stream's client reads.
    let late = poll(&gateway, "");
    assert_eq!(late.body, ":\n");
    assert!((5000..=60_000).contains(&late.retry));
}

#[rstest]
fn what_the_upstream_means_is_passed_on_and_a_poll_that_waits_finds_it_next_time(
    #[values(Way::Plain, Way::H2)] way: Way,
) {
    for status in [404, 204] {
        let upstream = Upstream::polled(move |_| format!("HTTP/1.1 {status} Word\r\n\r\n"));
        let gateway = way.route(&upstream, "");
        for _ in 0..3 {
            assert_eq!(request("").connect(gateway.address()).status, status);
        }
        assert_eq!(upstream.requests().len(), 1);
    }
    let upstream = Upstream::start(|mut exchange| match exchange.number {
        0 => {
            exchange.send(crate::support::STREAM_HEAD);
            exchange.send("retry: 500\nid: 1\ndata: x\n\n");
            exchange.stream();
        }
        _ => exchange.send("HTTP/1.1 204 No Content\r\n\r\n"),
    });
    let gateway = way.route(&upstream, "poll_wait = \"10m\"");
    assert_eq!(poll(&gateway, "").data(), ["x"]);
    let mut client = waiting(&gateway, "1");
    upstream.end_streams();
    client.read_head();
    assert_eq!(Answer::read(&mut client).body, ":\n");
    assert_eq!(request("1").connect(gateway.address()).status, 204);
}

#[rstest]
fn an_upstream_in_trouble_is_held_and_named(#[values(Way::Plain, Way::H2)] way: Way) {
    let upstream = Upstream::polled(|_| "HTTP/1.1 503 Busy\r\n\r\n".to_owned());
    let gateway = way.route(&upstream, "poll_wait = \"100ms\"");
    let answer = poll(&gateway, "");
    let words = ": the upstream is in trouble (status) and is asked again\n";
    assert!(answer.body.starts_with(words), "{}", answer.body);
    assert_eq!(answer.events[0].name, "fantail.position");
}

#[rstest]
fn a_poll_is_one_of_a_topics_subscribers(#[values(Way::Plain, Way::H2)] way: Way) {
    let upstream = Upstream::live();
    let limits = "[limits]\nsubscribers_per_topic = 1\n";
    let route = "[[route]]\nname = \"events\"\npath = \"/events\"\n\
                 upstream = \"{upstream}/events\"\npoll_wait = \"10m\"\n";
    let gateway = way.start(&format!("{limits}{route}"), &upstream);
    let first = waiting(&gateway, "");
    let refused = poll(&gateway, "");
    assert_eq!(refused.body, ":\n");
    assert!((5000..=60_000).contains(&refused.retry));
    let refused = Get::new("/events").stream(gateway.address());
    let last = (way == Way::Plain).then_some("close");
    assert_eq!(refused.header("connection"), last);
    drop(first);
    eventually("its place is free", || gateway.metric(WAITING) == 0.0);
    drop(gateway.subscribe());
}

/// Between two polls nobody subscribes; without its linger the topic would begin a new life, and
/// every poller would be told of a gap.
#[rstest]
fn the_topic_outlives_the_time_between_two_polls(#[values(Way::Plain, Way::H2)] way: Way) {
    let (upstream, gateway) = said(way, "", 1);
    eventually("the witness is gone", || {
        gateway.topics()[0]["subscribers"] == 0
    });
    for number in 1..=3 {
        upstream.emit(&format!("id: u{number}\ndata: {number}\n\n"));
        let answer = poll(&gateway, &format!("u{}", number - 1));
        assert_eq!(answer.data(), [number.to_string()]);
        eventually("nobody is there", || {
            gateway.metric(way.subscribers()) + gateway.metric(WAITING) == 0.0
        });
        assert_eq!(gateway.topics()[0]["state"], "lingering");
    }
    assert_eq!(upstream.requests().len(), 1);
}

//! One poll, one answer.

use rstest::rstest;

use super::{Answer, WAITING, poll, request, said, waiting};
use crate::support::{Client, Get, Upstream, Way, eventually, with_length};

#[rstest]
fn what_is_newer_comes_at_once_with_its_length_and_the_connection_lives_on(
    #[values(Way::Plain, Way::H2)] way: Way,
) {
    let (_upstream, gateway) = said(way, "", 3);
    let mut client = request("u0").connect(gateway.address());
    for (name, value) in [
        ("content-type", Some("text/event-stream")),
        ("cache-control", Some("no-cache, no-store, no-transform")),
        ("x-accel-buffering", Some("no")),
        ("connection", None),
        ("transfer-encoding", None),
    ] {
        assert_eq!(client.header(name), value, "{name}");
    }
    let answer = Answer::read(&mut client);
    assert_eq!(answer.body, "id: u1\ndata: 1\n\nid: u2\ndata: 2\n\n");
    assert!((1000..=2000).contains(&answer.retry), "{}", answer.retry);
    // The header goes before the query.
    client.send(request("u0").after("u1").bytes());
    client.read_head();
    assert_eq!(Answer::read(&mut client).body, "id: u2\ndata: 2\n\n");
    let answered = "fantail_subscriptions_ended_total{reason=\"answered\",route=\"events\"}";
    assert_eq!(gateway.metric(answered), 2.0);
    let begun = "fantail_subscriptions_total{protocol=\"poll\",route=\"events\"}";
    assert_eq!(gateway.metric(begun), 2.0);
}

#[rstest]
fn a_poll_without_news_waits_for_the_next_event(#[values(Way::Plain, Way::H2)] way: Way) {
    let (upstream, gateway) = said(way, "", 2);
    let mut client = waiting(&gateway, "u1");
    upstream.emit("id: u2\nevent: tick\ndata: 2\n\n");
    client.read_head();
    let answer = Answer::read(&mut client);
    assert_eq!(answer.body, "id: u2\nevent: tick\ndata: 2\n\n");
    assert_eq!(gateway.metric(WAITING), 0.0);
}

#[rstest]
fn a_poll_that_has_waited_long_enough_is_a_comment(#[values(Way::Plain, Way::H2)] way: Way) {
    let (_upstream, gateway) = said(way, "poll_wait = \"100ms\"", 1);
    let answer = poll(&gateway, "u0");
    assert_eq!(answer.body, ":\n");
    let ended = "fantail_subscriptions_ended_total{reason=\"poll_wait\",route=\"events\"}";
    assert_eq!(gateway.metric(ended), 1.0);
}

/// Without an id of its own the next poll would begin anew, and miss what is said until then.
#[rstest]
fn a_first_poll_gets_a_place_and_misses_nothing_from_there_on(
    #[values(Way::Plain, Way::H2)] way: Way,
) {
    let upstream = Upstream::live();
    let gateway = way.route(&upstream, "poll_wait = \"100ms\"\nlinger = \"1m\"");
    let mut place = String::new();
    for number in 0..4 {
        let answer = poll(&gateway, &place);
        match number {
            0 => {
                let place = &answer.events[0];
                assert_eq!((&*place.name, &*place.data), ("fantail.position", "{}"));
                assert!(place.id.starts_with('~'), "{}", place.id);
            }
            _ => assert_eq!(answer.data(), [format!("{}", number - 1)]),
        }
        answer.last_id().clone_into(&mut place);
        upstream.wait_for_streams(1);
        upstream.emit(&format!("data: {number}\n\n"));
        eventually("it is in the log", || {
            gateway.topics()[0]["frames_kept"] == number + 1
        });
    }
}

#[rstest]
fn a_first_poll_gets_at_once_what_a_newcomer_of_a_stream_gets(
    #[values(Way::Plain, Way::H2)] way: Way,
) {
    let upstream =
        Upstream::polled(|n| with_length(&format!("retry: 60000\nid: {n}\ndata: {n}\n\n")));
    let gateway = way.route(&upstream, "");
    assert_eq!(poll(&gateway, "").data(), ["0"]);
    eventually("the answer is complete", || {
        gateway.topics()[0]["feed"] == "waiting"
    });
    assert_eq!(poll(&gateway, "").data(), ["0"]);
    assert_eq!(upstream.requests().len(), 1);
}

#[rstest]
fn an_answer_has_its_bound_and_the_next_one_goes_on(#[values(Way::Plain, Way::H2)] way: Way) {
    let (_upstream, gateway) = said(way, "poll_bytes = \"40B\"", 5);
    let mut id = "u0".to_owned();
    for expected in [&["1", "2"][..], &["3", "4"]] {
        let answer = poll(&gateway, &id);
        assert_eq!(answer.data(), expected);
        answer.last_id().clone_into(&mut id);
    }
    let ended = "fantail_subscriptions_ended_total{reason=\"poll_bytes\",route=\"events\"}";
    assert_eq!(gateway.metric(ended), 1.0);
}

#[rstest]
fn an_id_whose_successors_are_gone_is_a_gap_as_for_a_stream(
    #[values(Way::Plain, Way::H2)] way: Way,
) {
    let (_upstream, gateway) = said(way, "replay = { events = 2 }", 6);
    let answer = poll(&gateway, "u2");
    assert_eq!(answer.events[0].name, "fantail.gap");
    assert_eq!(
        answer.data(),
        ["{\"missed\":1,\"reason\":\"evicted\"}", "4", "5"]
    );
    let again = poll(&gateway, &answer.events[0].id);
    assert_eq!(again.data(), ["4", "5"], "the gap is repeated");
    let missed = "fantail_frames_missed_total{reason=\"resume\",route=\"events\"}";
    assert_eq!(gateway.metric(missed), 1.0);
}

#[rstest]
fn polls_and_streams_share_one_upstream_that_never_hears_of_polls(
    #[values(Way::Plain, Way::H2)] way: Way,
) {
    let upstream = Upstream::live();
    let gateway = way.route(&upstream, "query = [\"*\"]");
    let mut stream = Get::new("/events?a=1").stream(gateway.address());
    let mut client = Client::raw(gateway.address());
    client.send(Get::new("/events?fantail=poll&a=1&last_event_id=").bytes());
    eventually("it waits", || gateway.metric(WAITING) == 1.0);
    upstream.wait_for_streams(1);
    upstream.emit("data: x\n\n");
    client.read_head();
    assert_eq!(Answer::read(&mut client).data(), ["x"]);
    assert_eq!(stream.data(1), ["x"]);
    let requests = upstream.requests();
    assert_eq!(requests.len(), 1);
    assert!(
        requests[0].starts_with("GET /events?a=1 HTTP/1.1\r\n"),
        "{requests:?}"
    );
}

#[rstest]
fn head_gets_the_headers_and_opens_nothing(#[values(Way::Plain, Way::H2)] way: Way) {
    let upstream = Upstream::live();
    let gateway = way.route(&upstream, "");
    let client = request("").method("HEAD").connect(gateway.address());
    assert_eq!(client.status, 200);
    assert_eq!(client.header("content-type"), Some("text/event-stream"));
    assert_eq!(upstream.requests().len(), 0);
}

#[rstest]
fn only_what_serves_streams_serves_polls(#[values(Way::Plain, Way::H2)] way: Way) {
    let upstream = Upstream::live();
    let is_passed_through = |client: &Client| client.header("via") == Some("1.1 fantail");
    let gateway = way.route(&upstream, "mode = \"proxy\"");
    assert!(is_passed_through(&request("").connect(gateway.address())));
    let gateway = way.route(&upstream, "");
    let post = request("").method("POST").header("Content-Length", "0");
    assert!(is_passed_through(&post.connect(gateway.address())));
    let other = Get::new("/events?fantail=pol").connect(gateway.address());
    assert!(is_passed_through(&other));
    let gateway = way.route(&upstream, "mode = \"sse\"");
    let post = request("").method("POST").header("Content-Length", "0");
    assert_eq!(post.connect(gateway.address()).status, 405);
}

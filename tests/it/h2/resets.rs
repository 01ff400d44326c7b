//! B1: requests that are made to be given up, and those that make the gateway give up.

use std::time::Duration;

use fantail::clock;

use super::Stage;
use crate::support::eventually;
use crate::support::h2::{
    ENHANCE_YOUR_CALM, FLOW_CONTROL_ERROR, NO_ERROR, reset, subscription, window_update,
};

const CANCEL: u32 = 8;

#[test]
fn requests_that_are_given_up_at_once_end_their_connection() {
    let stage = Stage::new("new_topics_per_second = 20", "");
    stage.attacked(|| {
        let mut h2 = stage.connect();
        let mut pairs = Vec::new();
        for number in 0..2_000 {
            let stream = h2.open();
            pairs.extend(subscription(stream, &format!("/events/{number}")));
            pairs.extend(reset(stream, CANCEL));
        }
        h2.send(&pairs);
        h2.expect_goaway(ENHANCE_YOUR_CALM);
    });
    stage.expect_glitches("reset", 1.0);
    // The burst, a second's worth for the time that it took, and the others' own.
    let asked = stage.upstream.requests().len();
    assert!(asked <= 20 + 20 + 1, "{asked} topics were opened");
}

#[test]
fn streams_that_are_given_up_once_they_are_served_cost_the_upstream_no_more_than_its_bucket() {
    const PER_SECOND: u64 = 40;
    let stage = Stage::new(
        &format!("new_topics_per_second = {PER_SECOND}\nh2_opens = 200"),
        "",
    );
    let begin = clock::now();
    stage.attacked(|| {
        let mut h2 = stage.connect();
        for number in 0..2_000 {
            let stream = h2.open();
            h2.send(subscription(stream, &format!("/events/{number}")));
            if number < 20 {
                assert_eq!(h2.status(stream), Some(200));
            }
            h2.send(reset(stream, CANCEL));
            h2.pump(Duration::from_millis(1));
            if h2.is_ended() || h2.goaway.is_some() {
                break;
            }
        }
        h2.expect_goaway(NO_ERROR);
    });
    let seconds = (clock::now() - begin).as_secs() + 1;
    stage.expect_glitches("stream_open", 1.0);
    let asked = stage.upstream.requests().len() as u64;
    let most = PER_SECOND * (1 + seconds) + 1;
    assert!(asked <= most, "{asked} topics were opened, {most} at most");
    assert_eq!(
        stage
            .gateway
            .metric("fantail_subscribers{protocol=\"h2\",route=\"events\"}"),
        0.0
    );
}

/// A request beyond `h2_opens` is turned away as every client that is too fast.
#[test]
fn who_opens_too_many_streams_is_turned_away_and_the_others_of_its_streams_go_on() {
    let stage = Stage::new("h2_opens = 8", "");
    let mut h2 = stage.connect();
    let streams: Vec<u32> = (0..8).map(|_| h2.subscribed("/events/a")).collect();
    let beyond = h2.subscribe("/events/a");
    h2.wait("it is turned away", |h2| h2.answer(beyond).is_over);
    assert!(h2.answer(beyond).body.starts_with("retry: "));
    h2.wait("it is told", |h2| {
        h2.goaway.is_some_and(|(_, code)| code == NO_ERROR)
    });
    stage.upstream.wait_for_streams(1);
    stage.upstream.emit("data: x\n\n");
    for stream in streams {
        assert_eq!(h2.data(stream, 1), ["x"]);
        h2.send(reset(stream, CANCEL));
    }
    h2.wait_for_end();
    assert_eq!(
        (stage.glitches("stream_open"), stage.rejects("rate")),
        (1.0, 1.0)
    );
    stage.assert_sound(0);
}

/// Streams that the gateway is made to reset (CVE-2025-8671).
#[test]
fn streams_that_the_gateway_is_made_to_give_up_end_their_connection() {
    let stage = Stage::new("", "");
    stage.attacked(|| {
        let mut h2 = stage.connect();
        for _ in 0..1_000 {
            let stream = h2.subscribe("/events/a");
            h2.send(window_update(stream, 0x7fff_ffff));
            h2.pump(Duration::from_micros(500));
            if h2.is_ended() {
                break;
            }
        }
        h2.expect_goaway(ENHANCE_YOUR_CALM);
        let resets = h2
            .answers()
            .filter(|answer| answer.reset == Some(FLOW_CONTROL_ERROR));
        assert!(resets.count() <= 70);
    });
    stage.expect_glitches("reset", 1.0);
}

#[test]
fn what_a_client_has_given_up_is_counted_and_its_upstream_let_go() {
    let stage = Stage::new("", "");
    let mut h2 = stage.connect();
    for number in 0..20 {
        let stream = h2.subscribed(&format!("/events/{number}"));
        h2.send(reset(stream, CANCEL));
    }
    eventually("all are counted", || stage.ended("client") == 20.0);
    eventually("the upstream is left alone", || stage.upstream.open() == 0);
    h2.subscribed("/events/again");
}

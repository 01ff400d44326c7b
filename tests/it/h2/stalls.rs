//! A5: clients that open no window, or a small one.

use std::time::Duration;

use fantail::clock;
use rstest::rstest;

use super::Stage;
use crate::support::h2::{INITIAL_WINDOW, NO_ERROR, get, request, window_update};
use crate::support::{H2, Way, eventually};

const STALL: Duration = Duration::from_secs(1);
const KEYS: &str = "stall_timeout = \"1s\"\nheartbeat = \"200ms\"";

/// A client whose streams have this window, and which does not open it again.
fn narrow(stage: &Stage, window: u32) -> H2 {
    let mut h2 = H2::raw(stage.gateway.address());
    h2.takes = false;
    h2.hello(&[(INITIAL_WINDOW, window)]);
    h2
}

#[rstest]
#[case::nothing(Way::Plain, 0)]
#[case::nothing_by_tls(Way::Tls, 0)]
#[case::less_than_a_first_word(Way::Plain, 5)]
#[case::a_few_events(Way::Plain, 300)]
fn a_client_whose_window_stays_shut_is_ended(#[case] way: Way, #[case] window: u32) {
    let stage = Stage::by(way, "h2_ping = \"200ms\"", KEYS);
    stage.attacked(|| {
        let begin = clock::now();
        let mut h2 = narrow(&stage, window);
        let stream = h2.subscribed("/events/others");
        // It answers every PING meanwhile.
        h2.expect_goaway(NO_ERROR);
        let took = clock::now() - begin;
        assert!(h2.asked.1 > 0);
        assert!(took >= STALL, "after {took:?}");
        // A quarter to look, the last word, and what a busy machine needs.
        assert!(took < 6 * STALL, "after {took:?}");
        assert!(h2.answer(stream).body.len() <= window as usize);
        assert_eq!(h2.answer(stream).reset, None);
    });
    assert_eq!(stage.ended("stall"), 1.0);
}

/// One stream that is not read is given up alone: a proxy in front may have a thousand clients on
/// one connection.
#[test]
fn one_stream_that_stalls_costs_the_others_of_its_connection_nothing() {
    let stage = Stage::new("", KEYS);
    stage.attacked(|| {
        let mut h2 = H2::raw(stage.gateway.address());
        h2.hello(&[(INITIAL_WINDOW, 0)]);
        let streams: Vec<u32> = (0..10).map(|_| h2.subscribed("/events/a")).collect();
        let begin = clock::now();
        // Beyond the end of the one that is stuck, for as long again.
        let mut end = None;
        while end.is_none_or(|end| clock::now() < end) {
            assert!(clock::now() - begin < 10 * STALL, "it is still there");
            for stream in &streams[1..] {
                h2.send(window_update(*stream, 100));
            }
            h2.listen(Duration::from_millis(50));
            if h2.answer(streams[0]).reset.is_some() {
                end = end.or(Some(clock::now() + 2 * STALL));
            }
        }
        assert_eq!(h2.goaway, None);
        for stream in &streams[1..] {
            assert_eq!(h2.answer(*stream).reset, None);
            assert!(h2.answer(*stream).body.contains(":\n:\n"));
        }
        assert_eq!(stage.ended("stall"), 1.0);
    });
    assert_eq!(stage.ended("stall"), 1.0);
}

/// Half a kilobyte at a time, four times as long as a stall may last.
#[test]
fn a_small_window_that_moves_is_none() {
    let stage = Stage::new("", KEYS);
    let mut h2 = narrow(&stage, 0);
    let stream = h2.subscribed("/events/a");
    stage.upstream.wait_for_streams(1);
    let begin = clock::now();
    let (mut said, mut opened) = (0_u32, 0);
    while clock::now() - begin < 4 * STALL {
        stage.upstream.emit(&format!("data: {said}\n\n"));
        said += 1;
        h2.send(window_update(stream, 512));
        opened += 512;
        h2.listen(Duration::from_millis(50));
    }
    h2.send(window_update(stream, 1 << 20));
    let data = h2.data(stream, said as usize);
    let expected: Vec<String> = (0..said).map(|number| number.to_string()).collect();
    assert_eq!(data, expected, "after {opened} bytes");
    assert_eq!((h2.goaway, stage.ended("stall")), (None, 0.0));
}

/// A stream that has nothing to say waits for its topic, not for its client.
#[test]
fn a_topic_without_events_is_no_stall() {
    let stage = Stage::new("", "stall_timeout = \"1s\"");
    let mut h2 = stage.connect();
    let stream = h2.subscribed("/events/a");
    h2.listen(3 * STALL);
    stage.upstream.wait_for_streams(1);
    stage.upstream.emit("data: x\n\n");
    assert_eq!(h2.data(stream, 1), ["x"]);
}

/// An answer to an ordinary request that is not taken.
#[test]
fn an_answer_that_is_not_taken_costs_its_window_and_its_connection_lives() {
    let stage = Stage::new("", KEYS);
    let mut h2 = narrow(&stage, 0);
    let stream = h2.open();
    h2.send(request(stream, &get("/none")));
    assert_eq!(h2.status(stream), Some(404));
    h2.send(window_update(stream, 1 << 16));
    h2.wait("it is over", |h2| h2.answer(stream).is_over);
    eventually("nothing of it is left", || {
        stage
            .gateway
            .metric("fantail_subscribers{protocol=\"h2\",route=\"events\"}")
            == 0.0
    });
}

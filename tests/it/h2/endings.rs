//! Whatever ends a stream: an `END_STREAM`, never a reset, after which WebKit would stay open.

use rstest::rstest;

use super::Stage;
use crate::support::h2::{INITIAL_WINDOW, NO_ERROR, get, window_update};
use crate::support::{Get, H2, Way, eventually};

/// The end is clean, and the connection lives.
#[track_caller]
fn expect_end(h2: &mut H2, stream: u32) {
    h2.wait("it ends", |h2| {
        h2.answer(stream).is_over || h2.answer(stream).reset.is_some()
    });
    let answer = h2.answer(stream);
    assert_eq!((answer.is_over, answer.reset), (true, None), "{answer:?}");
}

/// The last `retry:`.
#[track_caller]
fn retry(h2: &H2, stream: u32) -> u64 {
    let (_, last) = h2.answer(stream).body.rsplit_once("retry: ").unwrap();
    last.lines().next().unwrap().parse().unwrap()
}

#[rstest]
fn the_upstreams_end_is_one(#[values(Way::Plain, Way::Tls)] way: Way) {
    let stage = Stage::by(way, "", "on_upstream_end = \"close\"");
    let mut h2 = stage.connect();
    let stream = h2.subscribed("/events/a");
    stage.upstream.wait_for_streams(1);
    stage.upstream.emit("data: x\n\n");
    stage.upstream.end_streams();
    expect_end(&mut h2, stream);
    assert_eq!(h2.answer(stream).data(), ["x"]);
    assert_eq!((h2.goaway, stage.ended("upstream_end")), (None, 1.0));
    h2.subscribed("/events/a");
}

#[rstest]
fn age_is_one(#[values(Way::Plain, Way::Tls)] way: Way) {
    let stage = Stage::by(way, "", "max_age = \"1s\"");
    let mut h2 = stage.connect();
    let streams: Vec<u32> = (0..3).map(|_| h2.subscribed("/events/a")).collect();
    for stream in streams {
        expect_end(&mut h2, stream);
    }
    assert_eq!((h2.goaway, stage.ended("age")), (None, 3.0));
    h2.subscribed("/events/a");
}

/// Two streams of one topic, and fifty events, of which the second has been given none.
fn one_with_a_shut_window(stage: &Stage) -> (H2, u32, H2, u32) {
    let mut reader = stage.connect();
    let read = reader.subscribed("/events/a");
    let mut h2 = H2::raw(stage.gateway.address());
    h2.hello(&[(INITIAL_WINDOW, 0)]);
    let stream = h2.subscribed("/events/a");
    stage.upstream.wait_for_streams(1);
    for number in 1..=50 {
        stage.upstream.emit(&format!("data: {number}\n\n"));
        reader.data(read, number);
    }
    (reader, read, h2, stream)
}

/// A client whose window has been shut for too many events.
#[test]
fn slowness_is_one() {
    let stage = Stage::new("", "slow = \"close\"\nreplay = { events = 8 }");
    let (reader, read, mut h2, stream) = one_with_a_shut_window(&stage);
    h2.send(window_update(stream, 1 << 20));
    expect_end(&mut h2, stream);
    assert_eq!((h2.goaway, stage.ended("slow")), (None, 1.0));
    assert!(!reader.answer(read).is_over);
}

/// Likewise, told of it and served on.
#[test]
fn a_slow_client_is_told_what_it_has_missed() {
    let stage = Stage::new("", "replay = { events = 8 }");
    let (_reader, _, mut h2, stream) = one_with_a_shut_window(&stage);
    h2.send(window_update(stream, 1 << 20));
    // The first chunk was in its hands already; then 8 of 50 are there.
    let data = h2.data(stream, 9);
    assert_eq!(data[0], r#"{"missed":42,"reason":"lag"}"#);
    assert_eq!((&*data[1], &*data[8]), ("43", "50"));
    assert!(h2.answer(stream).body.contains("event: fantail.gap\n"));
}

/// The answer of a topic that there is not, and of an upstream that says so.
#[test]
fn a_refusal_is_a_whole_answer() {
    let stage = Stage::new("", "");
    let mut h2 = stage.connect();
    let stream = h2.ask(&get("/none"));
    assert_eq!(h2.status(stream), Some(404));
    expect_end(&mut h2, stream);
    assert!(!h2.answer(stream).body.is_empty());
}

#[rstest]
fn a_drain_ends_each_stream_and_then_the_connection(#[values(Way::Plain, Way::Tls)] way: Way) {
    const STREAMS: usize = 20;
    let mut stage = Stage::by(way, "", "");
    let mut h2 = stage.connect();
    let streams: Vec<u32> = (0..STREAMS).map(|_| h2.subscribed("/events/a")).collect();
    // Connections on which nothing, and nothing more, is asked.
    let mut done = stage.connect();
    let stream = done.ask(&get("/none"));
    assert_eq!(done.status(stream), Some(404));
    stage.upstream.wait_for_streams(1);
    stage.upstream.emit("data: x\n\n");
    for stream in &streams {
        h2.data(*stream, 1);
    }
    stage.gateway.drain();
    h2.wait("it is told", |h2| h2.goaway.is_some());
    done.expect_goaway(NO_ERROR);
    h2.expect_goaway(NO_ERROR);
    for stream in &streams {
        expect_end(&mut h2, *stream);
        let retry = retry(&h2, *stream);
        assert!((5_000..=60_000).contains(&retry), "{retry}");
    }
    let retries: Vec<u64> = streams.iter().map(|stream| retry(&h2, *stream)).collect();
    assert!(
        retries.iter().any(|retry| *retry != retries[0]),
        "{retries:?}"
    );
    assert_eq!(stage.ended("drain"), STREAMS as f64);
    eventually("the drain is over", || stage.gateway.is_drained());
}

/// Who comes meanwhile is told when to come back, and so is who has said nothing but its preface.
#[test]
fn who_comes_during_a_drain_is_told_to_come_back() {
    let mut stage = Stage::new("", "");
    let _keeps_it_busy = Get::new("/events/a").stream(stage.gateway.address());
    let mut early = stage.connect();
    early.wait("the settings are there", |h2| h2.acknowledged.0 == 1);
    stage.gateway.drain();
    eventually("it drains", || {
        Get::new("/readyz").connect(stage.gateway.admin()).status != 200
    });
    let mut late = stage.connect();
    for h2 in [&mut late, &mut early] {
        let stream = h2.subscribe("/events/a");
        assert_eq!(h2.status(stream), Some(200));
        expect_end(h2, stream);
        assert!((5_000..=60_000).contains(&retry(h2, stream)));
        h2.expect_goaway(NO_ERROR);
    }
    // The early one may be served for as long as the drain lasts.
    assert!(stage.rejects("draining") >= 1.0);
    eventually("the drain is over", || stage.gateway.is_drained());
}

/// A window that never opens does not hold up a drain.
#[test]
fn a_client_that_takes_nothing_does_not_hold_up_a_drain() {
    let mut stage = Stage::new("", "stall_timeout = \"1s\"");
    let mut h2 = H2::raw(stage.gateway.address());
    h2.hello(&[(INITIAL_WINDOW, 0)]);
    h2.subscribed("/events/a");
    stage.gateway.drain();
    h2.expect_goaway(NO_ERROR);
    eventually("the drain is over", || stage.gateway.is_drained());
}

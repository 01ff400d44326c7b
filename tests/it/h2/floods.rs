//! B2 to B5: frames without end. Each flood ends its connection by a GOAWAY that says why.

use std::time::Duration;

use fantail::clock;
use rstest::rstest;

use super::Stage;
use crate::support::h2::{
    CONTINUATION, END_HEADERS, ENHANCE_YOUR_CALM, HEADERS, INITIAL_WINDOW, PING, PRIORITY,
    RST_STREAM, SETTINGS, frame, get, settings, window_update,
};
use crate::support::{H2, Way, eventually, hpack};

/// A flood is over after this time; a debug build on a busy machine gets some of it for itself.
const SOON: Duration = Duration::from_secs(5);
const MEBIBYTE: usize = 1 << 20;

/// Sends up to 64 MiB of this, and reads meanwhile, until the gateway hangs up: who floods and
/// does not read is told nothing, because nothing gets through to it.
#[track_caller]
fn flood(h2: &mut H2, piece: &[u8]) {
    let begin = clock::now();
    let some = piece.repeat(16 * 1024 / piece.len() + 1);
    for _ in 0..64 * MEBIBYTE / some.len() {
        h2.send(&some);
        while h2.pump(Duration::from_micros(50)) && !h2.is_ended() {}
        if h2.is_ended() {
            break;
        }
    }
    h2.expect_goaway(ENHANCE_YOUR_CALM);
    let took = clock::now() - begin;
    assert!(took < SOON, "{took:?}");
}

#[rstest]
#[case::settings(settings(&[(INITIAL_WINDOW, 65_535)]))]
#[case::empty_settings(frame(SETTINGS, 0, 0, &[]))]
#[case::acknowledged_pings(frame(PING, 0, 0, &[7; 8]))]
#[case::answers_to_no_ping(frame(PING, 1, 0, &[7; 8]))]
#[case::windows(window_update(0, 1))]
#[case::priorities(frame(PRIORITY, 0, 3, &[0, 0, 0, 0, 16]))]
#[case::priorities_of_many_kilobytes_of_streams(frame(PRIORITY, 0, 0x7fff_fff1, &[0, 0, 0, 1, 0]))]
#[case::unknown_frames(frame(0xbe, 0xff, 0, &[0xaa; 64]))]
#[case::empty_unknown_frames(frame(0xbe, 0, 0, &[]))]
fn a_flood_ends_its_connection_and_nobody_else_notices(#[case] piece: Vec<u8>) {
    const CONNECTIONS: usize = 6;
    let stage = Stage::new("", "");
    stage.attacked(|| {
        for _ in 0..CONNECTIONS {
            flood(&mut stage.connect(), &piece);
        }
    });
    stage.expect_glitches("inbound", CONNECTIONS as f64);
    assert_eq!(stage.glitches("protocol"), 0.0);
}

#[rstest]
fn a_flood_by_tls_ends_likewise() {
    let stage = Stage::by(Way::Tls, "", "");
    stage.attacked(|| flood(&mut stage.connect(), &frame(PING, 0, 0, &[7; 8])));
    stage.expect_glitches("inbound", 1.0);
}

#[test]
fn windows_that_go_up_and_down_under_many_streams_are_a_flood_too() {
    let stage = Stage::new("", "");
    stage.attacked(|| {
        let mut h2 = stage.connect();
        let streams: Vec<u32> = (0..256).map(|_| h2.subscribe("/events/many")).collect();
        for stream in streams {
            assert_eq!(h2.status(stream), Some(200));
        }
        let up = settings(&[(INITIAL_WINDOW, 0x7fff_0000)]);
        let down = settings(&[(INITIAL_WINDOW, 0)]);
        flood(&mut h2, &[up, down].concat());
    });
    stage.expect_glitches("inbound", 1.0);
    assert_eq!(stage.ended("error"), 256.0);
}

#[test]
fn a_client_that_keeps_to_its_budget_may_say_what_it_likes() {
    let stage = Stage::new("", "");
    let mut h2 = stage.connect();
    let stream = h2.subscribed("/events/a");
    for _ in 0..200 {
        h2.send(frame(PING, 0, 0, &[1; 8]));
        h2.send(frame(SETTINGS, 0, 0, &[]));
        h2.send(frame(PRIORITY, 0, stream, &[0, 0, 0, 0, 1]));
        h2.send(frame(0xbe, 0, 0, &[0; 100]));
    }
    // Those of its preface are among them.
    h2.wait("all are acknowledged", |h2| h2.acknowledged == (201, 200));
    stage.upstream.wait_for_streams(1);
    stage.upstream.emit("data: x\n\n");
    assert_eq!(h2.data(stream, 1), ["x"]);
}

/// What is sent is paid for: a 128th of it may be said about it.
#[test]
fn a_client_that_reads_much_may_say_so_at_length() {
    let limits = "inbound_burst = \"2KiB\"\ninbound_per_second = \"1B\"";
    let stage = Stage::new(limits, "");
    let mut h2 = stage.connect();
    let stream = h2.subscribed("/events/a");
    stage.upstream.wait_for_streams(1);
    let line = format!("data: {}\n\n", "x".repeat(8000));
    for number in 1..=200 {
        stage.upstream.emit(&line);
        // Each is answered by two windows: 5 KiB of them in all.
        h2.data(stream, number);
    }
    assert_eq!(stage.glitches("inbound"), 0.0);
}

#[rstest]
#[case::full(&[0; 16_384], 64)]
#[case::empty(&[], 2_000)]
fn headers_that_never_end_end_their_connection(#[case] piece: &[u8], #[case] count: usize) {
    let stage = Stage::new("", "");
    stage.attacked(|| {
        let mut h2 = stage.connect();
        let fields = hpack::literals(&get("/events/a"));
        h2.send(frame(HEADERS, 1, 1, &fields));
        let filler = match piece {
            [] => Vec::new(),
            _ => hpack::literal(b"x", &vec![b'x'; piece.len() - 8]),
        };
        for _ in 0..count {
            h2.send(frame(CONTINUATION, 0, 1, &filler));
        }
        h2.wait_for_end();
        assert!(
            matches!(h2.goaway, Some((_, ENHANCE_YOUR_CALM | 1 | 9))),
            "{:?}",
            h2.goaway
        );
    });
    let counted = || stage.glitches("reset") + stage.glitches("protocol");
    eventually("it is counted", || counted() >= 1.0);
    assert_eq!(counted(), 1.0);
    assert!(
        !stage.upstream.requests()[1..]
            .iter()
            .any(|head| head.contains("/events/a"))
    );
}

#[test]
fn resets_of_streams_that_were_closed_long_ago_are_a_flood() {
    let stage = Stage::new("", "");
    stage.attacked(|| {
        let mut h2 = stage.connect();
        let stream = h2.subscribed("/events/a");
        h2.send(frame(RST_STREAM, 0, stream, &[0, 0, 0, 8]));
        flood(&mut h2, &frame(RST_STREAM, 0, stream, &[0, 0, 0, 8]));
    });
    stage.expect_glitches("inbound", 1.0);
}

#[test]
fn empty_pieces_of_a_body_are_a_flood() {
    let proxied = "[[route]]\npath = \"/site\"\nmode = \"proxy\"\nupstream = \"{upstream}/site\"\n";
    let stage = Stage::new("", proxied);
    stage.attacked(|| {
        let mut h2 = stage.connect();
        let stream = h2.open();
        let fields = [
            (":method", "POST"),
            (":scheme", "http"),
            (":authority", "127.0.0.1"),
            (":path", "/site"),
        ];
        h2.send(frame(
            HEADERS,
            END_HEADERS,
            stream,
            &hpack::literals(&fields),
        ));
        flood(&mut h2, &frame(0, 0, stream, &[]));
    });
    // h2 has a budget of its own for them, which may be the first to be used up.
    let counted = || stage.glitches("inbound") + stage.glitches("reset");
    eventually("it is counted", || counted() >= 1.0);
    assert_eq!(counted(), 1.0);
}

//! A1 in HTTP/2: clients that say nothing, not enough, or too slowly, or that are not there any
//! more, are gone by their deadlines.

use std::time::Duration;

use fantail::clock;
use rstest::rstest;

use super::Stage;
use crate::support::h2::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, HEADERS, NO_ERROR, PING, PREFACE, frame, get,
    request, settings,
};
use crate::support::{Client, H2, Way, eventually, hpack};

const LIMITS: &str = "first_byte_timeout = \"300ms\"\nhead_timeout = \"600ms\"";

/// Whatever the machine does meanwhile; the deadlines above are far below it.
const LATE: Duration = Duration::from_secs(8);

/// Says this every 50 ms, and nothing of its own, until the gateway hangs up; how long that took.
fn until_gone(h2: &mut H2, mut speak: impl FnMut(&mut H2, usize)) -> Duration {
    // An acknowledgement would go into the middle of what is only begun.
    h2.is_polite = false;
    let begin = clock::now();
    for said in 0.. {
        speak(h2, said);
        h2.pump(Duration::from_millis(50));
        if h2.is_ended() {
            break;
        }
        assert!(clock::now() - begin < LATE, "still there");
    }
    clock::now() - begin
}

#[rstest]
fn what_is_never_complete_ends_by_its_deadline(#[values(Way::Plain, Way::Tls)] way: Way) {
    let stage = Stage::by(way, LIMITS, "");
    let hello = [PREFACE, &settings(&[])].concat();
    let whole = request(1, &get("/events/a"));
    let block = hpack::literals(&get("/events/a"));
    let beginnings: [(&str, Vec<u8>); 9] = [
        ("half a preface", PREFACE[..12].to_vec()),
        ("a preface", PREFACE.to_vec()),
        ("settings", hello.clone()),
        (
            "half settings",
            [PREFACE, &settings(&[(4, 9)])[..12]].concat(),
        ),
        ("half a frame's header", [&hello[..], &whole[..5]].concat()),
        (
            "half a frame",
            [&hello[..], &whole[..whole.len() - 1]].concat(),
        ),
        (
            "half a block",
            [&hello[..], &frame(HEADERS, END_STREAM, 1, &block)].concat(),
        ),
        (
            "a block without its end",
            [
                &hello[..],
                &frame(HEADERS, END_STREAM, 1, &block),
                &frame(CONTINUATION, 0, 1, &[]),
            ]
            .concat(),
        ),
        (
            "half a PING",
            [&hello[..], &frame(PING, 0, 0, &[0; 8])[..12]].concat(),
        ),
    ];
    for (number, (name, beginning)) in beginnings.iter().enumerate() {
        let mut h2 = H2::raw(stage.gateway.address());
        let took = until_gone(&mut h2, |h2, said| {
            if said == 0 {
                h2.send(beginning);
            }
        });
        assert!(took >= Duration::from_millis(300), "{name} after {took:?}");
        let counted = (number + 1) as f64;
        eventually(name, || stage.rejects("timeout") == counted);
    }
    stage.assert_sound(0);
    assert!(stage.upstream.requests().is_empty());
}

#[rstest]
fn a_silent_client_is_gone_after_the_first_byte_timeout() {
    let stage = Stage::new(LIMITS, "");
    let mut h2 = H2::over(Client::raw(stage.gateway.address()));
    until_gone(&mut h2, |_, _| {});
    eventually("it is counted", || stage.rejects("timeout") == 1.0);
}

/// A deadline, not a pause: each byte that comes does not prolong it.
#[test]
fn headers_that_drip_end_by_their_deadline() {
    let stage = Stage::new(LIMITS, "");
    let block = [
        hpack::literals(&get("/events/a")),
        hpack::literal(b"x", &[b'x'; 400]),
    ];
    let whole = frame(HEADERS, END_HEADERS | END_STREAM, 1, &block.concat());
    let mut h2 = stage.connect();
    let took = until_gone(&mut h2, |h2, said| h2.send([whole[said]]));
    assert!(took >= Duration::from_millis(600), "after {took:?}");
    // Likewise when the bytes are frames, as few as h2 allows.
    let mut h2 = stage.connect();
    let block = block.concat();
    let took = until_gone(&mut h2, |h2, said| {
        let kind = if said == 0 { HEADERS } else { CONTINUATION };
        if said % 4 == 0 && said < 16 {
            h2.send(frame(kind, 0, 1, &block[said..=said]));
        }
    });
    assert!(took >= Duration::from_millis(600), "after {took:?}");
    eventually("both are counted", || stage.rejects("timeout") == 2.0);
    stage.assert_sound(0);
}

#[rstest]
fn who_says_it_in_pieces_within_the_time_is_served(#[values(Way::Plain, Way::Tls)] way: Way) {
    let stage = Stage::by(way, "", "");
    let mut h2 = H2::raw(stage.gateway.address());
    h2.is_polite = false;
    let all = [
        PREFACE,
        &settings(&[(1, 0)]),
        &request(1, &get("/events/a")),
    ]
    .concat();
    for byte in all {
        h2.send([byte]);
        h2.pump(Duration::from_millis(1));
    }
    assert_eq!(h2.status(1), Some(200));
}

/// A subscriber in the middle of a frame is as any other; its streams are told to be an error's.
#[test]
fn a_subscriber_that_stops_in_the_middle_of_a_frame_is_gone_too() {
    let stage = Stage::new(LIMITS, "");
    let mut h2 = stage.connect();
    h2.subscribed("/events/a");
    let took = until_gone(&mut h2, |h2, said| {
        if said == 0 {
            h2.send(&frame(PING, 0, 0, &[0; 8])[..10]);
        }
    });
    assert!(took >= Duration::from_millis(600), "after {took:?}");
    assert_eq!(h2.goaway.map(|(_, code)| code), Some(NO_ERROR));
    eventually("it is counted", || stage.ended("error") == 1.0);
    assert_eq!(stage.rejects("timeout"), 1.0);
}

/// A subscriber has nothing to say: it may be silent for ever.
#[test]
fn a_quiet_subscriber_stays() {
    let stage = Stage::new(&format!("{LIMITS}\nh2_idle_timeout = \"600ms\""), "");
    let mut h2 = stage.connect();
    let stream = h2.subscribed("/events/a");
    h2.listen(Duration::from_secs(2));
    stage.upstream.wait_for_streams(1);
    stage.upstream.emit("data: x\n\n");
    assert_eq!(h2.data(stream, 1), ["x"]);
    assert_eq!(h2.goaway, None);
}

#[rstest]
fn a_connection_without_a_request_is_let_go(#[values(Way::Plain, Way::Tls)] way: Way) {
    let stage = Stage::by(way, "h2_idle_timeout = \"500ms\"", "");
    let mut h2 = stage.connect();
    let stream = h2.ask(&get("/none"));
    assert_eq!(h2.status(stream), Some(404));
    let took = until_gone(&mut h2, |_, _| {});
    assert_eq!(h2.goaway.map(|(_, code)| code), Some(NO_ERROR));
    assert!(took >= Duration::from_millis(400), "after {took:?}");
    assert_eq!(stage.rejects("timeout"), 0.0);
    stage.assert_sound(0);
}

#[rstest]
fn a_client_that_does_not_answer_a_ping_is_gone(#[values(Way::Plain, Way::Tls)] way: Way) {
    let stage = Stage::by(way, "h2_ping = \"1s\"\nh2_ping_timeout = \"1s\"", "");
    let mut here = stage.connect();
    let stream = here.subscribed("/events/a");
    let mut gone = stage.connect();
    gone.subscribed("/events/a");
    let took = until_gone(&mut gone, |_, _| {
        here.listen(Duration::from_millis(1));
    });
    assert!(took >= Duration::from_millis(1_500), "after {took:?}");
    assert!(gone.asked.1 > 0);
    assert_eq!(gone.goaway.map(|(_, code)| code), Some(NO_ERROR));
    eventually("it is counted", || stage.ended("stall") == 1.0);
    here.wait("it is asked again", |here| here.asked.1 > 2);
    stage.upstream.wait_for_streams(1);
    stage.upstream.emit("data: x\n\n");
    assert_eq!(here.data(stream, 1), ["x"]);
}

/// A body is not what a client says in one breath; it has its own deadline.
#[test]
fn half_a_body_is_not_waited_for_as_a_head_is() {
    let site = "[[route]]\npath = \"/site\"\nmode = \"proxy\"\nupstream = \"{upstream}/site\"\n";
    let stage = Stage::new(&format!("{LIMITS}\nbody_timeout = \"2s\""), site);
    let mut h2 = stage.connect();
    h2.is_polite = false;
    let mut fields = get("/site");
    fields[0].1 = "POST";
    h2.send(frame(HEADERS, END_HEADERS, 1, &hpack::literals(&fields)));
    h2.send(&frame(DATA, 0, 1, b"hello")[..12]);
    let begin = clock::now();
    h2.wait("it is over", |h2| {
        h2.answer(1).is_over || h2.answer(1).reset.is_some()
    });
    let took = clock::now() - begin;
    assert!(took >= Duration::from_millis(1_500), "after {took:?}");
    assert_eq!(stage.rejects("timeout"), 0.0);
}

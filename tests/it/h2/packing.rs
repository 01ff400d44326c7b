//! B6: headers that are larger than they look.

use super::Stage;
use crate::support::h2::{
    CONTINUATION, END_HEADERS, END_STREAM, ENHANCE_YOUR_CALM, HEADERS, PING, frame, get,
};
use crate::support::{H2, hpack};

const WHOLE: u8 = END_HEADERS | END_STREAM;
/// The newest entry of the table.
const NEWEST: u8 = 0x80 | 0x3e;

/// A request whose block is this, cut into frames; on which stream.
fn ask(h2: &mut H2, block: &[u8]) -> u32 {
    let stream = h2.open();
    let parts: Vec<&[u8]> = block.chunks(16_384).collect();
    for (number, part) in parts.iter().enumerate() {
        let kind = if number == 0 { HEADERS } else { CONTINUATION };
        let last = if number + 1 == parts.len() {
            END_HEADERS
        } else {
            0
        };
        let end = if number == 0 { END_STREAM } else { 0 };
        h2.send(frame(kind, last | end, stream, part));
    }
    stream
}

/// One entry of 4,000 bytes, named again and again by one byte each.
fn bomb(times: usize) -> Vec<u8> {
    let mut block = hpack::literals(&get("/events/a"));
    block.extend(hpack::indexed(b"x-bomb", &[b'b'; 4_000]));
    block.resize(block.len() + times, NEWEST);
    block
}

#[test]
fn a_bomb_ends_its_connection_and_nobody_else_notices() {
    let stage = Stage::new("", "");
    stage.attacked(|| {
        for _ in 0..5 {
            let mut h2 = stage.connect();
            // 4,000 bytes of entries are 16 MB of headers.
            ask(&mut h2, &bomb(4_000));
            h2.expect_goaway(ENHANCE_YOUR_CALM);
        }
    });
    stage.expect_glitches("reset", 5.0);
    assert_eq!(stage.upstream.requests().len(), 1);
}

/// Twice the limit is too much, and no crime.
#[test]
fn headers_that_are_too_large_are_refused_and_their_connection_lives() {
    let stage = Stage::new("", "");
    let mut h2 = stage.connect();
    for block in [bomb(6), {
        let mut block = hpack::literals(&get("/events/a"));
        block.extend(hpack::literal(b"x-large", &vec![b'l'; 20_000]));
        block
    }] {
        let stream = ask(&mut h2, &block);
        let status = h2.status(stream);
        assert_eq!(status, Some(431));
        h2.wait("it is over", |h2| {
            h2.answer(stream).is_over || h2.answer(stream).reset.is_some()
        });
    }
    h2.subscribed("/events/a");
    assert_eq!(h2.goaway, None);
    assert_eq!(stage.upstream.requests().len(), 1);
}

/// Within 16 KiB unpacked, and by the head's own limits refused as in HTTP/1.1.
#[test]
fn too_many_headers_are_refused() {
    let stage = Stage::new("", "");
    let mut h2 = stage.connect();
    let mut block = hpack::literals(&get("/events/a"));
    block.extend((0..200).flat_map(|_| hpack::literal(b"a", b"b")));
    let stream = ask(&mut h2, &block);
    assert_eq!(h2.status(stream), Some(431));
    let uri = format!("/events/{}", "u".repeat(9_000));
    let stream = ask(&mut h2, &hpack::literals(&get(&uri)));
    assert_eq!(h2.status(stream), Some(431));
    assert_eq!(stage.rejects("head"), 2.0);
    h2.subscribed("/events/a");
}

#[test]
fn tables_that_shrink_and_grow_are_followed() {
    let stage = Stage::new("", "");
    let mut h2 = stage.connect();
    let fields = hpack::literals(&get("/events/a"));
    let size = |size: usize| hpack::integer(size, 5, 0x20);
    let with = |updates: &[Vec<u8>], more: &[u8]| [&updates.concat(), &fields, more].concat();
    let entry = hpack::indexed(b"x-a", b"b");
    for block in [
        with(&[size(0)], &[]),
        with(&[size(0), size(4_096)], &[]),
        with(&[size(4_096)], &[&entry[..], &[NEWEST]].concat()),
        with(&[], &[NEWEST]),
        // An entry that is larger than its table empties it.
        with(
            &[size(10), size(4_096)],
            &hpack::indexed(b"x", &[b'x'; 5_000]),
        ),
    ] {
        let stream = ask(&mut h2, &block);
        assert_eq!(h2.status(stream), Some(200));
    }
    // It is empty now.
    let stream = h2.open();
    h2.send(frame(HEADERS, WHOLE, stream, &with(&[], &[NEWEST])));
    h2.wait_for_end();
    assert!(matches!(h2.goaway, Some((_, 1 | 9))), "{:?}", h2.goaway);
    stage.expect_glitches("protocol", 1.0);
}

/// A thousand updates of the table in one block are bytes of a block, and bounded as such.
#[test]
fn a_block_of_nothing_but_new_tables_does_no_harm() {
    let stage = Stage::new("", "");
    stage.attacked(|| {
        for _ in 0..20 {
            let mut h2 = stage.connect();
            let updates = [0x20, 0x3f, 0xe1, 0x1f].repeat(4_000);
            ask(
                &mut h2,
                &[updates, hpack::literals(&get("/events/a"))].concat(),
            );
            h2.send(frame(PING, 0, 0, &[0; 8]));
            h2.wait("it is answered or ended", |h2| {
                h2.acknowledged.1 > 0 || h2.is_ended()
            });
        }
    });
}

//! The event stream parser: whatever the bytes are and however they are cut, the same comes out,
//! and no more is held than the limits allow.
//!
//! Input: the first four bytes choose the limits and the cuts, the rest is the stream.

#![no_main]

use fantail::sse::{Item, Limits, Parser, Tail};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((&[line, event, id, cuts], stream)) = input.split_first_chunk() else {
        return;
    };
    // At least three bytes per line, so that a byte order mark fits.
    let limits = Limits {
        line: 3 + usize::from(line),
        event: usize::from(event),
        id: id.into(),
    };
    let whole = parsed(limits, &[stream]);
    check_items(limits, &whole.items);
    assert_eq!(
        whole,
        parsed(limits, &cut(stream, cuts)),
        "cuts of seed {cuts}"
    );
});

#[derive(Debug, PartialEq)]
struct Parsed {
    items: Vec<Item>,
    skipped: u64,
    malformed: u64,
    tail: Tail,
}

fn parsed(limits: Limits, parts: &[&[u8]]) -> Parsed {
    // A buffer doubles when it grows; a decoded name is three times its bytes at most.
    let bound = 2 * (limits.line + limits.event + 1 + limits.id) + 3 * limits.line + 3 * 8;
    let mut parser = Parser::new(limits);
    let mut items = Vec::new();
    for part in parts {
        parser.feed(part, &mut items);
        assert!(
            parser.held_bytes() <= bound,
            "{} held of {bound}",
            parser.held_bytes()
        );
    }
    let (skipped, malformed) = (parser.skipped(), parser.malformed());
    Parsed {
        items,
        skipped,
        malformed,
        tail: parser.finish(),
    }
}

fn check_items(limits: Limits, items: &[Item]) {
    for item in items {
        match item {
            Item::Event(event) => {
                // One bad byte becomes the three bytes of U+FFFD.
                assert!(event.data.len() <= 3 * limits.event);
                assert!(!event.data.contains('\r'));
                assert!(
                    event
                        .id
                        .as_ref()
                        .is_none_or(|id| id.as_str().len() <= limits.id)
                );
                assert!(event.id.is_some() || !event.own_id);
            }
            Item::Oversize { bytes } => assert!(*bytes > limits.line.min(limits.event) as u64),
            Item::Unknown(sample) => assert!(sample.len() <= 200),
            Item::Retry(_) => {}
        }
    }
}

/// Pieces of 0 to 7 bytes by a small generator; seed 0 cuts after every byte.
fn cut(mut stream: &[u8], seed: u8) -> Vec<&[u8]> {
    let mut state = u32::from(seed);
    let mut parts = Vec::new();
    while !stream.is_empty() {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let length = if seed == 0 { 1 } else { (state >> 29) as usize };
        let (part, rest) = stream.split_at(length.min(stream.len()));
        parts.push(part);
        stream = rest;
    }
    parts
}

//! What holds for all bytes: cuts make no difference, the standard's own algorithm agrees, limits
//! hold, and what the writer wrote reads back.

use proptest::prelude::*;
use proptest::sample::select;

use super::buffer::KEPT_CAPACITY_BYTES;
use super::naive::{self, Said};
use super::{Item, Limits, Parser, Tail};
use crate::event::{Event, EventId, EventName};
use crate::sse::write;

const AMPLE: Limits = Limits {
    line: 1 << 20,
    event: 1 << 20,
    id: 1 << 20,
};

/// Everything a parser tells.
#[derive(Debug, PartialEq, Eq)]
struct Told {
    items: Vec<Item>,
    skipped: u64,
    malformed: u64,
    tail: Tail,
}

fn told<'a>(limits: Limits, parts: impl IntoIterator<Item = &'a [u8]>) -> Told {
    told_in(limits, KEPT_CAPACITY_BYTES, parts)
}

/// Likewise, with lines that are long from so many bytes on.
fn told_in<'a>(
    limits: Limits,
    long_line: usize,
    parts: impl IntoIterator<Item = &'a [u8]>,
) -> Told {
    let mut parser = Parser::new(limits);
    parser.long_line = long_line;
    let mut items = Vec::new();
    for part in parts {
        parser.feed(part, &mut items);
        check_held(&parser, limits);
    }
    // Of a long line the sample is no longer than what is held.
    for item in &mut items {
        if let Item::Unknown(sample) = item
            && long_line < 200
        {
            sample.clear();
        }
    }
    let (skipped, malformed) = (parser.skipped(), parser.malformed());
    Told {
        items,
        skipped,
        malformed,
        tail: parser.finish(),
    }
}

/// A growing `Vec` doubles, and never starts below eight bytes; a decoded name can be three times
/// as long as it was.
fn check_held(parser: &Parser, limits: Limits) {
    let buffer = |limit: usize| 8.max(2 * limit);
    assert!(parser.line.capacity() <= buffer(limits.line));
    let rest = buffer(limits.event + 1) + buffer(limits.id) + 3 * limits.line;
    assert!(
        parser.block.held_bytes() <= rest,
        "{} > {rest}",
        parser.block.held_bytes()
    );
}

fn cut<'a>(mut bytes: &'a [u8], sizes: &[usize]) -> Vec<&'a [u8]> {
    let mut parts = Vec::new();
    for &size in sizes {
        let (part, rest) = bytes.split_at(size.min(bytes.len()));
        parts.push(part);
        bytes = rest;
    }
    parts.push(bytes);
    parts
}

/// Bytes that mean something to the parser far more often than chance would have it.
fn soup() -> impl Strategy<Value = Vec<u8>> {
    let words: &[&[u8]] = &[
        b"\r",
        b"\n",
        b"\r\n",
        b"\n\n",
        b"\r\r",
        b":",
        b" ",
        b"\0",
        b"data",
        b"data:",
        b"data: ",
        b"\ndata:x",
        b"id",
        b"id:",
        b"\nid: 7",
        b"event",
        b"event:",
        b"\nevent:message",
        b"retry",
        b"retry:",
        b"\nretry: 12",
        b"99999999999999999999",
        b"\xEF\xBB\xBF",
        b"\xEF",
        b"\xBB",
        b"\xE2\x82",
        b"\xF0\x9F\x98",
        b"\xC2\x85",
        b"\xE2\x80\xA8",
        b"<html",
        b"\x0B",
        b"\t",
    ];
    let piece = prop_oneof![
        6 => select(words.to_vec()).prop_map(<[u8]>::to_vec),
        1 => any::<u8>().prop_map(|byte| vec![byte]),
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

fn limits() -> impl Strategy<Value = Limits> {
    (3..40_usize, 0..40_usize, 0..10_usize).prop_map(|(line, event, id)| Limits { line, event, id })
}

/// From the longest name of a field on, or never.
fn long_line() -> impl Strategy<Value = usize> {
    prop_oneof![6..12_usize, Just(KEPT_CAPACITY_BYTES)]
}

/// One line of text without NUL; the last characters are all at home in some splitter.
fn line() -> impl Strategy<Value = String> {
    "[ -~é€😀\t\u{85}\u{2028}\u{b}\u{feff}]{0,12}"
}

fn event() -> impl Strategy<Value = Event> {
    let data = "[a :é\r\n\0\u{2028}]{0,16}";
    (prop::option::of(line()), prop::option::of(line()), data).prop_map(|(id, name, data)| Event {
        own_id: id.is_some(),
        id: id.as_deref().and_then(EventId::new),
        name: name
            .as_deref()
            .and_then(EventName::new)
            .filter(|name| name.as_str() != "message"),
        data,
    })
}

fn said(told: Told) -> Said {
    let mut said = Said {
        pending: told.tail.pending,
        ..Said::default()
    };
    for item in told.items {
        match item {
            Item::Event(event) => said.events.push(event),
            Item::Retry(delay) => said.retries.push(delay),
            Item::Unknown(sample) => said.unknown.push(sample),
            Item::Oversize { bytes } => panic!("{bytes} bytes passed over below every limit"),
        }
    }
    said
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn cuts_make_no_difference_and_the_limits_hold(
        bytes in prop_oneof![soup(), prop::collection::vec(any::<u8>(), 0..200)],
        sizes in prop::collection::vec(0..7_usize, 0..60),
        limits in limits(),
        long in long_line(),
    ) {
        let whole = told_in(limits, long, [&bytes[..]]);
        prop_assert_eq!(&told_in(limits, long, bytes.chunks(1)), &whole);
        prop_assert_eq!(&told_in(limits, long, cut(&bytes, &sizes)), &whole);
    }

    #[test]
    fn how_a_long_line_is_held_makes_no_difference(
        bytes in soup(),
        sizes in prop::collection::vec(0..7_usize, 0..60),
        limits in prop_oneof![limits(), Just(AMPLE)],
        long in 6..12_usize,
    ) {
        // All but the sample, and how far a skip has come that goes on.
        let meant = |told: Told| {
            let items = told.items.into_iter();
            let items: Vec<_> = items.filter(|item| !matches!(item, Item::Unknown(_))).collect();
            (items, told.malformed, told.tail.pending, told.tail.complete_events)
        };
        let held = told_in(limits, usize::MAX, [&bytes[..]]);
        prop_assert_eq!(meant(told_in(limits, long, cut(&bytes, &sizes))), meant(held));
    }

    #[test]
    fn the_standards_own_algorithm_agrees(bytes in soup()) {
        let told = told(AMPLE, [&bytes[..]]);
        let mut expected = naive::parse(&bytes);
        prop_assert_eq!(told.malformed, expected.unknown.len() as u64);
        prop_assert_eq!(told.tail.complete_events, expected.events.len() as u64);
        expected.unknown.truncate(1);
        for sample in &mut expected.unknown {
            let cut = (0..=200.min(sample.len())).rev().find(|&at| sample.is_char_boundary(at));
            sample.truncate(cut.unwrap());
        }
        prop_assert_eq!(said(told), expected);
    }

    #[test]
    fn limits_only_ever_take_events_away(bytes in soup(), limits in limits()) {
        let mut all = naive::parse(&bytes).events.into_iter();
        for item in told(limits, [&bytes[..]]).items {
            match item {
                Item::Event(event) => {
                    prop_assert!(event.id.is_none_or(|id| id.as_str().len() <= limits.id));
                    prop_assert!(all.any(|one| (one.name, one.data) == (event.name.clone(), event.data.clone())));
                }
                Item::Oversize { bytes } => {
                    prop_assert!(bytes > limits.line.min(limits.event) as u64);
                }
                Item::Retry(_) | Item::Unknown(_) => {}
            }
        }
    }

    #[test]
    fn what_was_written_reads_back(events in prop::collection::vec(event(), 1..5)) {
        let mut out = Vec::new();
        let mut last_id = None;
        let mut expected = Vec::new();
        for mut event in events {
            if let Some(id) = &event.id {
                write::id_line(&mut out, id);
                last_id = event.id;
            }
            write::comment(&mut out, &event.data);
            write::body(&mut out, event.name.as_ref(), &event.data);
            event.id = last_id.clone();
            event.data = event.data.replace("\r\n", "\n").replace('\r', "\n");
            expected.push(Item::Event(event));
        }
        prop_assert_eq!(told(AMPLE, [&out[..]]).items, expected);
    }
}

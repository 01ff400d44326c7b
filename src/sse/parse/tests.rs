//! The parser by example: when things come out, limits, and the end of the body. The grammar
//! itself stands in `tests/conformance/`.

use std::time::Duration;

use super::{Item, Limits, Parser, Tail};
use crate::event::{Event, EventId, EventName};

const LIMITS: Limits = Limits {
    line: 20,
    event: 30,
    id: 4,
};
const AMPLE: Limits = Limits {
    line: 1 << 20,
    event: 1 << 20,
    id: 1 << 10,
};

fn parsed(limits: Limits, input: impl AsRef<[u8]>) -> (Vec<Item>, Tail) {
    let input = input.as_ref();
    let run = |size| {
        let mut parser = Parser::new(limits);
        let mut items = Vec::new();
        for part in input.chunks(size) {
            parser.feed(part, &mut items);
        }
        (items, parser.finish())
    };
    let whole = run(input.len().max(1));
    assert_eq!(run(1), whole, "byte by byte");
    whole
}

fn items(limits: Limits, input: impl AsRef<[u8]>) -> Vec<Item> {
    parsed(limits, input).0
}

fn event(data: &str) -> Event {
    Event {
        id: None,
        own_id: false,
        name: None,
        data: data.to_owned(),
    }
}

fn message(data: &str) -> Item {
    Item::Event(event(data))
}

fn with_id(id: &str, own_id: bool, data: &str) -> Item {
    Item::Event(Event {
        id: EventId::new(id),
        own_id,
        ..event(data)
    })
}

#[test]
fn a_lone_cr_dispatches_at_once_and_a_later_lf_is_swallowed() {
    let mut parser = Parser::new(AMPLE);
    let mut items = Vec::new();
    parser.feed(b"data:a\r", &mut items);
    assert_eq!(items, []);
    parser.feed(b"\r", &mut items);
    assert_eq!(items, [message("a")]);
    parser.feed(b"\n", &mut items);
    parser.feed(b"data:b\n\n", &mut items);
    assert_eq!(items, [message("a"), message("b")]);
}

#[test]
fn a_reconnection_time_needs_no_blank_line_and_saturates() {
    let mut parser = Parser::new(AMPLE);
    let mut items = Vec::new();
    parser.feed(
        b"retry:250\nretry:99999999999999999999999\ndata",
        &mut items,
    );
    let delays = [250, u64::MAX].map(|ms| Item::Retry(Duration::from_millis(ms)));
    assert_eq!(items, delays);
}

#[test]
fn an_inherited_id_is_not_an_own_id() {
    assert_eq!(
        items(
            AMPLE,
            "data:a\n\nid:1\ndata:b\n\ndata:c\n\nid\n\ndata:d\n\n"
        ),
        [
            message("a"),
            with_id("1", true, "b"),
            with_id("1", false, "c"),
            with_id("", false, "d")
        ]
    );
}

#[test]
fn an_id_above_its_limit_counts_as_absent() {
    assert_eq!(
        items(LIMITS, "id:1234\ndata:a\n\nid:12345\ndata:b\n\n"),
        [with_id("1234", true, "a"), with_id("1234", false, "b")]
    );
    // Two bad bytes become six.
    assert_eq!(items(LIMITS, b"id:\xFF\xFF\ndata:a\n\n"), [message("a")]);
}

#[test]
fn the_name_message_is_no_name_and_a_nul_is_replaced() {
    let named = |name| {
        Item::Event(Event {
            name: EventName::new(name),
            ..event("x")
        })
    };
    assert_eq!(items(AMPLE, "event:message\ndata:x\n\n"), [message("x")]);
    assert_eq!(
        items(AMPLE, "event:a\nevent:message\ndata:x\n\n"),
        [message("x")]
    );
    assert_eq!(
        items(AMPLE, "event:a\0b\ndata:x\n\n"),
        [named("a\u{FFFD}b")]
    );
}

#[test]
fn a_line_at_its_limit_passes_and_one_byte_more_is_oversize() {
    let fits = format!("data:{}\n\n", "x".repeat(15));
    assert_eq!(items(LIMITS, &fits), [message(&"x".repeat(15))]);
    let over = format!("data:{}\n\n", "x".repeat(16));
    assert_eq!(items(LIMITS, &over), [Item::Oversize { bytes: 22 }]);
}

#[test]
fn data_at_its_limit_passes_and_one_byte_more_is_oversize() {
    let first = format!("data:{}\n", "x".repeat(15));
    let fits = format!("{first}data:{}\n\n", "y".repeat(14));
    assert_eq!(
        items(LIMITS, &fits),
        [message(&format!("{}\n{}", "x".repeat(15), "y".repeat(14)))]
    );
    // Sixteen bytes had been buffered, the second line has 20 and its end.
    let over = format!("{first}data:{}\n\n", "y".repeat(15));
    assert_eq!(items(LIMITS, &over), [Item::Oversize { bytes: 16 + 21 }]);
}

#[test]
fn many_empty_data_lines_reach_the_event_limit_too() {
    assert_eq!(
        items(LIMITS, "data\n".repeat(31) + "\n"),
        [message(&"\n".repeat(30))]
    );
    assert_eq!(
        items(LIMITS, "data\n".repeat(32) + "\n"),
        [Item::Oversize { bytes: 31 + 5 }]
    );
}

#[test]
fn good_events_stand_around_an_oversize_one_in_order() {
    let long = "z".repeat(40);
    let input = format!(
        "id:1\ndata:a\n\nid:2\nevent:e\n{long}\r\n:c\r\nid:3\r\ndata:lost\r\n\r\ndata:b\n\n"
    );
    // `:c`, `id:3` and `data:lost` have 15 bytes; the four CRLF count, that of the blank line
    // does not; the id in front of the overlong line was taken, the one behind it was not.
    assert_eq!(
        items(LIMITS, &input),
        [
            with_id("1", true, "a"),
            Item::Oversize { bytes: 40 + 15 + 8 },
            with_id("2", false, "b")
        ]
    );
}

#[test]
fn the_skip_tells_how_far_it_has_come() {
    let mut parser = Parser::new(LIMITS);
    let mut items = Vec::new();
    parser.feed(&[b'x'; 20], &mut items);
    assert_eq!(parser.skipped(), 0);
    parser.feed(&[b'x'; 1000], &mut items);
    assert_eq!(parser.skipped(), 1020);
    parser.feed(b"\r", &mut items);
    parser.feed(b"\n:\n", &mut items);
    assert_eq!((parser.skipped(), items.len()), (1024, 0));
    parser.feed(b"\n", &mut items);
    assert_eq!(
        (parser.skipped(), items),
        (0, vec![Item::Oversize { bytes: 1024 }])
    );
}

#[test]
fn an_overlong_comment_harms_nothing_and_is_never_held() {
    let comment = format!(":{}\n", "x".repeat(100_000));
    let input = format!("data:a\n{comment}data:b\n\n");
    assert_eq!(items(LIMITS, &input), [message("a\nb")]);
    let mut parser = Parser::new(LIMITS);
    parser.feed(comment.trim_end().as_bytes(), &mut Vec::new());
    assert_eq!(parser.held_bytes(), 0);
}

#[test]
fn buffers_that_grew_large_are_given_back_and_small_ones_kept() {
    let mut parser = Parser::new(AMPLE);
    let mut items = Vec::new();
    for part in [&b"data:"[..], &b"x".repeat(200_000), b"\ndata:y", b"\n"] {
        parser.feed(part, &mut items);
    }
    assert!(parser.held_bytes() > AMPLE.event);
    parser.feed(b"\n", &mut items);
    assert!(items.len() == 1 && parser.held_bytes() < 100);
    parser.feed(b"data:sm", &mut items);
    parser.feed(b"all\n\n", &mut items);
    assert!((1..100).contains(&parser.held_bytes()));
}

/// Feeds a giant piece by piece; the most that the parser held, and what came of it.
fn held_at_most(giant: &str) -> (usize, Vec<Item>) {
    let limits = Limits {
        line: 2 << 20,
        ..AMPLE
    };
    let (mut parser, mut items, mut most) = (Parser::new(limits), Vec::new(), 0);
    for piece in giant.as_bytes().chunks(16 << 10) {
        parser.feed(piece, &mut items);
        most = most.max(parser.held_bytes());
    }
    (most, items)
}

#[test]
fn a_giant_is_held_once_and_becomes_the_event() {
    let data = "x".repeat(AMPLE.event - 3);
    let (most, mut items) = held_at_most(&format!("data: a\ndata: {data}\n\n"));
    assert!(most <= AMPLE.event + (128 << 10), "{most}");
    let Some(Item::Event(event)) = items.pop() else {
        panic!("{items:?}");
    };
    assert_eq!(event.data, format!("a\n{data}"));
    assert!(
        event.data.capacity() <= AMPLE.event + 1,
        "no other one was made"
    );
    // One byte more, and it is too large.
    let (_, items) = held_at_most(&format!("data: a\ndata: {data}xx\n\ndata: b\n\n"));
    let bytes = u64::try_from(data.len() + 11).unwrap();
    assert_eq!(items, [Item::Oversize { bytes }, message("b")]);
}

#[test]
fn of_a_giant_without_meaning_a_sample_is_held() {
    let noise = "<p>".repeat(300_000);
    let (most, items) = held_at_most(&format!("{noise}\ndata: a\n\n"));
    assert!(most <= 160 << 10, "{most}");
    assert_eq!(items.len(), 2, "{items:?}");
    assert!(matches!(&items[0], Item::Unknown(sample) if sample.len() == 200));
}

#[test]
fn only_the_first_unknown_line_is_given_out_but_all_are_counted() {
    let mut parser = Parser::new(AMPLE);
    let mut items = Vec::new();
    parser.feed(
        b"Warning: \xFF\nDATA:1\n data:2\n:comment\nretry:x\n\n",
        &mut items,
    );
    assert_eq!(items, [Item::Unknown("Warning: \u{FFFD}".to_owned())]);
    assert_eq!(parser.malformed(), 3);
}

#[test]
fn a_sample_is_cut_between_characters() {
    let sample = |input: String| match &items(AMPLE, input)[..] {
        [Item::Unknown(sample)] => sample.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(sample("x".repeat(200) + "\n"), "x".repeat(200));
    assert_eq!(sample("€".repeat(100) + "\n"), "€".repeat(66));
    assert_eq!(sample("x".repeat(197) + "😀\n"), "x".repeat(197));
}

#[test]
fn the_end_leaves_what_a_blank_line_would_have_dispatched() {
    let tail = |input: &str| parsed(AMPLE, input).1;
    let pending = |pending, complete_events| Tail {
        pending,
        complete_events,
        looks_like_html: false,
    };
    assert_eq!(tail(""), pending(None, 0));
    assert_eq!(tail("data:a\n\n"), pending(None, 1));
    assert_eq!(tail("data:a\n"), pending(Some(event("a")), 0));
    assert_eq!(tail("data:a\r"), pending(Some(event("a")), 0));
    assert_eq!(tail("data:a\ndata:b"), pending(Some(event("a\nb")), 0));
    assert_eq!(tail("data:a\n\nevent:b\n"), pending(None, 1));
    assert_eq!(tail("data:a\n\n:data:b"), pending(None, 1));
    let last = Event {
        id: EventId::new("1"),
        own_id: true,
        ..event("a")
    };
    assert_eq!(tail("data:a\nid:1"), pending(Some(last), 0));
}

#[test]
fn the_end_within_a_skip_leaves_nothing() {
    assert_eq!(
        parsed(LIMITS, format!("data:a\n{}\ndata:b", "x".repeat(21)))
            .1
            .pending,
        None
    );
    // The very last line can be the one that is too much.
    assert_eq!(
        parsed(LIMITS, "data:123456789012345\n".repeat(2).trim_end())
            .1
            .pending,
        None
    );
}

#[test]
fn an_error_page_is_recognised_even_in_an_unfinished_line() {
    let html = |input: &str| parsed(AMPLE, input).1.looks_like_html;
    assert!(html("data:a\n  <br />\n<b>Fatal error</b>: x\n"));
    assert!(html("data:a\n<br"));
    assert!(!html("data:<br>\nFatal error: <b>\n:<"));
}

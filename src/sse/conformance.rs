//! Runs the language-neutral vectors of `tests/conformance/` against the parser.
//!
//! Layer 0, tests only. Invariant: every vector is run whole, byte by byte and cut at every point.

use serde_json::Value;

use super::{Item, Limits, Parser};
use crate::event::{EventId, EventName};

const VECTORS: &str = include_str!("../../tests/conformance/vectors.json");

/// Inputs longer than this are cut at every point of their first and last bytes only, for the
/// number of runs is what makes the test slow.
const CUT_EVERYWHERE_BYTES: usize = 8 * 1024;

#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    /// Type, data, last event ID.
    events: Vec<[String; 3]>,
    retry: Option<Vec<u64>>,
}

fn bytes(parts: &Value) -> Vec<u8> {
    let latin = |text: &Value| -> Vec<u8> {
        text.as_str()
            .unwrap()
            .chars()
            .map(|c| u8::try_from(c).unwrap())
            .collect()
    };
    let part = |part: &Value| match part.get("repeat") {
        Some(text) => latin(text).repeat(part["times"].as_u64().unwrap().try_into().unwrap()),
        None => latin(part),
    };
    parts.as_array().unwrap().iter().flat_map(part).collect()
}

fn expected(case: &Value) -> Outcome {
    let text = |value: &Value| match value.as_str() {
        Some(text) => text.to_owned(),
        None => String::from_utf8(bytes(value)).unwrap(),
    };
    let event = |event: &Value| ["type", "data", "id"].map(|key| text(&event[key]));
    let retry = |list: &Value| {
        list.as_array()
            .unwrap()
            .iter()
            .map(|n| n.as_u64().unwrap())
            .collect()
    };
    Outcome {
        events: case["events"]
            .as_array()
            .unwrap()
            .iter()
            .map(event)
            .collect(),
        retry: case.get("retry").map(retry),
    }
}

fn parsed<'a>(parts: impl IntoIterator<Item = &'a [u8]>, with_retry: bool) -> Outcome {
    let mut parser = Parser::new(Limits {
        line: 1 << 20,
        event: 1 << 20,
        id: 1 << 10,
    });
    let mut items = Vec::new();
    parts
        .into_iter()
        .for_each(|part| parser.feed(part, &mut items));
    let mut outcome = Outcome {
        events: Vec::new(),
        retry: with_retry.then(Vec::new),
    };
    for item in items {
        match item {
            Item::Event(event) => outcome.events.push([
                event
                    .name
                    .as_ref()
                    .map_or("message", EventName::as_str)
                    .to_owned(),
                event.data,
                event.id.as_ref().map_or("", EventId::as_str).to_owned(),
            ]),
            Item::Retry(delay) => {
                let milliseconds = delay.as_millis().try_into().unwrap();
                outcome
                    .retry
                    .iter_mut()
                    .for_each(|list| list.push(milliseconds));
            }
            Item::Unknown(_) => {}
            Item::Oversize { bytes } => panic!("{bytes} bytes passed over"),
        }
    }
    outcome
}

#[test]
fn every_vector_gives_what_it_says_in_any_cut() {
    let cases: Vec<Value> = serde_json::from_str(VECTORS).unwrap();
    assert!(cases.len() > 40, "only {} vectors", cases.len());
    for case in &cases {
        let (name, input, expected) = (&case["name"], bytes(&case["input"]), expected(case));
        let run = |parts: &[&[u8]]| parsed(parts.iter().copied(), expected.retry.is_some());
        assert_eq!(run(&[&input]), expected, "{name}, whole");
        assert_eq!(
            run(&input.chunks(1).collect::<Vec<_>>()),
            expected,
            "{name}, byte by byte"
        );
        let edge = CUT_EVERYWHERE_BYTES / 2;
        for at in (0..=input.len()).filter(|&at| at < edge || at + edge > input.len()) {
            let (head, tail) = input.split_at(at);
            assert_eq!(run(&[head, tail]), expected, "{name}, cut at {at}");
        }
    }
}

#[test]
fn vectors_have_unique_names() {
    let cases: Vec<Value> = serde_json::from_str(VECTORS).unwrap();
    let mut names: Vec<_> = cases
        .iter()
        .map(|case| case["name"].as_str().unwrap())
        .collect();
    names.sort_unstable();
    assert!(names.windows(2).all(|pair| pair[0] != pair[1]));
}

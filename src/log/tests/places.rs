//! Ids and places, case by case.

use std::time::Duration;

use super::super::{Bounds, Draft, Identity, Place};
use super::{Pen, id};
use crate::position::{Epoch, Offset, Position};

fn token(offset: u64) -> String {
    let epoch = super::epoch();
    let offset = Offset(offset);
    Position { epoch, offset }.to_string()
}

#[test]
fn an_id_that_several_frames_hold_means_the_earliest() {
    let mut pen = Pen::keeping(10);
    pen.own(&["a", "b", "a", "b"]);
    assert_eq!(pen.log.find("a", pen.now), Place::At(Offset(1)));
    assert_eq!(pen.log.find("b", pen.now), Place::At(Offset(2)));
}

/// An upstream sends `id: a` once and events without ids after it, which inherit it and go out
/// under tokens. Once the only frame that was written as `a` was evicted, `a` was taken for the
/// oldest heir: whoever came back with it lost everything in between, and was not told.
#[test]
fn an_id_whose_first_holder_is_evicted_is_not_taken_for_a_later_holder() {
    let mut pen = Pen::keeping(3);
    pen.own(&["a"]);
    for _ in 0..3 {
        pen.append(Some("a"), Identity::Token, "x");
    }
    assert_eq!(pen.log.find("a", pen.now), Place::At(Offset(1)));
    pen.append(Some("a"), Identity::Token, "x");
    let evicted = Place::Evicted {
        missed: 1,
        oldest: Offset(2),
    };
    assert_eq!(pen.log.find("a", pen.now), evicted);
    assert!(pen.writer.knows(&id("a")), "a later frame still holds it");
}

#[test]
fn who_comes_back_with_an_id_that_has_been_evicted_is_told_how_much_is_missed() {
    let mut pen = Pen::keeping(2);
    pen.own(&["a", "a", "b", "c"]);
    let evicted = |missed, oldest| Place::Evicted {
        missed,
        oldest: Offset(oldest),
    };
    assert_eq!(pen.log.find("a", pen.now), evicted(1, 2));
    assert!(!pen.writer.knows(&id("a")), "a new frame may have it");
    pen.own(&["a"]);
    assert_eq!(pen.log.find("a", pen.now), Place::At(Offset(5)));
    pen.own(&["d", "e"]);
    assert_eq!(
        pen.log.find("a", pen.now),
        Place::At(Offset(5)),
        "just in time"
    );
    pen.own(&["f"]);
    assert_eq!(pen.log.find("a", pen.now), evicted(1, 6));
}

#[test]
fn as_many_evicted_ids_are_remembered_as_the_log_has_frames() {
    let mut pen = Pen::keeping(2);
    pen.own(&["a", "b", "c", "d", "e"]);
    let unknown = Place::Unknown { oldest: Offset(3) };
    assert_eq!(pen.log.find("a", pen.now), unknown);
    let evicted = Place::Evicted {
        missed: 1,
        oldest: Offset(3),
    };
    assert_eq!(pen.log.find("b", pen.now), evicted);
}

/// Somebody who has been told a place before anything was said.
#[test]
fn who_has_seen_nothing_reads_on_at_the_first_frame_or_is_told_how_much_is_gone() {
    let mut pen = Pen::keeping(2);
    let nothing = token(u64::MAX);
    assert_eq!(pen.log.find(&nothing, pen.now), Place::At(Offset(0)));
    pen.own(&["a", "b"]);
    assert_eq!(pen.log.find(&nothing, pen.now), Place::At(Offset(0)));
    pen.own(&["c"]);
    let evicted = Place::Evicted {
        missed: 1,
        oldest: Offset(1),
    };
    assert_eq!(pen.log.find(&nothing, pen.now), evicted);
}

#[test]
fn nobody_stands_at_the_empty_id() {
    let mut pen = Pen::keeping(2);
    pen.own(&["", ""]);
    assert!(!pen.writer.knows(&id("")));
    let unknown = Place::Unknown { oldest: Offset(0) };
    assert_eq!(pen.log.find("", pen.now), unknown);
}

#[test]
fn an_upstream_id_that_looks_like_a_token_is_an_id_first() {
    let mut pen = Pen::keeping(2);
    let (of_this_log, of_another) = (token(0), "~000000000def.9");
    pen.own(&["x", of_another, &of_this_log]);
    assert_eq!(pen.log.find(&of_this_log, pen.now), Place::At(Offset(3)));
    assert_eq!(pen.log.find(of_another, pen.now), Place::At(Offset(2)));
    pen.own(&["y", "z"]);
    assert_eq!(
        pen.log.find(of_another, pen.now),
        Place::Evicted {
            missed: 1,
            oldest: Offset(3)
        }
    );
    assert_eq!(
        pen.log.find(&of_this_log, pen.now),
        Place::Evicted {
            missed: 2,
            oldest: Offset(3)
        }
    );
}

#[test]
fn a_token_of_a_frame_to_come_is_unknown() {
    let mut pen = Pen::keeping(2);
    let unknown = Place::Unknown { oldest: Offset(0) };
    assert_eq!(pen.log.find(&token(0), pen.now), unknown);
    pen.own(&["a"]);
    assert_eq!(pen.log.find(&token(0), pen.now), Place::At(Offset(1)));
    assert_eq!(pen.log.find(&token(1), pen.now), unknown);
    assert_eq!(pen.log.find(&token(u64::MAX - 1), pen.now), unknown);
}

#[test]
fn a_line_end_in_an_id_finds_nothing() {
    let mut pen = Pen::keeping(2);
    pen.own(&["a"]);
    for text in ["a\n", "\ra", "a\0", "~", "~.", " a"] {
        let unknown = Place::Unknown { oldest: Offset(0) };
        assert_eq!(pen.log.find(text, pen.now), unknown, "{text:?}");
    }
}

#[test]
fn a_frame_repeats_another_only_if_id_and_body_are_the_same_and_it_is_kept() {
    let mut pen = Pen::keeping(2);
    pen.append(Some("a"), Identity::Own, "one");
    // Another spelling of the same id line: bodies are compared, not id lines.
    pen.append(Some("a"), Identity::Token, "two");
    let next = pen.writer.next();
    let mut repeats =
        |own: &str, data: &str, before| pen.writer.repeats(&id(own), None, data, before);
    assert!(repeats("a", "one", next) && repeats("a", "two", next));
    assert!(!repeats("a", "three", next) && !repeats("b", "one", next));
    assert!(repeats("a", "one", Offset(1)) && !repeats("a", "two", Offset(1)));
    assert!(!repeats("a", "one", Offset(0)));
    pen.own(&["b"]);
    let next = pen.writer.next();
    assert!(!pen.writer.repeats(&id("a"), None, "one", next), "evicted");
    assert!(pen.writer.repeats(&id("a"), None, "two", next));
}

#[test]
fn a_gap_is_no_holder_of_an_id() {
    let mut pen = Pen::keeping(2);
    let gap = Draft::Gap {
        missed: None,
        reason: "upstream",
        has_token: true,
    };
    pen.writer.append(&gap, pen.now);
    assert!(!pen.writer.knows(&id(&token(0))));
    assert_eq!(pen.log.find(&token(0), pen.now), Place::At(Offset(1)));
}

#[test]
fn newcomers_begin_at_the_edge_unless_they_are_told_where() {
    let mut pen = Pen::keeping(3);
    pen.own(&["a", "b"]);
    assert_eq!(pen.log.newcomers_place(), Offset(2));
    pen.writer.set_newcomers_from(Some(Offset(1)));
    assert_eq!(pen.log.newcomers_place(), Offset(1));
    pen.own(&["c", "d", "e"]);
    assert_eq!(pen.log.oldest(), Offset(2));
    assert_eq!(
        pen.log.newcomers_place(),
        Offset(2),
        "not before the oldest"
    );
    pen.writer.set_newcomers_from(None);
    assert_eq!(pen.log.newcomers_place(), Offset(5));
}

#[test]
fn who_comes_late_is_not_given_what_is_too_old_except_the_newest() {
    let mut pen = Pen::new(Bounds {
        age: Duration::from_secs(10),
        ..Bounds::default()
    });
    pen.own(&["a", "b"]);
    let at_the_bound = pen.now + Duration::from_secs(10);
    assert_eq!(pen.log.find("a", at_the_bound), Place::At(Offset(1)));
    let beyond = at_the_bound + Duration::from_millis(1);
    assert_eq!(pen.log.find("a", beyond), Place::At(Offset(1)));
    assert_eq!(pen.log.oldest(), Offset(1));
    assert_eq!(pen.log.find("b", beyond), Place::At(Offset(2)));
    let departed = pen.log.departed_weight();
    assert_eq!(pen.budget.used(), pen.log.size().1 + departed);
}

#[test]
fn the_newest_frame_is_kept_even_if_it_alone_is_beyond_every_bound() {
    let mut pen = Pen::new(Bounds {
        events: 0,
        bytes: 0,
        age: Duration::ZERO,
    });
    let appended = pen.append(None, Identity::None, &"x".repeat(5000));
    assert_eq!((appended.offset, appended.evicted), (Offset(0), 0));
    let appended = pen.append(None, Identity::None, &"y".repeat(5000));
    assert_eq!((appended.offset, appended.evicted), (Offset(1), 1));
    assert_eq!(pen.log.size().0, 1);
    assert_eq!(pen.log.epoch(), Epoch::new(0xabc));
}

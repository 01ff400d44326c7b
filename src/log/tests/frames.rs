//! The exact bytes of frames.

use insta::assert_snapshot;

use super::super::{Batch, Cursor, Draft, Identity};
use super::{Pen, id};
use crate::event::EventName;
use crate::position::Offset;

/// The text of the second frame of a log, so that a token shows an offset.
fn text(draft: &Draft<'_>) -> String {
    let mut pen = Pen::keeping(2);
    pen.append(None, Identity::None, "first");
    pen.writer.append(draft, pen.now);
    let mut batch = Batch::default();
    pen.log.read(Cursor::at(Offset(1)), 0, &mut batch);
    let frame = pen.log.frame(Offset(1)).unwrap();
    assert_eq!(frame, batch.bytes(), "a frame is what a batch holds");
    String::from_utf8(frame.to_vec())
        .unwrap()
        .replace('\n', r"\n")
}

fn event(own: Option<&str>, identity: Identity, data: &str) -> String {
    let own = own.map(id);
    text(&Draft::Event {
        id: own.as_ref(),
        identity,
        name: None,
        data,
        key: None,
    })
}

#[test]
fn an_own_id_is_written_as_it_came() {
    assert_snapshot!(event(Some("7"), Identity::Own, "x"), @r"id: 7\ndata: x\n\n");
    assert_snapshot!(event(Some(" ä"), Identity::Own, "x"), @r"id:  ä\ndata: x\n\n");
}

#[test]
fn an_own_id_that_is_not_there_writes_no_line() {
    assert_snapshot!(event(None, Identity::Own, "x"), @r"data: x\n\n");
}

#[test]
fn the_empty_id_is_written_as_a_reset() {
    assert_snapshot!(event(Some(""), Identity::Own, "x"), @r"id:\ndata: x\n\n");
}

#[test]
fn a_token_names_the_place_whatever_the_upstream_said() {
    assert_snapshot!(event(None, Identity::Token, "x"), @r"id: ~000000000abc.1\ndata: x\n\n");
    assert_snapshot!(event(Some("7"), Identity::Token, "x"), @r"id: ~000000000abc.1\ndata: x\n\n");
    assert_snapshot!(event(Some(""), Identity::Token, "x"), @r"id: ~000000000abc.1\ndata: x\n\n");
}

#[test]
fn no_identity_writes_no_id_even_if_there_is_one() {
    assert_snapshot!(event(Some("7"), Identity::None, "x"), @r"data: x\n\n");
}

#[test]
fn a_name_and_each_line_of_data_have_their_lines() {
    let name = EventName::new("tick");
    let draft = Draft::Event {
        id: None,
        identity: Identity::Token,
        name: name.as_ref(),
        data: "one\ntwo\n\n",
        key: None,
    };
    assert_snapshot!(text(&draft), @r"id: ~000000000abc.1\nevent: tick\ndata: one\ndata: two\ndata:\ndata:\n\n");
}

#[test]
fn a_gap_is_a_frame_under_its_token() {
    let gap = |missed| {
        text(&Draft::Gap {
            missed,
            reason: "upstream",
            has_token: true,
        })
    };
    assert_snapshot!(gap(Some(3)), @r#"id: ~000000000abc.1\nevent: fantail.gap\ndata: {"missed":3,"reason":"upstream"}\n\n"#);
    assert_snapshot!(gap(None), @r#"id: ~000000000abc.1\nevent: fantail.gap\ndata: {"missed":null,"reason":"upstream"}\n\n"#);
}

//! C09–C13: what is wrong with the text of the stream.

use super::Case;
use crate::doctor::advice;
use crate::doctor::finding::{Code, Finding, count};
use crate::doctor::observation::End;
use crate::doctor::reading::Reading;

/// C09.
pub(super) fn blank_line(case: &Case) -> Option<Finding> {
    let body = case.body.readable(case)?;
    let is_over = case.seen.first.end == End::Clean;
    let nothing = "opens, gets nothing at all, and asks again for ever";
    let finding = match (body.events.len(), body.pending.is_some()) {
        // What a written `\n` broke is told by C10.
        _ if body.lines.escape.is_some() => return None,
        (0, true) if is_over => {
            Finding::warning(Code::BlankLine, "no blank line after the only event")
                .browser(nothing)
                .fantail("completes it (`incomplete_event = \"auto\"`): it works as it is")
        }
        (0, true) => {
            let lines = count(body.lines.data, "data line");
            Finding::fault(
                Code::BlankLine,
                format!("{lines}, but no blank line: no event is complete"),
            )
            .browser("opens, and gets nothing at all")
            .fantail("gets nothing either while the stream is open")
        }
        (0, false) => return no_event(case),
        (events, true) if is_over => {
            let events = count(events, "event");
            let saw = format!("{events}, then one without its blank line before the end");
            Finding::warning(Code::BlankLine, saw)
                .browser("drops the last event")
                .fantail("drops it too: it may be half of something")
        }
        (events, _) => {
            let saw = format!("{}, complete", count(events, "event"));
            return Some(Finding::ok(Code::BlankLine, saw));
        }
    };
    Some(finding.fixes(advice::BLANK_LINE))
}

fn no_event(case: &Case) -> Option<Finding> {
    let is_over = case.seen.first.was_ended();
    let comments = case.body.lines.comments;
    let saw = match (case.body.lines.data, is_over) {
        (0, true) => "no event: the stream ended without one",
        (0, false) if comments > 0 => "no event while looking, only comments",
        (0, false) => "no event while looking: a quiet stream, or one that is held back (see C08)",
        _ => return None,
    };
    Some(Finding::note(Code::BlankLine, saw).browser("opens, and waits"))
}

/// C10.
pub(super) fn escapes(case: &Case) -> Option<Finding> {
    let body = case.body.readable(case)?;
    let line = body.lines.escape.as_ref()?;
    let saw = format!("a written \\n where a line should end: {line}");
    let finding = if body.events.is_empty() {
        Finding::fault(Code::Escapes, saw).browser("opens, and gets nothing at all")
    } else {
        Finding::warning(Code::Escapes, saw).browser("gets a backslash and an n in its data")
    };
    let finding = finding.fantail("passes on what a browser would get");
    Some(finding.fixes(advice::BLANK_LINE))
}

/// C11.
pub(super) fn notices(case: &Case) -> Option<Finding> {
    let notices = &case.body.readable(case)?.lines.notices;
    if notices.count == 0 {
        return None;
    }
    let lines = count(notices.count, "line");
    let saw = format!(
        "{lines} of messages or HTML in the stream: {}",
        notices.sample
    );
    let finding = if case.body.events.is_empty() {
        Finding::fault(Code::Notices, saw).browser("ignores them, and gets no event")
    } else {
        Finding::warning(Code::Notices, saw).browser("ignores them")
    };
    let finding = finding.fantail("keeps them from its clients, and logs the first one");
    Some(finding.fixes(advice::NOTICES))
}

/// C12.
pub(super) fn unknown(case: &Case) -> Option<Finding> {
    let lines = &case.body.readable(case)?.lines;
    let (fragments, others) = (&lines.fragments, &lines.unknown);
    let all = fragments.count + others.count;
    let (what, sample) = match (fragments.count, others.count) {
        (0, 0) => return None,
        (0, _) => ("without a known field", &others.sample),
        _ => ("of a value without `data:`", &fragments.sample),
    };
    let saw = format!("{} {what}: {sample}", count(all, "line"));
    let finding = if case.body.events.is_empty() && case.body.pending.is_none() {
        Finding::fault(Code::Unknown, saw).browser("ignores them, and gets no event")
    } else {
        Finding::warning(Code::Unknown, saw).browser("ignores them: the data arrives with a hole")
    };
    let finding = finding.fantail("ignores them too, and logs the first one");
    Some(finding.fixes(advice::UNKNOWN))
}

/// C13.
pub(super) fn bom(case: &Case) -> Option<Finding> {
    let lines = &case.body.readable(case)?.lines;
    let finding = if lines.late_boms > 0 {
        let marks = count(lines.late_boms, "line");
        Finding::warning(
            Code::Bom,
            format!("{marks} with a byte order mark in front of the field"),
        )
        .browser("ignores such a line: the field is lost")
        .fantail("ignores it too")
    } else if lines.leading_bom {
        Finding::note(Code::Bom, "a byte order mark at the start")
            .browser("skips it")
            .fantail("skips it")
    } else {
        return None;
    };
    Some(finding.fixes(advice::BOM))
}

impl Reading {
    fn readable(&self, case: &Case) -> Option<&Self> {
        case.is_readable().then_some(self)
    }
}

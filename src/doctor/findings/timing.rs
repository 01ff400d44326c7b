//! C08: whether something between the script and the wire holds events back.

use std::time::Duration;

use super::Case;
use crate::doctor::advice;
use crate::doctor::finding::{Code, Finding, count, time};
use crate::doctor::observation::{End, Failure};
use crate::doctor::reading::Bunch;

/// The unit of PHP's, nginx's and Apache's buffers.
const BUFFER: usize = 4096;
/// What waited so long was held back, rather than on its way.
const WAIT: Duration = Duration::from_millis(400);
/// The end that follows the last bytes so closely is what let them go.
const TOGETHER: Duration = Duration::from_millis(50);

/// C08.
pub(super) fn buffered(case: &Case) -> Option<Finding> {
    if case.seen.first.end == End::Failed(Failure::HeadTimeout) {
        return Some(withheld(case));
    }
    if !case.is_readable() {
        return None;
    }
    let saw = at_the_end(case)
        .or_else(|| in_blocks(case))
        .or_else(|| by_the_clock(case));
    let Some(saw) = saw else {
        // One event says nothing about what happens to the second.
        let is_judged = case.body.bunches.len() > 1;
        return is_judged.then(|| Finding::ok(Code::Buffered, "events come one by one"));
    };
    let finding = Finding::warning(Code::Buffered, saw)
        .browser("gets the events late, and many at once")
        .fantail("can not undo it: what comes late is passed on late");
    Some(finding.fixes(advice::BUFFERED))
}

fn withheld(case: &Case) -> Finding {
    let waited = time(case.seen.first.ended);
    Finding::fault(
        Code::Buffered,
        format!("connected, but not even a head came in {waited}: held back, or no free worker"),
    )
    .browser("waits; `onopen` fires when the script ends, or never")
    .fantail("waits up to `timeouts.head`, 10 s, then tries again")
    .fixes(advice::BUFFERED)
}

/// Several events that all came with the end of a script that ran for a while.
fn at_the_end(case: &Case) -> Option<String> {
    let visit = &case.seen.first;
    let [only] = case.body.bunches.as_slice() else {
        return None;
    };
    let held = only.events > 1 && only.at >= WAIT && visit.was_ended();
    (held && visit.ended.saturating_sub(only.at) < TOGETHER).then(|| {
        let events = count(only.events, "event");
        format!(
            "nothing for {}, then {events} at once, when the script ended",
            time(only.at)
        )
    })
}

/// Pieces of full buffers that end in the middle of an event.
fn in_blocks(case: &Case) -> Option<String> {
    let is_block =
        |bunch: &&Bunch| bunch.bytes.is_multiple_of(BUFFER) && bunch.events > 1 && !bunch.is_whole;
    let block = case.body.bunches.iter().find(is_block)?;
    let events = count(block.events, "event");
    Some(format!(
        "{} bytes at once, {events} and a half: a buffer of {BUFFER} bytes",
        block.bytes
    ))
}

/// Events that say they happened far apart, but came together.
fn by_the_clock(case: &Case) -> Option<String> {
    let mut rest = case.body.events.as_slice();
    for bunch in &case.body.bunches {
        let (events, after) = rest.split_at(bunch.events.min(rest.len()));
        rest = after;
        let mut clocks = events
            .iter()
            .filter_map(|(_, event)| seconds_of_day(&event.data));
        let (Some(first), Some(last)) = (clocks.next(), clocks.next_back()) else {
            continue;
        };
        let spread = Duration::from_secs(last.saturating_sub(first));
        // What happened before the visit is a replay, not a buffer.
        if spread >= Duration::from_secs(1) && bunch.at + TOGETHER >= spread {
            let events = count(bunch.events, "event");
            return Some(format!(
                "{events} at once that say they happened {} apart",
                time(spread)
            ));
        }
    }
    None
}

/// The first `HH:MM:SS` in a text.
fn seconds_of_day(text: &str) -> Option<u64> {
    text.as_bytes().windows(8).find_map(|window| {
        let mut parts = str::from_utf8(window).ok()?.split(':');
        let mut two = || {
            let part = parts.next().filter(|part| part.len() == 2)?;
            part.parse::<u64>().ok()
        };
        Some(two()? * 3600 + two()? * 60 + two()?)
    })
}

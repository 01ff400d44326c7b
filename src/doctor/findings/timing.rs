//! C08: whether something between the script and the wire holds events back.

use std::time::Duration;

use super::Case;
use super::buffers::{Buffer, Holder, WAIT};
use crate::doctor::advice::{self, Fix};
use crate::doctor::finding::{Code, Finding, count, time};
use crate::doctor::observation::{End, Failure, Visit};

/// The end that follows the last bytes so closely is what let them go.
const TOGETHER: Duration = Duration::from_millis(50);

/// What was seen, and whose it is to mend.
type Words = (String, &'static [&'static [Fix]]);

const ANYBODY: &[&[Fix]] = &[advice::BUFFERED_SCRIPT, advice::BUFFERED_PROXY];

/// C08.
pub(super) fn buffered(case: &Case) -> Option<Finding> {
    if case.seen.first.end == End::Failed(Failure::HeadTimeout) {
        return Some(withheld(case));
    }
    if !case.is_readable() {
        return None;
    }
    let seen = in_pieces(case)
        .or_else(|| at_the_end(case))
        .or_else(|| by_the_clock(case));
    let Some((saw, mended)) = seen else {
        return is_judged(case).then(|| Finding::ok(Code::Buffered, "events come one by one"));
    };
    let finding = Finding::warning(Code::Buffered, saw)
        .browser("gets the events late, and many at once")
        .fantail("can not undo it: what comes late is passed on late");
    Some(mended.iter().fold(finding, |f, fixes| f.fixes(fixes)))
}

/// One event says nothing about what happens to the second. What comes so quickly that no two can
/// be told apart, but goes on, is not held back.
fn is_judged(case: &Case) -> bool {
    let chunks = &case.seen.first.chunks;
    let lasts = match (chunks.first(), chunks.last()) {
        (Some(first), Some(last)) => last.at.saturating_sub(first.at) >= WAIT,
        _ => false,
    };
    case.body.bunches.len() > 1 || lasts
}

fn withheld(case: &Case) -> Finding {
    let waited = time(case.seen.first.ended);
    let finding = Finding::fault(
        Code::Buffered,
        format!("connected, but not even a head came in {waited}: held back, or no free worker"),
    )
    .browser("waits; `onopen` fires when the script ends, or never")
    .fantail("waits up to `timeouts.head`, 10 s, then tries again");
    ANYBODY.iter().fold(finding, |f, fixes| f.fixes(fixes))
}

/// Several events that all came with the end of a script that ran for a while.
fn at_the_end(case: &Case) -> Option<Words> {
    let visit = &case.seen.first;
    let [only] = case.body.bunches.as_slice() else {
        return None;
    };
    let held = only.events > 1 && only.at >= WAIT && visit.was_ended();
    if !held || visit.ended.saturating_sub(only.at) >= TOGETHER {
        return None;
    }
    let (after, events) = (time(only.at), count(only.events, "event"));
    let answered = visit.head.as_ref().map(|head| head.after);
    Some(if answered.is_some_and(|at| at + WAIT <= only.at) {
        let saw = format!(
            "the head, then nothing for {after}, then {events} at once, when the script ended: its \
             own buffer"
        );
        (saw, &[advice::BUFFERED_SCRIPT])
    } else {
        let saw = format!(
            "nothing for {after}, then {events} at once, when the script ended, and the head only \
             then"
        );
        (saw, ANYBODY)
    })
}

/// Full buffers, of the first look or of the longer one.
fn in_pieces(case: &Case) -> Option<Words> {
    let is_cut_off = |visit: &Visit| visit.end != End::Left;
    let buffer = Buffer::of(&case.body, is_cut_off(&case.seen.first)).or_else(|| {
        let longer = case.longer.as_ref()?;
        Buffer::of(longer, case.seen.longer.as_ref().is_some_and(is_cut_off))
    })?;
    let Buffer {
        size, times, last, ..
    } = buffer;
    let (bytes, events) = (last.bytes, count(last.events, "event"));
    let half = if last.is_whole { "" } else { " and a half" };
    let again = match times {
        1 => String::new(),
        times => format!(", {times} times"),
    };
    let (whose, mended): (_, &[_]) = match buffer.holder {
        Holder::Script => ("of the script itself", &[advice::BUFFERED_SCRIPT]),
        Holder::Proxy => ("of a proxy, as nginx has", &[advice::BUFFERED_PROXY]),
        Holder::FastCgi => ("between FastCGI and the client, as nginx has", ANYBODY),
    };
    let piece = format!("{bytes} bytes at once, {events}{half}{again}");
    let saw = format!("a buffer of {size} bytes {whose}: {piece}");
    Some((saw, mended))
}

/// Events that say they happened far apart, but came together.
fn by_the_clock(case: &Case) -> Option<Words> {
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
            let apart = time(spread);
            let saw = format!("{events} at once that say they happened {apart} apart");
            return Some((saw, ANYBODY));
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

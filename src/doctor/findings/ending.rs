//! C06, C14, C15: how a stream ends, and how long it is silent before.

use std::time::Duration;

use http::header::CONTENT_LENGTH;

use super::Case;
use crate::doctor::advice;
use crate::doctor::finding::{Code, Finding, count, time};
use crate::doctor::observation::End;

/// Who closes so early has nothing more to say.
const AT_ONCE: Duration = Duration::from_secs(1);
/// Browsers come back so often unless told otherwise; Firefox each 5 s.
const RETRY: Duration = Duration::from_secs(3);

/// C06.
pub(super) fn ends(case: &Case) -> Option<Finding> {
    let visit = &case.seen.first;
    if !visit.is_stream() {
        return None;
    }
    if visit.end != End::Clean || round(case).is_some() {
        let length = visit.header(&CONTENT_LENGTH)?;
        let saw = format!("a Content-Length, {length} bytes: it ends there");
        return Some(Finding::note(Code::Ends, saw).fixes(advice::ENDS));
    }
    let after = time(visit.ended);
    let what = if visit.ended < AT_ONCE {
        "at once"
    } else {
        "by itself"
    };
    let events = count(case.body.events.len(), "event");
    let again = case.body.retry.unwrap_or(RETRY);
    let visits = 3600_f64 / again.as_secs_f64().max(0.5);
    let finding = Finding::note(
        Code::Ends,
        format!("ends {what}, after {after}, with {events}"),
    )
    .browser(format!(
        "sees an error and asks again after {}: {visits:.0} requests an hour from each visitor",
        time(again)
    ))
    .fantail("asks once for all of them; they see one stream that never ends");
    Some(finding.fixes(advice::ENDS))
}

/// C14.
pub(super) fn silence(case: &Case) -> Option<Finding> {
    let visit = &case.seen.first;
    if !visit.is_stream() {
        return None;
    }
    let mut last = visit
        .head
        .as_ref()
        .map_or(Duration::ZERO, |head| head.after);
    let mut longest = Duration::ZERO;
    for at in visit
        .chunks
        .iter()
        .map(|chunk| chunk.at)
        .chain([visit.ended])
    {
        longest = longest.max(at.saturating_sub(last));
        last = at;
    }
    if longest <= case.yardstick.silence {
        let is_judged = visit.was_ended() || case.seen.looked > case.yardstick.silence;
        let ok = || Finding::ok(Code::Silence, format!("longest silence {}", time(longest)));
        return is_judged.then(ok);
    }
    let finding = Finding::warning(Code::Silence, format!("silent for {}", time(longest)))
        .browser("waits; proxies in between cut a silent stream after 30 to 100 s")
        .fantail("sends its own comments to its clients; `timeouts.silence` must stay 0");
    Some(finding.fixes(advice::SILENCE))
}

/// C15.
pub(super) fn cut(case: &Case) -> Option<Finding> {
    let visit = &case.seen.first;
    if !visit.is_stream() {
        return None;
    }
    let after = time(visit.ended);
    let saw = match (&visit.end, round(case)) {
        (End::Clean, Some(limit)) => format!("ended after {after}: a limit of {}?", time(limit)),
        (End::Cut | End::Reset, Some(limit)) => {
            format!("cut after {after}: a limit of {}?", time(limit))
        }
        (End::Cut, None) => format!("cut after {after}, before the end that its head promised"),
        (End::Reset, None) => format!("broken off after {after}"),
        (End::Left | End::Full | End::Clean | End::Failed(_), _) => return None,
    };
    let finding = Finding::warning(Code::Cut, saw)
        .browser("drops a half event, sees an error and comes back after 3 s (Firefox 5 s)")
        .fantail("drops a half event too, and reconnects; its clients notice nothing");
    Some(finding.fixes(advice::CUT))
}

/// The limit at which it ended, if there is one.
fn round(case: &Case) -> Option<Duration> {
    let visit = &case.seen.first;
    if !visit.was_ended() {
        return None;
    }
    let near = |limit: &&Duration| visit.ended.abs_diff(**limit) <= case.yardstick.tolerance;
    case.yardstick.round.iter().find(near).copied()
}

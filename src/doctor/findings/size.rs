//! C22: how much, and how large.

use std::time::Duration;

use super::Case;
use crate::config::units;
use crate::doctor::advice;
use crate::doctor::finding::{Code, Finding, count};
use crate::doctor::observation::End;
use crate::doctor::reading::EVENT_BYTES;

/// So many events a second are more than a person can follow.
const FAST: f64 = 50.0;
/// So large an event is slow to come, for everybody.
const LARGE: usize = EVENT_BYTES / 4;

/// C22.
pub(super) fn size(case: &Case) -> Option<Finding> {
    if !case.is_readable() {
        return None;
    }
    let limit = u64::try_from(EVENT_BYTES).unwrap_or(u64::MAX);
    let body = &case.body;
    let all = body.events.len();
    let largest = body.oversize.iter().max();
    if let Some(largest) = largest {
        let saw = format!(
            "an event of {largest} bytes, above Fantail's {}",
            units::show_size(limit)
        );
        let finding = Finding::warning(Code::Size, saw)
            .browser("takes it, slowly (WebKit needs 15 s for 20 MiB)")
            .fantail("passes it over and tells its clients of the gap");
        return Some(finding.fixes(advice::SIZE));
    }
    if case.seen.first.end == End::Full {
        let saw = format!(
            "{} and {} bytes, then the look was over",
            count(all, "event"),
            case.seen.first.body.len()
        );
        return Some(Finding::note(Code::Size, saw).fixes(advice::SIZE));
    }
    if all == 0 {
        return None;
    }
    let time = case.seen.first.ended.max(Duration::from_secs(1));
    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    let rate = all as f64 / time.as_secs_f64();
    let saw = format!(
        "{}, {rate:.1} a second, the largest {} bytes",
        count(all, "event"),
        body.largest
    );
    if rate > FAST || body.largest > LARGE {
        let finding = Finding::note(Code::Size, saw)
            .browser("runs its handler for each of them")
            .fantail("sends each of them to each client");
        return Some(finding.fixes(advice::SIZE));
    }
    Some(Finding::ok(Code::Size, saw))
}

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
    if let Some(largest) = case.body.oversize.iter().max() {
        return Some(oversize(*largest));
    }
    let body = &case.body;
    let all = body.events.len();
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
    let (events, largest) = (count(all, "event"), body.largest);
    let rate = rate(all, case.seen.first.ended);
    let saw = match rate {
        Some(rate) => format!("{events}, {rate:.1} a second, the largest {largest} bytes"),
        None => format!("{events}, the largest {largest} bytes"),
    };
    if rate.is_some_and(|rate| rate > FAST) || largest > LARGE {
        let finding = Finding::note(Code::Size, saw)
            .browser("runs its handler for each of them")
            .fantail("sends each of them to each client");
        return Some(finding.fixes(advice::SIZE));
    }
    Some(Finding::ok(Code::Size, saw))
}

fn oversize(largest: u64) -> Finding {
    let limit = units::show_size(u64::try_from(EVENT_BYTES).unwrap_or(u64::MAX));
    let saw = format!("an event of {largest} bytes, above Fantail's {limit}");
    Finding::warning(Code::Size, saw)
        .browser("takes it, slowly (WebKit needs 15 s for 20 MiB)")
        .fantail("passes it over and tells its clients of the gap")
        .fixes(advice::SIZE)
}

/// Events in a second, of a stream that lasted for one at least.
fn rate(events: usize, time: Duration) -> Option<f64> {
    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    let rate = events as f64 / time.as_secs_f64();
    (time >= Duration::from_secs(1)).then_some(rate)
}

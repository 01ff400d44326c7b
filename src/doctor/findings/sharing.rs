//! C18–C20: what visitors do to each other, and whether they may share one stream.

use std::time::Duration;

use http::header::{CACHE_CONTROL, SET_COOKIE, VARY};

use super::Case;
use crate::doctor::advice;
use crate::doctor::finding::{Code, Finding, time};
use crate::doctor::observation::{Crowd, Visit};
use crate::doctor::reading::Reading;

/// Who waits so much longer than another waits for that other.
const WAIT: Duration = Duration::from_millis(300);

/// C18.
pub(super) fn session_lock(case: &Case) -> Option<Finding> {
    let crowd = case.seen.crowd.as_ref().filter(|crowd| crowd.cookie)?;
    if !waits(&crowd.two, &crowd.one) {
        return Some(Finding::ok(
            Code::SessionLock,
            "two requests of one session do not wait",
        ));
    }
    // Whoever waits without a cookie too waits for a worker.
    if waits(&crowd.stranger, &crowd.one) {
        return None;
    }
    let saw = match answered(&crowd.two) {
        Some(after) => format!(
            "the second request of a session waited {} for the first",
            time(after)
        ),
        None => "the second request of a session got nothing while the first was open".to_owned(),
    };
    let finding = Finding::warning(Code::SessionLock, saw)
        .browser("with a stream open, every other page of the site hangs for this visitor")
        .fantail("sends no cookie to a shared stream, so that nobody's session is locked");
    Some(finding.fixes(advice::SESSION_LOCK))
}

/// C19.
pub(super) fn workers(case: &Case) -> Option<Finding> {
    let one_by_one =
        case.seen.crowd.as_ref().is_some_and(|crowd| {
            waits(&crowd.stranger, &crowd.one) && waits(&crowd.two, &crowd.one)
        });
    let saw = match &case.seen.workers {
        Some(w) if w.opened < w.asked => {
            format!(
                "only {} of {} streams at once got an answer",
                w.opened, w.asked
            )
        }
        Some(w) if w.before.is_some() && w.during.is_none() => {
            format!(
                "with {} streams open the front page does not answer",
                w.asked
            )
        }
        Some(w) => match (w.before, w.during) {
            (Some(before), Some(during)) if during > before + WAIT => {
                let (before, during) = (time(before), time(during));
                format!(
                    "with {} streams open the front page takes {during}, else {before}",
                    w.asked
                )
            }
            _ => {
                let saw = format!("{} streams at once, and the front page answers", w.asked);
                return Some(Finding::ok(Code::Workers, saw));
            }
        },
        None if one_by_one => "it serves one request at a time".to_owned(),
        None => return None,
    };
    let finding = Finding::warning(Code::Workers, saw)
        .browser("each visitor holds a worker; when all are held the whole site hangs")
        .fantail("holds one worker for each stream, whatever the number of visitors");
    Some(finding.fixes(advice::WORKERS))
}

/// C20.
pub(super) fn sharing(case: &Case) -> Option<Finding> {
    let crowd = case.seen.crowd.as_ref()?;
    let signs = signs(&case.seen.first);
    let harmless = "strips these headers: nothing of one visitor reaches another";
    match Sharing::of(case) {
        Sharing::Personal(why) => {
            let finding = Finding::note(Code::Sharing, why)
                .browser("sends its cookie, and gets its own stream")
                .fantail("shares among those who send the same, once the route declares it");
            Some(finding.fixes(advice::SHARING))
        }
        Sharing::Same if signs.is_empty() => {
            let saw = "visitors see the same: nothing to declare";
            Some(Finding::ok(Code::Sharing, saw))
        }
        Sharing::Same => {
            let saw = format!("visitors see the same, but the answer has {signs}");
            Some(Finding::note(Code::Sharing, saw).fantail(harmless))
        }
        Sharing::Unknown if Reading::of(&crowd.one).told().next().is_some() => {
            let saw = "two visitors at the same time saw different events";
            let finding = Finding::note(Code::Sharing, saw)
                .fantail("shows everybody the same ones; is that right for this stream?");
            Some(finding)
        }
        Sharing::Unknown if !signs.is_empty() => {
            let saw = format!("the answer has {signs}");
            Some(Finding::note(Code::Sharing, saw).fantail(harmless))
        }
        Sharing::Unknown => None,
    }
}

/// Whether visitors may share a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::doctor) enum Sharing {
    /// A stranger sees what the visitor sees.
    Same,
    /// What is sent along decides; why.
    Personal(&'static str),
    /// Nothing that could be compared.
    Unknown,
}

impl Sharing {
    pub(in crate::doctor) fn of(case: &Case) -> Self {
        let Some(Crowd {
            one, two, stranger, ..
        }) = &case.seen.crowd
        else {
            return Self::Unknown;
        };
        let has_credentials = !case.seen.credentials.is_empty();
        if has_credentials && stranger.head.is_some() && !stranger.is_stream() {
            return Self::Personal("without what you sent along there is no stream");
        }
        let (one, two) = (Reading::of(one), Reading::of(two));
        let stranger = Reading::of(stranger);
        if one.shares_with(&stranger) {
            Self::Same
        } else if has_credentials && one.shares_with(&two) && stranger.told().next().is_some() {
            Self::Personal("a visitor who sends nothing along sees other events")
        } else {
            Self::Unknown
        }
    }
}

/// Headers that say "personal".
fn signs(visit: &Visit) -> String {
    let cache = visit
        .header(&CACHE_CONTROL)
        .unwrap_or_default()
        .to_ascii_lowercase();
    let vary = visit.header(&VARY).unwrap_or_default().to_ascii_lowercase();
    let set = visit
        .head
        .as_ref()
        .is_some_and(|head| head.headers.contains_key(SET_COOKIE));
    let personal = ["cookie", "authorization", "*"];
    let varies = vary
        .split(',')
        .any(|name| personal.contains(&name.trim_ascii()));
    let signs = [
        (set, "Set-Cookie"),
        (
            cache.split(',').any(|word| word.trim_ascii() == "private"),
            "Cache-Control: private",
        ),
        (varies, "Vary on it"),
    ];
    let there: Vec<_> = signs
        .iter()
        .filter(|(is, _)| *is)
        .map(|(_, name)| *name)
        .collect();
    there.join(" and ")
}

/// When the body began, else the head came.
fn answered(visit: &Visit) -> Option<Duration> {
    visit
        .head
        .as_ref()
        .map(|head| visit.first_byte().unwrap_or(head.after))
}

fn waits(late: &Visit, early: &Visit) -> bool {
    let Some(early) = answered(early) else {
        return false;
    };
    answered(late).is_none_or(|late| late > early + WAIT)
}

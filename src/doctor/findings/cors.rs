//! C21: whether a page of another origin may read the stream.

use http::header::{ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_ORIGIN};

use super::Case;
use crate::doctor::advice;
use crate::doctor::finding::{Code, Finding, shown};
use crate::doctor::observation::Visit;
use crate::doctor::rounds::ORIGIN;

/// C21.
pub(super) fn cors(case: &Case) -> Option<Finding> {
    let foreign = case.seen.foreign.as_ref()?;
    foreign.head.as_ref()?;
    let allowed = foreign.header(&ACCESS_CONTROL_ALLOW_ORIGIN);
    let with_cookies = foreign.header(&ACCESS_CONTROL_ALLOW_CREDENTIALS) == Some("true");
    let finding = match allowed {
        None => Finding::note(Code::Cors, "only pages of the same origin may read it")
            .browser("closes for good if the page comes from another origin"),
        Some(ORIGIN) if with_cookies => {
            let saw = "any page of any site may read it, with the visitor's cookies";
            Finding::warning(Code::Cors, saw)
                .browser("lets every site that a visitor opens read the visitor's stream")
        }
        Some("*" | ORIGIN) => {
            let saw = format!(
                "pages of any origin may read it, without cookies{}",
                asked(case)
            );
            return Some(Finding::ok(Code::Cors, saw));
        }
        Some(other) => Finding::note(
            Code::Cors,
            format!("pages of {} may read it", shown(other, 60)),
        )
        .browser("closes for good if the page comes from anywhere else"),
    };
    Some(finding.fixes(advice::CORS))
}

/// What the preflight adds: only libraries that use `fetch` ask for it.
fn asked(case: &Case) -> &'static str {
    let granted = |visit: &Visit| {
        matches!(visit.status(), Some(200..300))
            && visit.header(&ACCESS_CONTROL_ALLOW_ORIGIN).is_some()
    };
    if case.seen.preflight.as_ref().is_some_and(granted) {
        ""
    } else {
        " (but no preflight: EventSource only)"
    }
}

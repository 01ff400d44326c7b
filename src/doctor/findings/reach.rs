//! C01–C03: whether there is an answer, from where, and what its status means.

use super::Case;
use crate::doctor::advice;
use crate::doctor::finding::{Code, Finding, shown, time};
use crate::doctor::observation::{End, Failure};

const RETRIES: &str =
    "Chromium and WebKit try again every 3 s; Firefox gives up for good when refused";
const SHOWN_URL: usize = 70;

/// C01.
pub(super) fn reach(case: &Case) -> Option<Finding> {
    let visit = &case.seen.first;
    let End::Failed(failure) = &visit.end else {
        let (peer, after) = visit.reached?;
        let head = visit.head.as_ref().map_or(after, |head| head.after);
        let saw = format!(
            "reached {peer} in {}, answered after {}",
            time(after),
            time(head)
        );
        return Some(Finding::ok(Code::Reach, saw));
    };
    let saw = match failure {
        Failure::Https => {
            let saw = "https is not supported by this build yet: ask the plain address";
            return Some(Finding::fault(Code::Reach, saw).fixes(advice::HTTPS));
        }
        // Connected: what is missing is told by C08; a redirect by C02.
        Failure::HeadTimeout | Failure::Redirect(_) => {
            let (peer, after) = visit.reached?;
            return Some(Finding::ok(
                Code::Reach,
                format!("reached {peer} in {}", time(after)),
            ));
        }
        Failure::Resolve(why) => format!("the name can not be resolved: {}", shown(why, 80)),
        Failure::Connect(why) => format!("nobody takes the connection: {}", shown(why, 80)),
        Failure::ConnectTimeout => "no connection within 5 s: a firewall?".to_owned(),
        Failure::NoReply(why) => format!("connected, but {}", shown(why, 80)),
    };
    let fantail = "keeps its clients connected and tries again, ever more slowly";
    let finding = Finding::fault(Code::Reach, saw)
        .browser(RETRIES)
        .fantail(fantail);
    Some(finding.fixes(advice::REACH))
}

/// C02.
pub(super) fn redirect(case: &Case) -> Option<Finding> {
    let visit = &case.seen.first;
    if let End::Failed(Failure::Redirect(why)) = visit.end {
        let saw = format!("a redirect that can not be followed: {why}");
        return Some(Finding::fault(Code::Redirect, saw).browser("closes for good"));
    }
    let last = visit.hops.last();
    let leads = last.map(|hop| format!("{} leads to {}", hop.status, shown(&hop.to, SHOWN_URL)));
    if looks_like_login(&visit.body, &visit.media_type()) {
        let saw = leads.map_or("a login page".to_owned(), |leads| {
            format!("{leads}: a login page")
        });
        let finding = Finding::fault(Code::Redirect, saw)
            .browser("sees a page instead of a stream, and closes for good")
            .fantail("answers 502 with this reason, until it can log in");
        return Some(finding.fixes(advice::LOGIN));
    }
    let finding = Finding::note(Code::Redirect, leads?)
        .browser(
            "follows it; later it comes back to the target or to the first URL, as browsers differ",
        )
        .fantail("follows it, and asks the first URL again each time");
    Some(finding)
}

/// C03.
pub(super) fn status(case: &Case) -> Option<Finding> {
    let status = case.seen.first.status()?;
    let (meaning, fantail) = match status {
        200 => return Some(Finding::ok(Code::Status, "status 200")),
        204 => (
            "stop for ever",
            "answers 204 too: its author wants no more visitors",
        ),
        401 | 403 => (
            "who are you?",
            "answers the same; declare in the route what logs in",
        ),
        408 | 425 | 429 => ("later", "keeps its clients connected and tries again later"),
        400..500 => ("not here, not so", "answers the same to new clients"),
        500.. => ("broken", "keeps its clients connected and tries again"),
        _ => (
            "no final answer",
            "keeps its clients connected and tries again",
        ),
    };
    let fixes = if matches!(status, 401 | 403) {
        advice::LOGIN
    } else {
        advice::STATUS
    };
    let finding = Finding::fault(Code::Status, format!("status {status}: {meaning}"))
        .browser("closes for good on everything but 200, and never comes back")
        .fantail(fantail);
    Some(finding.fixes(fixes))
}

fn looks_like_login(body: &[u8], media_type: &str) -> bool {
    let text = String::from_utf8_lossy(body).to_lowercase();
    let words = ["password", "login", "log in", "sign in", "登录"];
    media_type.starts_with("text/html")
        && text.contains("<form")
        && words.iter().any(|word| text.contains(word))
}

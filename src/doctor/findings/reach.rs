//! C01–C03: whether there is an answer, from where, and what its status means.

use super::{Case, tls};
use crate::doctor::advice;
use crate::doctor::finding::{Code, Finding, shown, time};
use crate::doctor::observation::{End, Failure, Stages, Visit};
use crate::doctor::secured::Refusal;

const RETRIES: &str =
    "Chromium and WebKit try again every 3 s; Firefox gives up for good when refused";
const SHOWN_URL: usize = 70;

/// C01.
pub(super) fn reach(case: &Case) -> Option<Finding> {
    let visit = &case.seen.first;
    let End::Failed(failure) = &visit.end else {
        return reached(case);
    };
    let saw = match failure {
        // Connected: what is missing is told by C08; a redirect by C02.
        Failure::HeadTimeout | Failure::Redirect(_) => return reached(case),
        Failure::NoReply(_) if tls::is_only_http2(case) => {
            return Some(placed(tls::refused(case, &Refusal::OnlyHttp2), visit));
        }
        Failure::Tls(refusal) => return Some(placed(tls::refused(case, refusal), visit)),
        Failure::Resolve(why) => format!("the name can not be resolved: {}", shown(why, 80)),
        Failure::Connect(why) => format!("nobody takes the connection: {}", shown(why, 80)),
        Failure::ConnectTimeout => "no connection within 5 s: a firewall?".to_owned(),
        Failure::NoReply(why) => format!("connected, but {}", shown(why, 80)),
    };
    let fantail = "keeps its clients connected and tries again, ever more slowly";
    let finding = Finding::fault(Code::Reach, saw)
        .browser(RETRIES)
        .fantail(fantail);
    Some(placed(finding.fixes(advice::REACH), visit))
}

fn reached(case: &Case) -> Option<Finding> {
    let visit = &case.seen.first;
    let peer = visit.peer?;
    let answered = visit.head.as_ref().map(|head| time(head.after));
    let words = |before| answered.map_or_else(String::new, |after| format!(", {before} {after}"));
    let saw = if let Some(tls) = &visit.secured {
        let alpn = if tls.chose_http1 { " (http/1.1)" } else { "" };
        let after = time(visit.stages.tls.unwrap_or_default());
        let (tcp, version, answer) = (tcp(visit), tls.version, words("answer"));
        format!("{tcp}, {version}{alpn} {after}{answer}, from {peer}")
    } else {
        let after = time(visit.stages.tcp.unwrap_or_default());
        let name = visit.stages.dns.map(time);
        let name = name.map_or_else(String::new, |dns| format!("name found in {dns}, "));
        format!("{name}reached {peer} in {after}{}", words("answered after"))
    };
    tls::remark(case, &saw).or_else(|| Some(Finding::ok(Code::Reach, saw)))
}

/// The stages up to a connection.
fn tcp(visit: &Visit) -> String {
    let Stages { dns, tcp, .. } = visit.stages;
    let dns = dns.map(|dns| format!("DNS {}", time(dns)));
    let tcp = tcp.map(|tcp| format!("TCP {}", time(tcp)));
    let both: Vec<String> = dns.into_iter().chain(tcp).collect();
    both.join(", ")
}

/// With where it happened, and when.
fn placed(mut finding: Finding, visit: &Visit) -> Finding {
    let mut place = Vec::new();
    if let Some(hop) = visit.hops.last() {
        place.push(format!("redirected to {}", shown(&hop.to, SHOWN_URL)));
    }
    let before = tcp(visit);
    if !before.is_empty() {
        place.push(before);
    }
    if let Some(after) = visit.stages.tls {
        let end = if visit.secured.is_some() {
            ""
        } else {
            "failed after "
        };
        place.push(format!("TLS {end}{}", time(after)));
    }
    if !place.is_empty() {
        finding.saw = format!("{} ({})", finding.saw, place.join(", ")).into();
    }
    finding
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

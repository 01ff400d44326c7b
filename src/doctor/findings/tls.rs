//! C01 where it is about TLS: what is wrong with a handshake or a certificate, in words.
//!
//! Pure. Invariant: whatever a browser would refuse is a fault, and says by whom it can be mended.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::Uri;

use super::Case;
use crate::doctor::advice::{self, Fix, tls as fixes};
use crate::doctor::certificate::Certificate;
use crate::doctor::finding::{Code, Finding, count, shown};
use crate::doctor::secured::{Doubt, Inspection, Refusal};

/// Names of a certificate that are told.
const NAMES: usize = 3;
const SHOWN: usize = 80;
/// The last second that a date of the web can say.
const YEAR_9999: Duration = Duration::from_secs(253_402_300_799);
const REFUSES: &str = "does not connect: nothing but an `error`";
const FANTAIL: &str = "refuses it too, keeps its clients connected and tries again";

/// What went wrong, in words, and by which fixes it is mended.
type Words = (String, Vec<&'static [Fix]>);

/// The handshake came to no end.
pub(super) fn refused(case: &Case, refusal: &Refusal) -> Finding {
    let (saw, mended) = match refusal {
        Refusal::Certificate(why) => distrusted(case, why),
        other => (handshake(case, other), vec![handshake_fixes(other)]),
    };
    let (browser, fantail) = match refusal {
        Refusal::OnlyHttp2 => (
            "speaks HTTP/2 with it; what comes was not looked at",
            "asks its upstreams over HTTP/1.1, and gets nothing",
        ),
        Refusal::WantsCertificate => ("asks its user for a certificate", FANTAIL),
        _ => (REFUSES, FANTAIL),
    };
    let finding = Finding::fault(Code::Reach, saw)
        .browser(browser)
        .fantail(fantail);
    mended.into_iter().fold(finding, Finding::fixes)
}

/// It came to its end; is there anything to say about it all the same?
pub(super) fn remark(case: &Case, reached: &str) -> Option<Finding> {
    let seen = case.seen.inspection.as_ref()?;
    if let Some(end) = seen.ends {
        let saw = format!("a certificate of its chain ends soon, on {}", date(end));
        let finding = Finding::warning(Code::Reach, saw)
            .browser("refuses the connection from then on")
            .fantail("likewise");
        return Some(finding.fixes(fixes::EXPIRED));
    }
    if is_only_http2(case) {
        let saw = format!("it offers HTTP/2 alone (ALPN h2), and yet answers HTTP/1.1; {reached}");
        let finding = Finding::note(Code::Reach, saw)
            .browser("speaks HTTP/2 with it")
            .fantail("speaks HTTP/1.1 with it, as doctor did");
        return Some(finding.fixes(fixes::ONLY_HTTP2));
    }
    if seen.is_private {
        let saw = format!("{reached}; trusted by --ca, not by this machine");
        let finding = Finding::note(Code::Reach, saw)
            .browser("connects only where this authority is installed")
            .fantail("connects with the `upstream_tls` of the block below");
        return Some(finding);
    }
    None
}

/// Whether HTTP/2 is chosen where it is offered, and HTTP/1.1 is not.
pub(super) fn is_only_http2(case: &Case) -> bool {
    let visit = &case.seen.first;
    let chose_http1 = visit.secured.as_ref().is_none_or(|tls| tls.chose_http1);
    let seen = case.seen.inspection.as_ref();
    !chose_http1 && seen.is_some_and(|seen| seen.prefers_http2)
}

fn handshake(case: &Case, refusal: &Refusal) -> String {
    let is_plain = case.seen.inspection.as_ref().is_some_and(|s| s.is_plain);
    match refusal {
        Refusal::NotTls | Refusal::Timeout | Refusal::Closed(_) if is_plain => {
            "plain HTTP is spoken at this port, not TLS".to_owned()
        }
        Refusal::NotTls => "what is spoken at this port is not TLS".to_owned(),
        Refusal::OnlyHttp2 => "it speaks HTTP/2 alone (ALPN h2), and refuses HTTP/1.1".to_owned(),
        Refusal::Old => "it speaks nothing newer than TLS 1.1".to_owned(),
        Refusal::WantsCertificate => "it wants a certificate of its clients".to_owned(),
        Refusal::NoSuchName => {
            format!("it does not know the name {}", shown(&host(case), SHOWN))
        }
        Refusal::Alert(why) => format!("it refused the handshake: {}", shown(why, SHOWN)),
        Refusal::Timeout => "no end of the handshake within 5 s".to_owned(),
        Refusal::Closed(why) => format!("no TLS: {}", shown(why, SHOWN)),
        Refusal::Certificate(why) => shown(why, SHOWN),
    }
}

fn handshake_fixes(refusal: &Refusal) -> &'static [Fix] {
    match refusal {
        Refusal::NotTls | Refusal::Timeout | Refusal::Closed(_) => fixes::NOT_TLS,
        Refusal::OnlyHttp2 => fixes::ONLY_HTTP2,
        Refusal::Old => fixes::OLD,
        Refusal::WantsCertificate => fixes::IDENTITY,
        Refusal::NoSuchName => fixes::NAME,
        Refusal::Alert(_) | Refusal::Certificate(_) => fixes::HANDSHAKE,
    }
}

/// All that is wrong with a certificate, the first of it first.
fn distrusted(case: &Case, why: &str) -> Words {
    let seen = case.seen.inspection.as_ref();
    let Some(seen) = seen.filter(|seen| !seen.doubts.is_empty()) else {
        let saw = format!("the certificate is not acceptable: {}", shown(why, SHOWN));
        return (saw, vec![advice::REACH]);
    };
    let all = seen.doubts.iter().map(|doubt| one(case, seen, doubt));
    let (words, mended): (Vec<_>, Vec<_>) = all.unzip();
    let saw = format!("the certificate {}", words.join("; it "));
    (saw, mended.into_iter().flatten().collect())
}

fn one(case: &Case, seen: &Inspection, doubt: &Doubt) -> Words {
    let own = seen.chain.first();
    match doubt {
        Doubt::Expired(end) => (format!("expired on {}", date(*end)), vec![fixes::EXPIRED]),
        Doubt::NotYet(begin) => {
            let saw = format!("is valid only from {} on", date(*begin));
            (saw, vec![fixes::NOT_YET])
        }
        Doubt::Name => {
            let names = own.map_or(&[][..], |own| &own.names);
            let saw = format!(
                "is for {}, not for {}",
                listed(names),
                shown(&host(case), SHOWN)
            );
            (saw, vec![fixes::NAME])
        }
        // One that is marked as an authority is refused before its issuer is looked for.
        Doubt::Other(_) if own.is_some_and(|own| own.is_self_issued) => self_signed(),
        Doubt::Issuer => untrusted(seen),
        Doubt::Other(why) => {
            let saw = format!("is not acceptable: {}", shown(why, SHOWN));
            (saw, vec![fixes::HANDSHAKE])
        }
    }
}

/// Where the chain breaks.
fn untrusted(seen: &Inspection) -> Words {
    let trusted = if seen.is_private {
        "in the file of --ca"
    } else {
        "trusted here"
    };
    match seen.chain.as_slice() {
        [own, ..] if own.is_self_issued => self_signed(),
        [.., last] if last.is_self_issued => {
            let (sent, end) = (count(seen.chain.len(), "certificate"), who(&last.subject));
            let saw = format!("comes in a chain of {sent} up to {end}, which is not {trusted}");
            (saw, vec![fixes::PRIVATE])
        }
        [.., last] => {
            let what = match seen.chain.len() {
                1 => "comes alone".to_owned(),
                sent => format!("comes in a chain of {sent}"),
            };
            let issuer = who(&last.issuer);
            let saw = format!(
                "{what}: the one of its issuer, {issuer}, is neither sent nor {trusted}{}",
                found_at(last)
            );
            (saw, vec![fixes::INCOMPLETE, fixes::PRIVATE])
        }
        [] => (
            format!("is by nobody who is {trusted}"),
            vec![fixes::PRIVATE],
        ),
    }
}

fn self_signed() -> Words {
    let saw = "is self-signed: nobody else vouches for it".to_owned();
    (saw, vec![fixes::SELF_SIGNED])
}

fn found_at(last: &Certificate) -> String {
    let url = last.issuer_url.as_ref();
    url.map_or_else(String::new, |url| {
        format!(" (it is at {})", shown(url, SHOWN))
    })
}

fn who(name: &str) -> String {
    if name.is_empty() {
        "somebody without a name".to_owned()
    } else {
        format!("`{}`", shown(name, SHOWN))
    }
}

fn listed(names: &[String]) -> String {
    if names.is_empty() {
        return "no name at all".to_owned();
    }
    let mut told: Vec<String> = names.iter().take(NAMES).map(|n| shown(n, SHOWN)).collect();
    if names.len() > NAMES {
        told.push(format!("{} more", names.len() - NAMES));
    }
    let last = told.pop().unwrap_or_default();
    match told.as_slice() {
        [] => last,
        others => format!("{} and {last}", others.join(", ")),
    }
}

/// The host that was asked at last.
fn host(case: &Case) -> String {
    let last = case.seen.first.hops.last().map(|hop| &hop.to);
    let url: Option<Uri> = last.unwrap_or(&case.seen.url).parse().ok();
    url.and_then(|url| url.host().map(str::to_owned))
        .unwrap_or_default()
}

/// As people write a day.
fn date(time: SystemTime) -> String {
    let time = time.clamp(UNIX_EPOCH, UNIX_EPOCH + YEAR_9999);
    let text = httpdate::fmt_http_date(time);
    // Without the weekday and the time of the day.
    let day: Vec<&str> = text.split(' ').skip(1).take(3).collect();
    day.join(" ").trim_start_matches('0').to_owned()
}

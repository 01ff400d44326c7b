//! The report as one JSON object, for programs.
//!
//! | field | |
//! |---|---|
//! | `url` | as given |
//! | `usable` | whether anybody gets events; the exit code says the same |
//! | `verdict`, `browser`, `fantail` | the sentences of the text |
//! | `took_ms`, `events`, `bytes` | what the first visit saw |
//! | `stages` | `dns_ms`, `tcp_ms`, `tls_ms`, `answer_ms`: null for what was not come to |
//! | `tls` | null, or what the server shows, see below |
//! | `servers` | whose fixes are given: `"PHP"`, `"nginx"`, `"Apache"`, `"IIS"`, `"ASP"` |
//! | `findings` | see below, in the order of their codes |
//! | `unjudged` | `{code, needs}` for what could not be looked at |
//! | `route` | the `[[route]]` block, or null |
//!
//! A finding has `code` (`"C08"`), `title` (`"buffering"`), `severity` (`"ok"`, `"note"`, `"warning"`, `"fault"`), `saw`,
//! `browser` and `fantail` (empty if there is nothing to say) and `fixes`: `{server, text}`, where
//! `server` is null if the fix is for any.
//!
//! `tls` has `chain`, in the order of the server, each `{subject, issuer, names, issuer_url}`,
//! `prefers_http2`, and `ends_soon` in seconds since 1970, null if that is more than 14 days away.
//!
//! Pure. Invariant: fields are added, never renamed or removed.

use std::time::{Duration, UNIX_EPOCH};

use serde_json::{Value, json};

use super::Diagnosis;
use super::advice::Server;
use super::finding::Finding;
use super::report::fixes;
use super::secured::Inspection;

/// The object, on one line.
pub fn text(diagnosis: &Diagnosis) -> String {
    let servers: Vec<_> = diagnosis.servers.iter().map(|s| s.as_str()).collect();
    let one = |f| finding(f, &diagnosis.servers);
    let findings: Vec<Value> = diagnosis.findings.iter().map(one).collect();
    let unjudged = diagnosis.unjudged.iter();
    let unjudged: Vec<_> = unjudged
        .map(|(code, needs)| json!({ "code": code.to_string(), "needs": needs }))
        .collect();
    let object = json!({
        "url": diagnosis.url,
        "usable": diagnosis.is_usable(),
        "verdict": diagnosis.verdict,
        "browser": diagnosis.browser,
        "fantail": diagnosis.fantail,
        "took_ms": millis(diagnosis.took),
        "events": diagnosis.events,
        "bytes": diagnosis.bytes,
        "stages": stages(diagnosis),
        "tls": diagnosis.inspection.as_ref().map(tls),
        "servers": servers,
        "findings": findings,
        "unjudged": unjudged,
        "route": diagnosis.route,
    });
    object.to_string()
}

fn stages(diagnosis: &Diagnosis) -> Value {
    let stages = diagnosis.stages;
    json!({
        "dns_ms": stages.dns.map(millis),
        "tcp_ms": stages.tcp.map(millis),
        "tls_ms": stages.tls.map(millis),
        "answer_ms": diagnosis.answered.map(millis),
    })
}

fn tls(seen: &Inspection) -> Value {
    let chain = seen.chain.iter().map(|certificate| {
        json!({
            "subject": certificate.subject,
            "issuer": certificate.issuer,
            "names": certificate.names,
            "issuer_url": certificate.issuer_url,
        })
    });
    let ends = seen
        .ends
        .and_then(|end| end.duration_since(UNIX_EPOCH).ok());
    json!({
        "chain": chain.collect::<Vec<Value>>(),
        "prefers_http2": seen.prefers_http2,
        "ends_soon": ends.map(|end| end.as_secs()),
    })
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn finding(finding: &Finding, servers: &[Server]) -> Value {
    let fixes: Vec<Value> = fixes(&finding.fixes, servers)
        .map(|fix| json!({ "server": fix.server.map(Server::as_str), "text": fix.text }))
        .collect();
    json!({
        "code": finding.code.to_string(),
        "title": finding.code.title(),
        "severity": finding.severity.as_str(),
        "saw": finding.saw,
        "browser": finding.browser,
        "fantail": finding.fantail,
        "fixes": fixes,
    })
}

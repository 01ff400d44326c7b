//! The report as text.
//!
//! Pure. Invariants: no line is wider than a terminal; without colour there is no control
//! character in it but the line end.

use super::Diagnosis;
use std::io::IsTerminal;

use super::advice::{Fix, Server};
use super::finding::{Finding, Severity, count, shown, time};
use super::wrap::{WIDTH, columns, put};

/// Where the text of the table begins.
const TABLE: &str = "                ";

/// Whether a report on the standard output should have colour: for a person who has not refused it.
pub fn has_colour() -> bool {
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    std::io::stdout().is_terminal() && !refused
}

/// Writes the report; with `colour` if somebody looks at it.
pub fn text(diagnosis: &Diagnosis, colour: bool) -> String {
    let paint = Paint { colour };
    let mut out = String::new();
    put(
        &mut out,
        "",
        &format!("fantail doctor {}", shown(&diagnosis.url, 400)),
    );
    put(&mut out, "", &looked(diagnosis));
    out.push('\n');
    for finding in &diagnosis.findings {
        row(&mut out, finding, paint);
    }
    for finding in by_severity(&diagnosis.findings) {
        detail(&mut out, finding, &diagnosis.servers, paint);
    }
    if !diagnosis.unjudged.is_empty() {
        out.push_str("\nNot looked at:\n");
        for (code, what) in &diagnosis.unjudged {
            put(&mut out, &format!("  {code}  "), what);
        }
    }
    out.push('\n');
    let verdict = worst(&diagnosis.findings);
    line(
        &mut out,
        "Verdict",
        &paint.bold(verdict, &diagnosis.verdict),
    );
    put(&mut out, "A browser     ", &diagnosis.browser);
    put(&mut out, "With Fantail  ", &diagnosis.fantail);
    if let Some(route) = &diagnosis.route {
        out.push_str(if diagnosis.is_usable() {
            "\nTo paste into fantail.toml:\n\n"
        } else {
            "\nTo paste into fantail.toml, once it is mended:\n\n"
        });
        out.push_str(route.trim_end());
        out.push('\n');
    }
    out
}

fn looked(diagnosis: &Diagnosis) -> String {
    if diagnosis.took.is_zero() {
        return "no answer that could be looked at".to_owned();
    }
    let events = count(diagnosis.events, "event");
    let bytes = count(diagnosis.bytes, "byte");
    format!(
        "looked at it for {}: {events}, {bytes}",
        time(diagnosis.took)
    )
}

/// One line of the table: what was seen, cut to the width; the details have it in full.
fn row(out: &mut String, finding: &Finding, paint: Paint) {
    let word = format!("{:<7}", finding.severity.as_str());
    let room = WIDTH - columns(TABLE);
    let mut saw = String::new();
    for c in finding.saw.chars() {
        if columns(&saw) + 2 > room {
            saw.push('…');
            break;
        }
        saw.push(c);
    }
    let word = paint.severity(finding.severity, &word);
    out.extend([
        "  ",
        &finding.code.to_string(),
        "  ",
        &word,
        "  ",
        &saw,
        "\n",
    ]);
}

fn detail(out: &mut String, finding: &Finding, servers: &[Server], paint: Paint) {
    let code = finding.code;
    let title = format!("{code} {}: {}", finding.severity.as_str(), code.title());
    out.push('\n');
    out.push_str(&paint.severity(finding.severity, &title));
    out.push('\n');
    put(out, "  saw       ", &finding.saw);
    for (margin, words) in [
        ("  browser   ", &finding.browser),
        ("  fantail   ", &finding.fantail),
    ] {
        if !words.is_empty() {
            put(out, margin, words);
        }
    }
    for fix in fixes(&finding.fixes, servers) {
        let who = fix.server.map_or("fix", Server::as_str);
        put(out, &format!("  {who:<8}  "), fix.text);
    }
}

/// The fixes for these servers and those for any; all, if there are none for these: then it is
/// somebody else's to mend, who has not given themselves away.
pub(super) fn fixes<'a>(fixes: &'a [Fix], servers: &'a [Server]) -> impl Iterator<Item = &'a Fix> {
    let is_theirs = |fix: &Fix| fix.server.is_some_and(|server| servers.contains(&server));
    let all = !fixes.iter().any(is_theirs);
    let fits = move |fix: &&Fix| all || fix.server.is_none() || is_theirs(fix);
    fixes.iter().filter(fits)
}

/// What needs words, the worst first.
fn by_severity(findings: &[Finding]) -> Vec<&Finding> {
    let mut list: Vec<_> = findings
        .iter()
        .filter(|f| f.severity > Severity::Ok)
        .collect();
    list.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    list
}

fn worst(findings: &[Finding]) -> Severity {
    let worst = findings.iter().map(|finding| finding.severity).max();
    match worst.unwrap_or(Severity::Ok) {
        Severity::Note => Severity::Ok,
        other => other,
    }
}

fn line(out: &mut String, head: &str, text: &str) {
    out.extend([&format!("{head:<14}"), text, "\n"]);
}

/// Colours, if there are any.
#[derive(Clone, Copy, Debug)]
struct Paint {
    colour: bool,
}

impl Paint {
    fn severity(self, severity: Severity, text: &str) -> String {
        let code = match severity {
            Severity::Ok => "32",
            Severity::Note => "36",
            Severity::Warning => "33",
            Severity::Fault => "1;31",
        };
        self.wrap(code, text)
    }

    fn bold(self, severity: Severity, text: &str) -> String {
        let code = match severity {
            Severity::Ok | Severity::Note => "1;32",
            Severity::Warning => "1;33",
            Severity::Fault => "1;31",
        };
        self.wrap(code, text)
    }

    fn wrap(self, code: &str, text: &str) -> String {
        if self.colour {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }
}

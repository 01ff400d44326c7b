//! C04, C05, C07: what the head says about the body: type, charset, compression.

use http::header::CONTENT_TYPE;

use super::Case;
use crate::doctor::advice;
use crate::doctor::finding::{Code, Finding, shown};

const SHOWN_TYPE: usize = 60;

/// C04.
pub(super) fn media_type(case: &Case) -> Option<Finding> {
    let visit = &case.seen.first;
    let status = visit.status()?;
    let full = visit.header(&CONTENT_TYPE).unwrap_or_default();
    if visit.is_stream() {
        return Some(Finding::ok(
            Code::Type,
            format!("type {}", shown(full, SHOWN_TYPE)),
        ));
    }
    // The type of an error page or of nothing says nothing.
    if status != 200 {
        return None;
    }
    let what = if full.is_empty() {
        "no type".to_owned()
    } else {
        format!("type {}", shown(full, SHOWN_TYPE))
    };
    let finding = Finding::fault(Code::Type, format!("{what}: {}", cause(&visit.body)))
        .browser("takes nothing but text/event-stream, closes for good")
        .fantail("answers 502 with this reason");
    Some(finding.fixes(advice::TYPE))
}

/// The likely cause; the surest sign first.
fn cause(body: &[u8]) -> &'static str {
    let marked = body.starts_with(b"\xEF\xBB\xBF");
    let text = String::from_utf8_lossy(body).to_lowercase();
    let text = text.trim_start_matches('\u{FEFF}').trim_ascii_start();
    let has = |words: &[&str]| words.iter().any(|word| text.contains(word));
    if marked {
        "a byte order mark before <?php sends PHP's headers too early"
    } else if has(&["headers already sent", "cannot modify header information"]) {
        "something is printed before header(), so PHP's headers go too early"
    } else if has(&["fatal error", "parse error", "uncaught exception"]) {
        "PHP failed; its error stands in the body and in its log"
    } else if has(&["vbscript runtime", "vbscript compilation", "asp 0"]) {
        "the ASP page failed; its error stands in the body"
    } else if text.starts_with("<?php") || text.starts_with("<%") {
        "the script's source came; the server does not run it"
    } else if text.starts_with(['{', '[']) {
        "it looks like JSON; is this the right URL?"
    } else if ["data:", "event:", "id:", "retry:"]
        .iter()
        .any(|f| text.starts_with(f))
    {
        "the body is an event stream, only the header is missing"
    } else if text.starts_with('<') {
        "it looks like an ordinary page; is this the right URL?"
    } else {
        "does the script set it?"
    }
}

/// C05.
pub(super) fn charset(case: &Case) -> Option<Finding> {
    if !case.is_readable() {
        return None;
    }
    let refused = "Chromium closes for good on any label but UTF-8; others read it as UTF-8";
    let finding = match &case.body.charset {
        Some((label, true)) => {
            let saw = format!("charset {}", shown(label, SHOWN_TYPE));
            let fantail = "transcodes it to UTF-8 as it streams";
            Finding::warning(Code::Charset, saw)
                .browser(refused)
                .fantail(fantail)
        }
        Some((label, false)) => {
            let saw = format!("charset {}, which nobody knows", shown(label, SHOWN_TYPE));
            Finding::fault(Code::Charset, saw)
                .browser(refused)
                .fantail("answers 502")
        }
        None if !case.body.is_text => {
            let saw = "bytes that are no UTF-8, and no charset that says what they are";
            Finding::warning(Code::Charset, saw)
                .browser("shows \u{FFFD} in their place")
                .fantail("transcodes them once the route says what they are: charset = \"gbk\"")
        }
        None => return Some(Finding::ok(Code::Charset, "UTF-8")),
    };
    Some(finding.fixes(advice::CHARSET))
}

/// C07.
pub(super) fn compressed(case: &Case) -> Option<Finding> {
    if let Some(coding) = case.seen.first.coding() {
        let saw = format!(
            "{} although not asked for: nothing inside was looked at",
            shown(&coding, 20)
        );
        let finding = match coding.as_str() {
            "gzip" | "x-gzip" | "deflate" => {
                Finding::warning(Code::Compressed, saw).fantail("decodes gzip and deflate only")
            }
            _ => Finding::fault(Code::Compressed, saw).fantail("can not read it"),
        };
        let finding = finding.browser("decodes it, but events wait while the compressor fills up");
        return Some(finding.fixes(advice::COMPRESSED));
    }
    let foreign = case.seen.foreign.as_ref()?;
    let Some(coding) = foreign.coding() else {
        return Some(Finding::ok(Code::Compressed, "not compressed"));
    };
    let saw = format!("{} for browsers, which ask for it", shown(&coding, 20));
    let finding = Finding::note(Code::Compressed, saw)
        .browser("decodes it as it comes, if the compressor is flushed after each event")
        .fantail("asks for none and gets none");
    Some(finding.fixes(advice::COMPRESSED))
}

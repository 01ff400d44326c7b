//! Each finding against a backend that shows it, and a clean one that shows none.

mod backend;
mod buffers;
mod crowd;
mod fixtures;
mod shown;
mod texts;
mod tls;

use std::time::Duration;

use rstest::rstest;

use self::backend::{Backend, Script};
use self::fixtures as f;
use super::finding::{Code, Finding, Severity};
use super::findings::Yardstick;
use super::*;

/// Long enough for what the fixtures do at once.
const LOOK: &str = "200ms";

/// Small enough to be waited for.
fn yardstick() -> Yardstick {
    Yardstick {
        silence: Duration::from_millis(2500),
        round: Vec::new(),
        tolerance: Duration::from_millis(90),
    }
}

async fn diagnosis(ask: &Ask, yardstick: Yardstick) -> Diagnosis {
    diagnose(Box::pin(rounds::observe(ask)).await, yardstick, &ask.fix)
}

async fn ask(script: Script, path: &str, look: &str) -> Diagnosis {
    let backend = Backend::start(script).await;
    let ask = Ask::new(&backend.url(path), look).unwrap();
    diagnosis(&ask, yardstick()).await
}

fn find(diagnosis: &Diagnosis, code: Code) -> &Finding {
    let found = diagnosis.findings.iter().find(|f| f.code == code);
    found.unwrap_or_else(|| panic!("no {code} in {:#?}", diagnosis.findings))
}

fn worse_than_note(diagnosis: &Diagnosis) -> Vec<String> {
    let worse = diagnosis
        .findings
        .iter()
        .filter(|f| f.severity > Severity::Note);
    worse.map(|f| format!("{} {}", f.code, f.saw)).collect()
}

#[tokio::test]
async fn a_good_stream_has_no_finding_worse_than_a_note() {
    let backend = Backend::start(f::good).await;
    let ask = Ask::new(&backend.url("/events"), "400ms")
        .unwrap()
        .workers(3)
        .unwrap();
    let short = Yardstick {
        silence: Duration::from_millis(300),
        ..yardstick()
    };
    let diagnosis = diagnosis(&ask, short).await;
    assert_eq!(worse_than_note(&diagnosis), [""; 0]);
    assert_eq!(diagnosis.verdict, "usable");
    let ok = |f: &Finding| f.severity == Severity::Ok;
    assert!(
        diagnosis.findings.iter().all(ok),
        "{:#?}",
        diagnosis.findings
    );
    // All that a clean stream can be told of.
    let codes: Vec<u8> = diagnosis.findings.iter().map(|f| f.code as u8).collect();
    assert_eq!(codes, [1, 3, 4, 5, 7, 8, 9, 14, 16, 17, 19, 20, 21, 22]);
}

#[rstest]
#[case::the_php_page_of_the_tutorial(f::php_one_shot)]
#[case::json_that_holds_line_ends(f::json_escapes)]
#[case::a_quiet_stream(f::quiet)]
#[case::compression_for_who_asks(f::gzip_if_asked)]
#[case::a_mark_at_the_start(f::leading_bom)]
#[case::a_page_of_one_origin(f::same_origin)]
#[case::cookies_that_make_no_difference(f::session)]
#[tokio::test]
async fn what_is_harmless_is_not_warned_about(#[case] script: Script) {
    let diagnosis = ask(script, "/a.php", LOOK).await;
    assert_eq!(worse_than_note(&diagnosis), [""; 0]);
    assert!(diagnosis.is_usable());
}

#[rstest]
#[case::c01(f::no_reply, Code::Reach, Severity::Fault, "closed without an answer")]
#[case::c01(f::no_http, Code::Reach, Severity::Fault, "no HTTP/1 answer")]
#[case::c02(
    f::moved,
    Code::Redirect,
    Severity::Note,
    "302 leads to http://127.0.0.1:"
)]
#[case::c02(f::circle, Code::Redirect, Severity::Fault, "too many in a row")]
#[case::c02(f::login, Code::Redirect, Severity::Fault, "a login page")]
#[case::c03(
    f::no_content,
    Code::Status,
    Severity::Fault,
    "status 204: stop for ever"
)]
#[case::c03(f::not_found, Code::Status, Severity::Fault, "status 404: not here")]
#[case::c03(f::unavailable, Code::Status, Severity::Fault, "status 503: broken")]
#[case::c04(f::no_type, Code::Type, Severity::Fault, "only the header is missing")]
#[case::c04(
    f::marked_page,
    Code::Type,
    Severity::Fault,
    "a byte order mark before <?php"
)]
#[case::c05(f::gb2312, Code::Charset, Severity::Warning, "charset gb2312")]
#[case::c05(
    f::odd_charset,
    Code::Charset,
    Severity::Fault,
    "klingon, which nobody knows"
)]
#[case::c05(
    f::undeclared,
    Code::Charset,
    Severity::Warning,
    "bytes that are no UTF-8"
)]
#[case::c06(f::php_one_shot, Code::Ends, Severity::Note, "ends at once, after ")]
#[case::c07(
    f::gzip,
    Code::Compressed,
    Severity::Warning,
    "gzip although not asked for"
)]
#[case::c07(
    f::brotli,
    Code::Compressed,
    Severity::Fault,
    "br although not asked for"
)]
#[case::c07(
    f::gzip_if_asked,
    Code::Compressed,
    Severity::Note,
    "gzip for browsers"
)]
#[case::c08(
    f::withheld,
    Code::Buffered,
    Severity::Fault,
    "not even a head came in 2 s"
)]
#[case::c09(
    f::asp,
    Code::BlankLine,
    Severity::Warning,
    "no blank line after the only event"
)]
#[case::c09(
    f::no_blank_line,
    Code::BlankLine,
    Severity::Fault,
    "3 data lines, but no blank line"
)]
#[case::c09(
    f::half_at_the_end,
    Code::BlankLine,
    Severity::Warning,
    "1 event, then one without"
)]
#[case::c10(
    f::single_quotes,
    Code::Escapes,
    Severity::Fault,
    "a written \\n where"
)]
#[case::c11(
    f::notices,
    Code::Notices,
    Severity::Warning,
    "2 lines of messages or HTML"
)]
#[case::c12(
    f::fragments,
    Code::Unknown,
    Severity::Warning,
    "of a value without `data:`"
)]
#[case::c12(
    f::wrong_names,
    Code::Unknown,
    Severity::Fault,
    "2 lines without a known field: Data: 1"
)]
#[case::c13(
    f::leading_bom,
    Code::Bom,
    Severity::Note,
    "a byte order mark at the start"
)]
#[case::c13(
    f::late_bom,
    Code::Bom,
    Severity::Warning,
    "1 line with a byte order mark"
)]
#[case::c15(
    f::cut,
    Code::Cut,
    Severity::Warning,
    "before the end that its head promised"
)]
#[case::c16(f::php_one_shot, Code::Ids, Severity::Note, "no ids")]
#[case::c16(
    f::one_id_for_all,
    Code::Ids,
    Severity::Warning,
    "two events with the id 7"
)]
#[case::c16(
    f::falling_ids,
    Code::Ids,
    Severity::Warning,
    "ids go backwards: 7, then 3"
)]
#[case::c16(
    f::odd_id,
    Code::Ids,
    Severity::Warning,
    "not every client gives back: a b"
)]
#[case::c16(f::bad_retry, Code::Ids, Severity::Warning, "`retry: 3s` is no number")]
#[case::c17(
    f::starts_over,
    Code::Resume,
    Severity::Warning,
    "2, sends 2 events again"
)]
#[case::c17(
    f::forgets,
    Code::Resume,
    Severity::Warning,
    "2, what came after it is lost"
)]
#[case::c20(
    f::asp,
    Code::Sharing,
    Severity::Note,
    "visitors see the same, but the answer has Set-Cookie"
)]
#[case::c20(
    f::private,
    Code::Sharing,
    Severity::Note,
    "Cache-Control: private and Vary"
)]
#[case::c21(
    f::same_origin,
    Code::Cors,
    Severity::Note,
    "only pages of the same origin"
)]
#[case::c21(f::any_origin, Code::Cors, Severity::Warning, "any page of any site")]
#[case::c22(f::oversize, Code::Size, Severity::Warning, "an event of 20971")]
#[case::c22(
    f::flood,
    Code::Size,
    Severity::Note,
    "4194304 bytes, then the look was over"
)]
#[tokio::test]
async fn each_finding_is_found(
    #[case] script: Script,
    #[case] code: Code,
    #[case] severity: Severity,
    #[case] words: &str,
) {
    let diagnosis = ask(script, "/old", LOOK).await;
    let found = find(&diagnosis, code);
    assert!(found.saw.contains(words), "{}", found.saw);
    assert_eq!(found.severity, severity);
    assert_eq!(diagnosis.is_usable(), worst(&diagnosis) < Severity::Fault);
}

/// Each code is shown by a fixture in one of the tables or in a test of its own. That the clean
/// stream shows none of them is up to `a_good_stream_has_no_finding_worse_than_a_note`.
#[test]
fn every_code_has_a_test_that_shows_it() {
    let sources = [
        include_str!("mod.rs"),
        include_str!("crowd.rs"),
        include_str!("tls.rs"),
    ];
    let text = sources.concat().split_whitespace().collect::<String>();
    let codes: Vec<&str> = include_str!("../finding.rs")
        .lines()
        .filter_map(|line| line.trim().split_once(" = "))
        .filter(|(_, number)| number.trim_end_matches(',').parse::<u8>().is_ok())
        .map(|(name, _)| name)
        .collect();
    assert_eq!(codes.len(), 22);
    for code in codes {
        let shown = ["Fault", "Warning", "Note"].iter().any(|severity| {
            let row = format!("Code::{code},Severity::{severity}");
            let own = format!("Code::{code}).severity,Severity::{severity}");
            text.contains(&row) || text.contains(&own)
        });
        assert!(shown, "no test shows {code}");
    }
}

fn worst(diagnosis: &Diagnosis) -> Severity {
    diagnosis.findings.iter().map(|f| f.severity).max().unwrap()
}

#[rstest]
#[case::at_the_end(
    f::all_at_the_end,
    "600ms",
    "then 3 events at once, when the script ended"
)]
#[case::in_blocks(f::in_blocks, "400ms", "4096 bytes at once, ")]
#[case::by_the_clock(
    f::by_the_clock,
    "1200ms",
    "2 events at once that say they happened 1 s apart"
)]
#[tokio::test]
async fn a_buffer_shows_in_the_times(
    #[case] script: Script,
    #[case] look: &str,
    #[case] words: &str,
) {
    let diagnosis = ask(script, "/", look).await;
    let found = find(&diagnosis, Code::Buffered);
    assert_eq!(found.severity, Severity::Warning);
    assert!(found.saw.contains(words), "{}", found.saw);
}

#[tokio::test]
async fn nobody_at_the_address_is_a_fault_of_the_first_stage() {
    let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/a", free.local_addr().unwrap());
    drop(free);
    let diagnosis = diagnosis(&Ask::new(&url, LOOK).unwrap(), yardstick()).await;
    assert!(
        find(&diagnosis, Code::Reach)
            .saw
            .contains("nobody takes the connection")
    );
    assert!(!diagnosis.is_usable());
}

#[tokio::test]
async fn silence_is_measured_up_to_the_end_of_the_look() {
    let backend = Backend::start(f::quiet).await;
    let ask = Ask::new(&backend.url("/"), "400ms").unwrap();
    let short = Yardstick {
        silence: Duration::from_millis(300),
        ..yardstick()
    };
    let diagnosis = diagnosis(&ask, short).await;
    assert_eq!(find(&diagnosis, Code::Silence).severity, Severity::Warning);
}

#[tokio::test]
async fn an_end_at_a_round_number_is_somebodys_limit() {
    let backend = Backend::start(f::ends_at_a_limit).await;
    let ask = Ask::new(&backend.url("/"), "600ms").unwrap();
    let short = Yardstick {
        round: vec![Duration::from_millis(300)],
        ..yardstick()
    };
    let found = diagnosis(&ask, short).await;
    assert!(find(&found, Code::Cut).saw.ends_with("a limit of 300 ms?"));
    assert!(found.findings.iter().all(|f| f.code != Code::Ends));
    let found = diagnosis(&ask, yardstick()).await;
    assert!(found.findings.iter().all(|f| f.code != Code::Cut));
}

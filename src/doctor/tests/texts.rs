//! What can be tested without a backend.

use rstest::rstest;

use super::*;
use crate::config::{Config, Flags};
use crate::doctor::advice::{self, FIX_COLUMNS};
use crate::doctor::findings::Case;
use crate::doctor::observation::{Chunk, End, Head, Visit};
use crate::doctor::wrap::{WIDTH, columns, put};

/// A stream that brought these bytes at these milliseconds, and is still open.
pub(super) fn visit(chunks: &[(u64, &str)]) -> Visit {
    let mut head = Head {
        status: 200,
        ..Head::default()
    };
    head.headers
        .insert("content-type", "text/event-stream".parse().unwrap());
    let chunk = |(at, text): &(u64, &str)| Chunk {
        at: Duration::from_millis(*at),
        bytes: text.len(),
    };
    Visit {
        peer: Some(([127, 0, 0, 1], 80).into()),
        head: Some(head),
        chunks: chunks.iter().map(chunk).collect(),
        body: chunks.iter().flat_map(|(_, text)| text.bytes()).collect(),
        end: End::Left,
        ended: Duration::from_secs(10),
        ..Visit::default()
    }
}

fn case(url: &str, first: Visit) -> Case {
    let seen = Observation {
        url: url.to_owned(),
        first,
        ..Observation::default()
    };
    Case::new(seen, Yardstick::default())
}

/// C08.
pub(super) fn buffering(first: Visit) -> Option<Finding> {
    let findings = findings::judge(&case("http://a/", first));
    findings.into_iter().find(|f| f.code == Code::Buffered)
}

fn buffered(chunks: &[(u64, &str)]) -> Option<Severity> {
    buffering(visit(chunks)).map(|finding| finding.severity)
}

#[rstest]
#[case::nothing_to_compare(&[(5, "data: 1\n\n")], None)]
#[case::one_by_one(&[(5, "data: 1\n\n"), (900, "data: 2\n\n")], Some(Severity::Ok))]
#[case::a_replay_of_the_past(
    &[(5, "data: 10:00:00\n\ndata: 10:05:00\n\n"), (900, "data: 10:05:01\n\n")], Some(Severity::Ok)
)]
#[case::a_packet_cut_anywhere(&[(5, "data: 1\n\nda"), (8, "ta: 2\n\n")], None)]
#[case::held_back(
    &[(9, ":\n"), (4000, "data: 10:00:00\n\ndata: 10:00:02\n\n")], Some(Severity::Warning)
)]
fn buffering_is_told_from_replay(
    #[case] chunks: &[(u64, &str)],
    #[case] severity: Option<Severity>,
) {
    assert_eq!(buffered(chunks), severity);
}

#[rstest]
#[case(29_500, Some("30 s"))]
#[case(60_900, Some("60 s"))]
#[case(45_000, None)]
#[case(119_100, Some("120 s"))]
fn the_default_yardstick_knows_the_usual_limits(#[case] after: u64, #[case] limit: Option<&str>) {
    let mut first = visit(&[(5, "data: 1\n\n")]);
    first.end = End::Clean;
    first.ended = Duration::from_millis(after);
    let findings = findings::judge(&case("http://a/", first));
    let cut = findings
        .iter()
        .find(|f| f.code == Code::Cut)
        .map(|f| f.saw.clone());
    assert_eq!(cut.is_some(), limit.is_some());
    assert!(cut.is_none_or(|saw| saw.ends_with(&format!("a limit of {}?", limit.unwrap()))));
}

#[test]
fn no_fix_is_wrapped() {
    let lines = [&advice::ALL[..], &advice::tls::ALL]
        .concat()
        .into_iter()
        .flat_map(|fixes| fixes.iter())
        .flat_map(|f| f.text.lines());
    for line in lines {
        assert!(columns(line) <= FIX_COLUMNS, "{line}");
    }
}

#[rstest]
#[case("http://127.0.0.1:8000/demo_sse.php")]
#[case("http://site.example")]
#[case("https://site.example:8443/feed")]
#[case("http://[::1]:81/a/b.php?symbol=A&lang=en&symbol=B&%E8%82%A1=1&_=7")]
#[case("http://127.0.0.1:8000/%7Euser/feed%20one.php")]
#[case("http://127.0.0.1:8000/'quote';semi,comma")]
fn a_route_is_good_configuration(#[case] url: &str) {
    let long = format!("{url}{}x", if url.contains('?') { "&" } else { "?" }).repeat(1);
    for url in [url, &long] {
        let block = route::block(&case(url, visit(&[(1, "data: \u{FFFD}\n\n")]))).unwrap();
        let config = Config::parse("fantail.toml", &block, &[], &Flags::default());
        assert!(config.is_ok(), "{block}\n{}", config.unwrap_err());
    }
}

#[test]
fn a_long_url_is_written_over_several_lines_that_mean_the_same() {
    let path = format!("/{}", "0123456789".repeat(30));
    let url = format!("http://127.0.0.1:8000{path}");
    let block = route::block(&case(&url, visit(&[]))).unwrap();
    assert!(block.lines().all(|line| columns(line) <= WIDTH));
    let config = Config::parse("fantail.toml", &block, &[], &Flags::default()).unwrap();
    assert_eq!(config.routes[0].path.as_str(), path);
}

#[test]
fn a_url_that_no_route_can_say_gets_none() {
    assert_eq!(route::block(&case("http://a/x//y", visit(&[]))), None);
}

#[rstest]
#[case("127.0.0.1:8000", "10s", "is no URL that can be asked")]
#[case("ftp://a/", "10s", "is no URL that can be asked")]
#[case(
    "http://me:secret@a/",
    "10s",
    "use --header 'Authorization: Basic …' instead"
)]
#[case("http://a/", "10", "--for `10` has no unit")]
#[case("http://a/", "2h", "--for `2h` is out of bounds")]
fn a_wrong_question_is_told_so(#[case] url: &str, #[case] look: &str, #[case] words: &str) {
    let fault = Ask::new(url, look).unwrap_err().to_string();
    assert!(fault.contains(words), "{fault}");
    assert!(!fault.contains("secret"));
}

#[rstest]
#[case("no colon")]
#[case("bad name: x")]
#[case("a: b\r\nc: d")]
#[case("Connection: close")]
#[case("Last-Event-ID: 1")]
fn a_header_that_can_not_be_sent_is_refused(#[case] header: &str) {
    let ask = Ask::new("http://a/", "10s").unwrap();
    assert!(ask.headers(&[header.to_owned()]).is_err());
}

#[test]
fn cookies_become_one_header_and_are_not_shown() {
    let ask = Ask::new("http://a/", "10s").unwrap();
    let ask = ask.cookies(&["a=1".to_owned(), "b=2".to_owned()]).unwrap();
    assert_eq!(ask.sent["cookie"], "a=1; b=2");
    assert!(!format!("{ask:?}").contains("a=1"));
    assert!(
        Ask::new("http://a/", "1s")
            .unwrap()
            .cookies(&["x".to_owned()])
            .is_err()
    );
    assert!(Ask::new("http://a/", "1s").unwrap().workers(65).is_err());
}

#[test]
fn text_is_folded_at_words_if_it_can_be() {
    let mut out = String::new();
    put(
        &mut out,
        "  saw  ",
        &format!("{} {} {}", "a".repeat(90), "b".repeat(9), "股".repeat(60)),
    );
    assert!(out.lines().all(|line| columns(line) <= WIDTH));
    assert_eq!(out.lines().count(), 4);
    assert!(out.lines().nth(1).unwrap().starts_with("       bbb"));
}

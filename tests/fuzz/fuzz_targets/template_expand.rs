//! Templates: whatever a client writes into a path, the URL keeps its scheme, host, port and path
//! prefix, has no dot segment, and is in one piece.
//!
//! Input: the first byte chooses the template; the rest is two variables, cut at the first `|`.

#![no_main]

use std::sync::LazyLock;

use fantail::edge::template::{PathTemplate, Pattern, UpstreamTemplate, ValueRule, ValueRules};
use http::Uri;
use libfuzzer_sys::fuzz_target;
use percent_encoding::percent_decode_str;

/// What the URLs of an upstream begin with.
struct Case {
    upstream: UpstreamTemplate,
    begin: &'static str,
    is_fastcgi: bool,
}

static CASES: LazyLock<Vec<Case>> = LazyLock::new(|| {
    let case = |text: &str, begin, rules: &[(&str, &str)]| {
        let path = PathTemplate::parse("/p/{s}/{rest*}").unwrap();
        let mut all = ValueRules::default();
        for (name, pattern) in rules {
            all.add(name, ValueRule::Pattern(Pattern::new(pattern).unwrap()));
        }
        let upstream = UpstreamTemplate::parse(text, &path).unwrap();
        let is_fastcgi = upstream.is_fastcgi();
        Case {
            upstream: upstream.with_rules(all),
            begin,
            is_fastcgi,
        }
    };
    let any = [("s", "(?s).*"), ("rest", "(?s).*")];
    vec![
        case(
            "http://h:8000/base/{rest*}?s={s}",
            "http://h:8000/base/",
            &[],
        ),
        case(
            "http://h:8000/base/{rest*}?s={s}",
            "http://h:8000/base/",
            &any,
        ),
        case("https://h/{s}/x-{s}.php", "https://h/", &any),
        case("http://h:8000", "http://h:8000/", &[]),
        case("http://[::1]:1/a?x={s}", "http://[::1]:1/a?x=", &any),
        case(
            "fastcgi://h:9000/b/{rest*}?s={s}",
            "fastcgi://h:9000/b/",
            &any,
        ),
        case(
            "fastcgi://unix:/run/x.sock:/b/{s}.php",
            "fastcgi://unix:/run/x.sock:/b/",
            &any,
        ),
    ]
});

fuzz_target!(|input: &[u8]| {
    let Some((choice, text)) = input.split_first() else {
        return;
    };
    let text = String::from_utf8_lossy(text);
    let (s, rest) = text.split_once('|').unwrap_or((&text, ""));
    let case = &CASES[usize::from(*choice) % CASES.len()];
    let variables = [("s", s), ("rest", rest)].into_iter().collect();
    let Ok(url) = case.upstream.expand(&variables, "lang=en") else {
        return;
    };
    check(case, &url);
});

fn check(case: &Case, url: &str) {
    assert!(url.starts_with(case.begin), "{url}");
    let graphic = |b: u8| b.is_ascii_graphic() && !b"\"<>\\^`{|}#".contains(&b);
    assert!(url.bytes().all(graphic), "{url}");
    // Nothing that a client wrote begins a second query, or a parameter in it.
    assert_eq!(url.matches('?').count(), 1, "{url}");
    let (whole, query) = url.split_once('?').unwrap();
    assert!(
        query.ends_with("lang=en") && query.matches('&').count() <= 1,
        "{url}"
    );
    let path = if case.is_fastcgi {
        whole.rsplit_once(':').unwrap().1.trim_start_matches("9000")
    } else {
        let uri: Uri = url.parse().unwrap();
        let authority = uri.authority().unwrap().as_str();
        assert!(case.begin.contains(&format!("//{authority}/")), "{url}");
        whole.split_once("//").unwrap().1.split_once('/').unwrap().1
    };
    for segment in path.split('/') {
        let decoded = percent_decode_str(segment).decode_utf8().unwrap();
        assert!(
            !matches!(&*decoded, "." | "..") && !decoded.contains(['/', '\\']),
            "{url}"
        );
        assert!(!decoded.contains(char::is_control), "{url}");
    }
}

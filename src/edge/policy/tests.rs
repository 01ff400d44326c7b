use http::{Request, Version};

use super::*;

/// A parsed head from `METHOD target VERSION` and `name: value` lines.
fn head(line: &str, lines: &[&str]) -> Parts {
    let mut words = line.split(' ');
    let mut request = Request::builder()
        .method(words.next().unwrap())
        .uri(words.next().unwrap());
    request = request.version(match words.next() {
        Some("1.0") => Version::HTTP_10,
        _ => Version::HTTP_11,
    });
    for line in lines {
        let (name, value) = line
            .split_once(": ")
            .unwrap_or((line.trim_end_matches(':'), ""));
        request = request.header(name, value);
    }
    request.body(()).unwrap().into_parts().0
}

fn status(line: &str, lines: &[&str]) -> u16 {
    match check(&head(line, lines), &Options::default()) {
        Ok(()) => 200,
        Err(reject) => reject.answer().status,
    }
}

#[test]
fn a_request_has_one_valid_host() {
    for (line, lines, expected) in [
        ("GET /a?b", &["host: h"][..], 200),
        ("GET /", &["host: a-b.example:8080"], 200),
        ("GET /", &["host: [::1]:80"], 200),
        ("GET / 1.0", &[], 200),
        ("GET /", &[], 400),
        ("GET /", &["host:"], 400),
        ("GET /", &["host: h", "host: h"], 400),
        ("GET / 1.0", &["host: h", "host: i"], 400),
        ("GET /", &["host: u@h"], 400),
        ("GET /", &["host: h/a"], 400),
        ("GET /", &["host: h h"], 400),
        ("GET /", &["host: h,i"], 400),
        ("GET /", &["host: h:"], 400),
        ("GET /", &["host: h:65536"], 400),
        ("GET /", &["host: h:+1"], 400),
        ("GET /", &["host: [::1"], 400),
        ("GET /", &["host: ::1"], 400),
        ("GET /", &["host: h\u{e9}"], 400),
        ("GET /", &["host: %68"], 400),
    ] {
        assert_eq!(status(line, lines), expected, "{line} {lines:?}");
    }
}

#[test]
fn a_request_has_one_target_that_agrees_with_its_host() {
    for (line, lines, expected) in [
        ("GET http://h/a", &["host: H:80"][..], 200),
        ("GET http://H:80/a", &["host: h"], 200),
        ("GET https://h/a", &["host: h:443"], 200),
        ("GET https://h/a", &["host: h:80"], 421),
        ("GET http://h/a", &["host: i"], 421),
        ("GET http://h:81/a", &["host: h"], 421),
        ("GET http://u@h/a", &["host: h"], 400),
        ("GET http://h/a 1.0", &[], 200),
        ("GET http://h/a", &[], 400),
        ("GET ftp://h/a", &["host: h"], 400),
        ("GET h:80", &["host: h:80"], 400),
        ("CONNECT h:80", &["host: h:80"], 405),
        ("TRACE /", &["host: h"], 405),
        ("OPTIONS *", &["host: h"], 200),
        ("GET *", &["host: h"], 400),
        ("GET /é", &["host: h"], 400),
        // The URI parser has cut the fragment off: nothing can forward it.
        ("GET /a#b", &["host: h"], 200),
        ("GET /a?é", &["host: h"], 400),
    ] {
        assert_eq!(status(line, lines), expected, "{line} {lines:?}");
    }
}

#[test]
fn a_request_has_one_framing() {
    for (line, lines, expected) in [
        ("POST /", &["content-length: 5"][..], 200),
        ("POST /", &["transfer-encoding: chunked"], 200),
        ("POST /", &["transfer-encoding: Chunked"], 200),
        ("POST / 1.0", &["content-length: 5"], 200),
        (
            "POST /",
            &["content-length: 5", "transfer-encoding: chunked"],
            400,
        ),
        ("POST /", &["content-length: 5", "content-length: 5"], 400),
        ("POST /", &["content-length: 5, 5"], 400),
        ("POST /", &["content-length: +5"], 400),
        ("POST /", &["content-length: 0x5"], 400),
        ("POST /", &["content-length:"], 400),
        ("POST /", &["transfer-encoding: gzip, chunked"], 400),
        ("POST /", &["transfer-encoding: chunked, chunked"], 400),
        (
            "POST /",
            &["transfer-encoding: chunked", "transfer-encoding: chunked"],
            400,
        ),
        ("POST /", &["transfer-encoding: xchunked"], 400),
        ("POST /", &["transfer-encoding: identity"], 400),
        ("POST / 1.0", &["transfer-encoding: chunked"], 400),
        (
            "POST / 1.0",
            &["content-length: 5", "transfer-encoding: chunked"],
            400,
        ),
    ] {
        let lines = [lines, &["host: h"]].concat();
        assert_eq!(status(line, &lines), expected, "{line} {lines:?}");
    }
}

#[test]
fn every_size_has_a_bound_and_zero_is_none() {
    let long = |n| format!("GET /{}", "a".repeat(n));
    let query = |n| format!("GET /?{}", "a".repeat(n));
    let value = format!("x: {}", "a".repeat(16 << 10));
    let many = |n: usize| vec!["x: 1"; n - 1];
    assert_eq!(status(&long((8 << 10) - 1), &["host: h"]), 200);
    assert_eq!(status(&long(8 << 10), &["host: h"]), 431);
    assert_eq!(status(&query(4 << 10), &["host: h"]), 200);
    assert_eq!(status(&query((4 << 10) + 1), &["host: h"]), 431);
    assert_eq!(status("GET /", &["host: h", &value]), 431);
    assert_eq!(status("GET /", &[many(64), vec!["host: h"]].concat()), 200);
    assert_eq!(status("GET /", &[many(65), vec!["host: h"]].concat()), 431);
    let none = Options {
        head_bytes: 0,
        uri_bytes: 0,
        header_count: 0,
        query_bytes: 0,
        ..Options::default()
    };
    assert_eq!(
        check(&head(&query(9000), &["host: h", &value]), &none),
        Ok(())
    );
}

#[test]
fn a_subscription_with_a_body_is_refused() {
    for (lines, refused) in [
        (&[][..], false),
        (&["content-length: 0"], false),
        (&["content-length: 1"], true),
        (&["transfer-encoding: chunked"], true),
        (&["content-length: 0", "transfer-encoding: chunked"], true),
    ] {
        let answer = no_body(&head("GET /", lines));
        assert_eq!(answer.is_err(), refused, "{lines:?}");
    }
}

#[test]
fn headers_with_underscores_are_dropped() {
    let mut headers = head("GET /", &["x_real_ip: 1", "x-real-ip: 2", "x_real_ip: 3"]).headers;
    drop_ambiguous(&mut headers);
    assert_eq!(
        headers.keys().map(HeaderName::as_str).collect::<Vec<_>>(),
        ["x-real-ip"]
    );
}

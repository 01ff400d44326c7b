//! Topic keys: what a route does not declare changes nothing, and what reaches the upstream is made
//! of what it does declare.
//!
//! Input: a query, then lines of `Name: value`. The key of the whole request is compared with that
//! of the request without all that is undeclared.

#![no_main]

use std::collections::HashSet;
use std::sync::LazyLock;

use fantail::edge::QueryRule;
use fantail::edge::route::KeyRule;
use fantail::edge::template::{PathTemplate, UpstreamTemplate, Variables};
use fantail::topic_key::TopicKey;
use http::{HeaderMap, HeaderName, HeaderValue};
use libfuzzer_sys::fuzz_target;
use percent_encoding::percent_decode_str;

const HEADERS: [&str; 2] = ["authorization", "x-tenant"];
const COOKIES: [&str; 2] = ["lang", "session"];
const QUERY: [&str; 2] = ["b", "lang"];

static UPSTREAM: LazyLock<UpstreamTemplate> = LazyLock::new(|| {
    let path = PathTemplate::parse("/a").unwrap();
    UpstreamTemplate::parse("http://h:8000/base/a?fixed=1", &path).unwrap()
});

fuzz_target!(|input: &[u8]| {
    let text = String::from_utf8_lossy(input);
    let mut lines = text.split('\n');
    let query = lines.next().unwrap_or_default();
    let mut headers = HeaderMap::new();
    for line in lines {
        let Some((name, value)) = line.split_once(": ") else {
            continue;
        };
        let name = HeaderName::from_bytes(name.as_bytes());
        let (Ok(name), Ok(value)) = (name, HeaderValue::from_str(value)) else {
            continue;
        };
        if headers.try_append(name, value).is_err() {
            return;
        }
    }
    let Some(key) = key(query, &headers) else {
        return;
    };
    check(&key);
    let (query, headers) = (declared_query(query), declared_headers(&headers));
    assert_eq!(self::key(&query, &headers), Some(key));
});

fn key(query: &str, headers: &HeaderMap) -> Option<TopicKey> {
    let rule = KeyRule {
        upstream: &UPSTREAM,
        query: &QueryRule {
            all: false,
            names: QUERY.map(Into::into).to_vec(),
            ignored: vec!["_".into()],
        },
        headers: &HEADERS.map(HeaderName::from_static),
        cookies: &COOKIES.map(Into::into),
    };
    rule.key(&Variables::default(), Some(query), headers).ok()
}

fn check(key: &TopicKey) {
    let query = key
        .url()
        .strip_prefix("http://h:8000/base/a?fixed=1")
        .unwrap();
    assert!(query.is_empty() || query.starts_with('&'));
    assert!(!query.contains(['#', ' ', '\\']) && query.is_ascii());
    let mut names = HashSet::new();
    for (name, value) in key.headers() {
        assert!(HEADERS.contains(&name) || name == "cookie", "{name}");
        assert!(!value.contains(&b'\r') && !value.contains(&b'\n'));
        if name == "cookie" {
            assert!(names.insert(name), "two Cookie headers");
            let pairs = std::str::from_utf8(value).unwrap().split("; ");
            let names: Vec<_> = pairs.map(|pair| pair.split_once('=').unwrap().0).collect();
            assert!(names.is_sorted() && names.iter().all(|name| COOKIES.contains(name)));
        }
    }
}

fn declared_query(query: &str) -> String {
    let is_declared = |pair: &&str| {
        let name = pair.split('=').next().unwrap();
        let name = percent_decode_str(name).decode_utf8_lossy();
        QUERY.contains(&&*name)
    };
    let pairs: Vec<_> = query.split('&').filter(is_declared).collect();
    pairs.join("&")
}

/// Other headers are dropped, other cookies are replaced: a value may hold what looks like one.
fn declared_headers(headers: &HeaderMap) -> HeaderMap {
    let mut declared = HeaderMap::new();
    for (name, value) in headers {
        if HEADERS.contains(&name.as_str()) {
            declared.append(name, value.clone());
        } else if name == "cookie" {
            let pairs = value.as_bytes().split(|b| *b == b';');
            let pairs = pairs.filter(|pair| {
                let name = pair.split(|b| *b == b'=').next().unwrap().trim_ascii();
                COOKIES.iter().any(|cookie| cookie.as_bytes() == name)
            });
            let line = pairs.collect::<Vec<_>>().join(&b"; _ga=1;"[..]);
            if let Ok(value) = HeaderValue::from_bytes(&line) {
                declared.append(name, value);
            }
        }
    }
    declared
}

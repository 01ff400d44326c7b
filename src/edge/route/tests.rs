use http::{HeaderMap, HeaderName, HeaderValue, Method};

use super::*;
use crate::edge::template::{ExpandFault, UpstreamTemplate};
use crate::edge::{Mode, QueryRule};
use crate::topic_key::TopicKey;

pub(super) fn paths(texts: &[&str]) -> Vec<PathTemplate> {
    let parse = |text: &&str| PathTemplate::parse(text).unwrap();
    texts.iter().map(parse).collect()
}

pub(super) fn headers(pairs: &[(&'static str, &[u8])]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in pairs {
        let name = HeaderName::from_static(name);
        map.append(name, HeaderValue::from_bytes(value).unwrap());
    }
    map
}

#[test]
fn the_most_specific_route_wins_whatever_the_order() {
    let table = [
        "/{rest*}",
        "/{a}/{rest*}",
        "/x/{rest*}",
        "/{a}",
        "/x/{b}/c",
        "/{a}/b/c",
        "/x/y",
        "/y/",
        "/a%62c",
    ];
    let routes = Routes::new(&paths(&table)).unwrap();
    for (path, expected) in [
        ("/", "/{rest*}"),
        ("/x", "/{a}"),
        ("/x/", "/x/{rest*}"),
        ("/x/y", "/x/y"),
        ("/x/y/", "/x/{rest*}"),
        ("/x/b/c", "/x/{b}/c"),
        ("/z/b/c", "/{a}/b/c"),
        ("/z/", "/{a}/{rest*}"),
        ("/y", "/{a}"),
        ("/y/", "/y/"),
        ("//z", "/{rest*}"),
        ("/%78/%79", "/x/y"),
        ("/abc", "/a%62c"),
        ("/x%2Fy", "/{a}"),
    ] {
        let (found, _) = routes.find(path).unwrap();
        assert_eq!(table[found], expected, "{path}");
    }
}

#[test]
fn a_remainder_may_be_empty_but_not_its_slash() {
    let routes = Routes::new(&paths(&["/x/{rest*}"])).unwrap();
    let rest = |path| {
        routes
            .find(path)
            .map(|(_, v)| v.get("rest").map(String::from))
    };
    assert_eq!(rest("/x"), None);
    assert_eq!(rest("/x/"), Some(None));
    assert_eq!(rest("/x/a/b%2fc/"), Some(Some("a/b%2fc/".into())));
    assert_eq!(rest("*"), None);
    assert_eq!(rest(""), None);
}

#[test]
fn two_routes_for_the_same_paths_are_a_conflict() {
    for (a, b) in [
        ("/a", "/a"),
        ("/{a}/c", "/{b}/c"),
        ("/{a*}", "/{b*}"),
        ("/%61", "/a"),
        ("/{a}/{r*}", "/{b}/{q*}"),
    ] {
        let conflict = Routes::new(&paths(&["/other", a, b])).unwrap_err();
        assert_eq!((conflict.first, conflict.second), (1, 2), "{a} {b}");
    }
}

pub(super) struct Setup {
    upstream: UpstreamTemplate,
    query: QueryRule,
    headers: Vec<HeaderName>,
}

impl Setup {
    pub(super) fn new(upstream: &str, names: &[&str]) -> Self {
        let path = PathTemplate::parse("/p/{s}").unwrap();
        let (all, names): (Vec<&str>, Vec<&str>) = names.iter().partition(|n| **n == "*");
        Self {
            upstream: UpstreamTemplate::parse(upstream, &path).unwrap(),
            query: QueryRule {
                all: !all.is_empty(),
                names: names.into_iter().map(Into::into).collect(),
                ignored: vec!["_".into()],
            },
            headers: ["x-user", "cookie", "x-user", "host", "x_odd"]
                .map(HeaderName::from_static)
                .to_vec(),
        }
    }

    pub(super) fn key(&self, query: &str, headers: &HeaderMap) -> Result<TopicKey, ExpandFault> {
        let rule = KeyRule {
            upstream: &self.upstream,
            query: &self.query,
            headers: &self.headers,
            cookies: &[],
        };
        rule.key(&[("s", "A")].into_iter().collect(), Some(query), headers)
    }

    pub(super) fn url(&self, query: &str) -> Result<String, ExpandFault> {
        let key = self.key(query, &HeaderMap::new())?;
        Ok(key.url().to_string())
    }
}

#[test]
fn the_declared_parameters_pass_sorted_and_as_sent() {
    let some = Setup::new("http://h/a?s={s}", &["lang", "b"]);
    let all = Setup::new("http://h/a?s={s}", &["*"]);
    for (setup, query, passing) in [
        (&some, "lang=en", "&lang=en"),
        (&some, "x=1&lang=b&b=2&lang=a&&_=9", "&b=2&lang=b&lang=a"),
        (&some, "l%61ng=%e4&b", "&b&l%61ng=%e4"),
        (&some, "s=B&x=%zz&%zz=1", ""),
        (&all, "z=1&a=%20&_=5&s=B&%73=C", "&a=%20&z=1"),
        (
            &all,
            "lastEventId=1&last%5Fevent_id=2&fantail=3&%66antail",
            "",
        ),
        (&all, "a='&b={|}+", "&a='&b={|}+"),
    ] {
        assert_eq!(
            setup.url(query).unwrap(),
            format!("http://h/a?s=A{passing}")
        );
    }
    for bad in [
        "a=%", "a=%g0", "a= ", "a=\"", "a=#", "a=<", "a=\u{1}", "a=é", "%zz=1",
    ] {
        assert_eq!(all.url(bad), Err(ExpandFault::Query), "{bad}");
    }
    let long = format!("a={}", "x".repeat(5000));
    assert_eq!(all.url(&long), Err(ExpandFault::TooLong));
    // Declared by name, a client may add to what the template says.
    let own = Setup::new("http://h/a?lang=en", &["lang"]);
    assert_eq!(own.url("lang=de").unwrap(), "http://h/a?lang=en&lang=de");
}

#[test]
fn only_declared_headers_that_may_be_forwarded_are_in_the_key() {
    let setup = Setup::new("http://h/", &[]);
    let sent = headers(&[
        ("x-user", b"1"),
        ("x-user", b"\xff"),
        ("host", b"h"),
        ("x_odd", b"1"),
        ("x-other", b"1"),
    ]);
    let key = setup.key("", &sent).unwrap();
    let passing: Vec<_> = key.headers().collect();
    assert_eq!(passing, [("x-user", &b"1"[..]), ("x-user", &b"\xff"[..])]);
    for name in [
        "host",
        "te",
        "proxy",
        "proxy-authorization",
        "last-event-id",
        "x_a",
        "accept",
        "upgrade",
    ] {
        assert!(!forwardable(&HeaderName::from_static(name)), "{name}");
    }
    for name in ["authorization", "cookie", "x-tenant", "accept-language"] {
        assert!(forwardable(&HeaderName::from_static(name)), "{name}");
    }
}

#[test]
fn a_stream_is_asked_for_by_name_with_a_weight() {
    for (lines, wanted) in [
        (&["text/event-stream"][..], true),
        (&["Text/Event-Stream; charset=utf-8"], true),
        (&["text/html, text/event-stream;q=0.1"], true),
        (&["text/html", "a/b , text/event-stream"], true),
        (&["text/event-stream;q=0"], false),
        (&["text/event-stream; Q = 0.000"], false),
        (&["*/*"], false),
        (&["text/*"], false),
        (&["text/event-streams"], false),
        (&[], false),
    ] {
        let pairs: Vec<_> = lines.iter().map(|l| ("accept", l.as_bytes())).collect();
        let map = headers(&pairs);
        assert_eq!(
            wants_stream(Mode::Auto, &Method::GET, &map),
            wanted,
            "{lines:?}"
        );
        assert_eq!(wants_stream(Mode::Auto, &Method::HEAD, &map), wanted);
        assert!(!wants_stream(Mode::Auto, &Method::POST, &map));
        assert!(wants_stream(Mode::Sse, &Method::GET, &map));
        assert!(!wants_stream(Mode::Proxy, &Method::GET, &map));
    }
}

#[test]
fn a_get_that_says_fantail_poll_polls_wherever_there_are_streams() {
    for (query, wanted) in [
        (Some("fantail=poll"), true),
        (Some("a=1&fantail=poll&lastEventId=2"), true),
        (Some("fantail=poll&fantail="), true),
        (Some("fantail=poll&fantail=x"), false),
        (Some("fantail=POLL"), false),
        (Some("fantail"), false),
        (Some("afantail=poll"), false),
        (Some(""), false),
        (None, false),
    ] {
        for mode in [Mode::Auto, Mode::Sse] {
            assert_eq!(wants_poll(mode, &Method::GET, query), wanted, "{query:?}");
            assert_eq!(wants_poll(mode, &Method::HEAD, query), wanted);
            assert!(!wants_poll(mode, &Method::POST, query));
        }
        assert!(!wants_poll(Mode::Proxy, &Method::GET, query));
    }
}

#[test]
fn the_place_is_the_header_s_then_the_query_s_and_never_an_error() {
    let id = |text: &str| Some(Resume::Id(text.into()));
    let bad = Some(Resume::Malformed);
    let none = &[][..];
    for (lines, query, expected) in [
        (none, "", None),
        (&[&b"~a.1"[..]][..], "lastEventId=2", id("~a.1")),
        (&[b""], "lastEventId=2", id("2")),
        (&["é".as_bytes()], "", id("é")),
        (&[b"\xff"], "", bad.clone()),
        (&[b"a\tb"], "", bad.clone()),
        (&[b"12345678901"], "", bad.clone()),
        (&[b"1", b"2"], "", bad.clone()),
        (none, "last_event_id=1&lastEventId=2", id("2")),
        (none, "last_event_id=1&lastEventId=", id("1")),
        (none, "lastEventId=1&x=2&lastEventId=3", id("3")),
        (none, "lastEventId", None),
        (none, "lastEventId=a%2Bb+%e4%b8%ad", id("a+b+中")),
        (none, "lastEventId=%0a", bad.clone()),
        (none, "lastEventId=%7F", bad.clone()),
        (none, "lastEventId=%ff", bad.clone()),
        (none, "lastEventId=%4", bad.clone()),
        (none, "lastEventId=12345678901", bad),
    ] {
        let pairs: Vec<_> = lines.iter().map(|l| ("last-event-id", *l)).collect();
        assert_eq!(
            resume_id(&headers(&pairs), Some(query), 10),
            expected,
            "{lines:?} {query}"
        );
    }
    let long = headers(&[("last-event-id", b"12345678901")]);
    assert_eq!(resume_id(&long, None, 0), id("12345678901"));
}

/// What the upstream of `/a` is told by this client.
fn told(names: &[&'static str], cookies: &[&str], sent: &[(&'static str, &[u8])]) -> String {
    let path = PathTemplate::parse("/a").unwrap();
    let names: Vec<_> = names.iter().map(|n| HeaderName::from_static(n)).collect();
    let cookies: Vec<Box<str>> = cookies.iter().map(|name| (*name).into()).collect();
    let rule = KeyRule {
        upstream: &UpstreamTemplate::parse("http://h/a", &path).unwrap(),
        query: &QueryRule::default(),
        headers: &names,
        cookies: &cookies,
    };
    let asker = Asker {
        address: [203, 0, 113, 9].into(),
        resume: None,
    };
    let none = Variables::default();
    let private = rule
        .private_key(&none, None, &headers(sent), &asker)
        .unwrap();
    let shared = rule.key(&none, None, &headers(sent)).unwrap();
    assert!(shared.headers().count() <= private.headers().count());
    let line =
        |(name, value): (&str, &[u8])| format!("{name}: {}\n", String::from_utf8_lossy(value));
    private.headers().map(line).collect()
}

#[test]
fn a_private_upstream_is_told_who_asks_and_nothing_that_only_a_proxy_may_say() {
    let sent: &[(&'static str, &[u8])] = &[
        ("cookie", b"sid=1; _ga=2"),
        ("cookie", b"lang=de"),
        ("authorization", b"Bearer x"),
        ("accept-language", b"mi"),
        ("user-agent", b"Mozilla"),
        ("origin", b"https://app.example"),
        ("referer", b"https://app.example/page"),
        ("x-real-ip", b"6.6.6.6"),
        ("x-remote-user", b"root"),
        ("x-forwarded-for", b"6.6.6.6"),
        ("forwarded", b"for=6.6.6.6"),
        ("x-tenant", b"acme"),
        ("connection", b"cookie"),
        ("accept", b"*/*"),
        ("if-none-match", b"*"),
        ("range", b"bytes=1-"),
        ("last-event-id", b"7"),
        ("proxy-authorization", b"Basic x"),
    ];
    insta::assert_snapshot!(told(&[], &[], sent), @r"
    accept-language: mi
    authorization: Bearer x
    cookie: sid=1; _ga=2; lang=de
    origin: https://app.example
    referer: https://app.example/page
    user-agent: Mozilla
    x-forwarded-for: 203.0.113.9
    ");
    let declared = [
        "x-tenant",
        "cookie",
        "authorization",
        "x-forwarded-for",
        "forwarded",
    ];
    insta::assert_snapshot!(told(&declared, &[], sent), @r"
    accept-language: mi
    authorization: Bearer x
    cookie: sid=1; _ga=2; lang=de
    origin: https://app.example
    referer: https://app.example/page
    user-agent: Mozilla
    x-forwarded-for: 203.0.113.9
    x-tenant: acme
    ");
    insta::assert_snapshot!(told(&[], &["sid", "other"], sent), @r"
    accept-language: mi
    authorization: Bearer x
    cookie: sid=1
    origin: https://app.example
    referer: https://app.example/page
    user-agent: Mozilla
    x-forwarded-for: 203.0.113.9
    ");
    insta::assert_snapshot!(told(&[], &["other"], &sent[..1]), @"x-forwarded-for: 203.0.113.9");
}

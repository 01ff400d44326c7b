//! Who may read, and who may not even ask.

use std::sync::Arc;
use std::time::Duration;

use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Request};
use proptest::prelude::*;
use rstest::rstest;

use super::cors::{Origin, Policy, Readers};
use super::reject::Reject;
use super::template::{PathTemplate, UpstreamTemplate};
use super::{Mode, PassOptions, QueryRule, Share, Upstream};
use crate::hub::{RouteTopics, TopicOptions};
use crate::metrics::Metrics;
use crate::topic_key::RouteId;

const APP: &str = "https://app.example";

fn policy(origins: &[&str], credentials: bool) -> Option<Policy> {
    let readers = match origins {
        [] => return None,
        ["*"] => Readers::All,
        origins => Readers::Of {
            origins: origins.iter().map(|o| Origin::parse(o).unwrap()).collect(),
            credentials,
        },
    };
    let declared = ["x-tenant", "cookie", "authorization"].map(HeaderName::from_static);
    Some(Policy::new(readers, Duration::from_secs(600), &declared))
}

fn upstream(cors: Option<Policy>, headers: &[&'static str]) -> Upstream {
    let path = PathTemplate::parse("/a").unwrap();
    Upstream {
        template: UpstreamTemplate::parse("http://h/a", &path).unwrap(),
        mode: Mode::Auto,
        query: QueryRule::default(),
        headers: headers.iter().map(|n| HeaderName::from_static(n)).collect(),
        cookies: Vec::new(),
        share: Share::Topic,
        cors,
        topics: Arc::new(RouteTopics {
            id: RouteId(0),
            name: "a".into(),
            options: TopicOptions::default(),
            metrics: Metrics::new().route("a"),
        }),
        delivery: Arc::default(),
        pass: PassOptions::default(),
        carrier: None,
    }
}

/// A request for `/a` of `news.example`.
fn head(method: &str, headers: &[(&str, &str)]) -> Parts {
    let mut request = Request::builder().method(method).uri("/a");
    request = request.header("host", "news.example:8080");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(()).unwrap().into_parts().0
}

/// The headers of CORS in one line, as an answer has them and as a stream's head has them.
fn said(upstream: &Upstream, head: &Parts, is_open: bool) -> String {
    let grant = upstream.grant(head, is_open);
    let mut headers = HeaderMap::new();
    grant.apply(&mut headers);
    let line = |name: &str| {
        headers
            .get(name)
            .map_or("-", |value| value.to_str().unwrap())
            .to_owned()
    };
    let names = [
        "access-control-allow-origin",
        "access-control-allow-credentials",
        "vary",
    ];
    let mut written = Vec::new();
    grant.write(&mut written);
    let written = String::from_utf8(written).unwrap().to_ascii_lowercase();
    for name in names {
        let there = format!("{name}: {}\r\n", line(name).to_ascii_lowercase());
        assert_eq!(
            written.contains(&there),
            headers.contains_key(name),
            "{written}"
        );
    }
    names.map(line).join(" ")
}

// Origins that may read, with credentials or not; who asks; what the answer says. `!` = the
// upstream has said `*` itself.
#[rstest]
#[case("", false, "", "- - -")]
#[case("", false, APP, "- - -")]
#[case("!", false, APP, "* - -")]
#[case("!", false, "", "* - -")]
#[case("*", false, APP, "* - -")]
#[case("*", false, "null", "* - -")]
#[case(APP, false, "", "- - Origin")]
#[case(APP, false, APP, "https://app.example - Origin")]
#[case(APP, true, APP, "https://app.example true Origin")]
#[case(APP, true, "https://evil.example", "- - Origin")]
#[case(APP, true, "null", "- - Origin")]
#[case(APP, true, "https://app.example.evil", "- - Origin")]
#[case(APP, true, "https://app.example:444", "- - Origin")]
#[case(APP, true, "http://app.example", "- - Origin")]
#[case(APP, true, "https://APP.example", "- - Origin")]
#[case(
    "https://a.example https://app.example:443",
    true,
    APP,
    "https://app.example true Origin"
)]
#[case(
    "http://localhost:5173",
    false,
    "http://localhost:5173",
    "http://localhost:5173 - Origin"
)]
fn what_an_answer_says_to_a_page(
    #[case] origins: &str,
    #[case] credentials: bool,
    #[case] asking: &str,
    #[case] expected: &str,
) {
    let origins: Vec<&str> = origins
        .split([' ', '!'])
        .filter(|o| !o.is_empty())
        .collect();
    let is_open = origins.is_empty() && expected.starts_with('*');
    let upstream = upstream(policy(&origins, credentials), &[]);
    let asking: Vec<_> = Some(asking)
        .filter(|o| !o.is_empty())
        .map(|o| ("origin", o))
        .into_iter()
        .collect();
    assert_eq!(said(&upstream, &head("GET", &asking), is_open), expected);
    // An upstream's own word counts only where the route has none.
    if !origins.is_empty() {
        assert_eq!(said(&upstream, &head("GET", &asking), true), expected);
    }
}

#[test]
fn two_origins_are_none() {
    let upstream = upstream(policy(&[APP], true), &[]);
    let twice = head("GET", &[("origin", APP), ("origin", APP)]);
    assert_eq!(said(&upstream, &twice, false), "- - Origin");
}

#[test]
fn a_preflight_is_told_methods_headers_and_for_how_long() {
    let upstream = upstream(policy(&[APP], true), &["x-tenant"]);
    let asking = [("origin", APP), ("access-control-request-method", "GET")];
    let reply = upstream
        .preflight(&head("OPTIONS", &asking))
        .unwrap()
        .unwrap();
    assert_eq!(reply.status(), 204);
    let value = |name: &str| reply.headers()[name].to_str().unwrap();
    assert_eq!(value("access-control-allow-methods"), "GET, HEAD, OPTIONS");
    assert_eq!(
        value("access-control-allow-headers"),
        "authorization, cache-control, last-event-id, x-tenant"
    );
    assert_eq!(value("access-control-max-age"), "600");
    let foreign = [("origin", "https://evil.example"), asking[1]];
    let refused = upstream.preflight(&head("OPTIONS", &foreign)).unwrap();
    assert_eq!(refused.unwrap_err(), Reject::Origin);
    for (method, headers) in [
        ("GET", &asking[..]),
        ("OPTIONS", &asking[..1]),
        ("OPTIONS", &asking[1..]),
    ] {
        assert!(upstream.preflight(&head(method, headers)).is_none());
    }
    let silent = self::upstream(None, &[]);
    assert!(silent.preflight(&head("OPTIONS", &asking)).is_none());
}

#[test]
fn an_answer_s_own_words_are_replaced_and_its_vary_is_kept() {
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("access-control-allow-origin", "*"),
        ("access-control-allow-credentials", "true"),
        ("vary", "Accept"),
        ("retry-after", "10"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    let upstream = upstream(policy(&[APP], false), &[]);
    upstream
        .grant(&head("GET", &[("origin", APP)]), false)
        .apply(&mut headers);
    let vary: Vec<_> = headers.get_all("vary").iter().collect();
    assert_eq!(vary, ["Accept", "Origin"]);
    assert_eq!(headers["access-control-allow-origin"], APP);
    assert_eq!(headers["access-control-expose-headers"], "Retry-After");
    assert!(!headers.contains_key("access-control-allow-credentials"));
    upstream.grant(&head("GET", &[]), false).apply(&mut headers);
    assert!(!headers.contains_key("access-control-allow-origin"));
}

// What the route's key holds; who may read (`+` = with cookies); what the browser says.
#[rstest]
#[case("", "", &[("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")], true)]
#[case("cookie", "", &[], true)]
#[case("cookie", "", &[("sec-fetch-site", "same-origin")], true)]
#[case("cookie", "", &[("sec-fetch-site", "none")], true)]
#[case("cookie", "", &[("sec-fetch-site", "same-origin"), ("origin", "https://behind.a.proxy")], true)]
#[case("cookie", "", &[("origin", "http://news.example:8080")], true)]
#[case("cookie", "", &[("sec-fetch-site", "cross-site")], false)]
#[case("cookie", "", &[("sec-fetch-site", "same-site"), ("origin", "http://x.news.example")], false)]
#[case("cookie", "", &[("sec-fetch-site", "same-origin"), ("sec-fetch-site", "same-origin")], false)]
#[case("cookie", "", &[("origin", "https://evil.example")], false)]
#[case("cookie", "", &[("origin", "http://news.example:8081")], false)]
#[case("cookie", "", &[("origin", "http://news.example")], false)]
#[case("cookie", "", &[("origin", "null")], false)]
#[case("authorization", "", &[("origin", APP)], false)]
#[case("cookie", APP, &[("sec-fetch-site", "cross-site"), ("origin", APP)], true)]
#[case("cookie", APP, &[("origin", APP), ("cookie", "a=b")], false)]
#[case("cookie", "+https://app.example", &[("origin", APP), ("cookie", "a=b")], true)]
#[case("cookie", "+https://app.example", &[("origin", "https://evil.example")], false)]
#[case("authorization", "*", &[("origin", APP), ("authorization", "Bearer x")], true)]
#[case("cookie", "*", &[("origin", APP), ("cookie", "a=b")], false)]
#[case("x-tls-client-name", "", &[("origin", "https://evil.example")], false)]
#[case("x-tls-client-name", APP, &[("origin", APP), ("x-tls-client-name", "ann")], false)]
#[case("x-tls-client-name", "+https://app.example", &[("origin", APP), ("x-tls-client-name", "ann")], true)]
fn a_page_of_another_site_opens_nobody_s_own_stream(
    #[case] credential: &'static str,
    #[case] readers: &str,
    #[case] headers: &[(&str, &str)],
    #[case] is_served: bool,
) {
    let origins: Vec<&str> = [readers.trim_start_matches('+')]
        .into_iter()
        .filter(|o| !o.is_empty())
        .collect();
    let declared: Vec<_> = [credential].into_iter().filter(|n| !n.is_empty()).collect();
    let cors = policy(&origins, readers.starts_with('+'));
    let verdict = upstream(cors.clone(), &declared).no_cross_site(&head("GET", headers));
    assert_eq!(verdict.is_ok(), is_served, "{verdict:?}");
    if !credential.is_empty() {
        // Named cookies and private topics are guarded in the same way.
        let mut other = upstream(cors.clone(), &[]);
        other.cookies = vec!["session".into()];
        assert_eq!(other.no_cross_site(&head("GET", headers)), verdict);
        let mut other = upstream(cors, &[]);
        other.share = Share::Private;
        assert_eq!(other.no_cross_site(&head("GET", headers)), verdict);
    }
}

#[rstest]
#[case("https://App.Example", APP)]
#[case("HTTPS://app.example:443", APP)]
#[case("http://app.example:80", "http://app.example")]
#[case("https://app.example:80", "https://app.example:80")]
#[case("http://[::1]:5173", "http://[::1]:5173")]
#[case("chrome-extension://abcdef", "chrome-extension://abcdef")]
fn an_origin_is_compared_as_browsers_write_it(#[case] text: &str, #[case] same: &str) {
    assert_eq!(Origin::parse(text), Origin::parse(same));
    let upstream = upstream(policy(&[text], false), &[]);
    let said = said(&upstream, &head("GET", &[("origin", same)]), false);
    assert_eq!(said, format!("{same} - Origin"));
}

#[rstest]
#[case("*", "goes alone")]
#[case("null", "would allow every site")]
#[case("app.example", "no scheme")]
#[case("https://app.example/", "a path")]
#[case("https://app.example/x", "a path")]
#[case("https://*.example", "a pattern")]
#[case("https://", "no origin")]
#[case("https://u@app.example", "no origin")]
#[case("https://app.example:99999", "no origin")]
#[case("1s://app.example", "no origin")]
#[case("https://价格.example", "no origin")]
fn what_is_no_origin_is_named(#[case] text: &str, #[case] words: &str) {
    let fault = Origin::parse(text).unwrap_err();
    assert!(fault.contains(words), "{fault}");
}

proptest! {
    #[test]
    fn only_a_listed_origin_is_ever_said(asking in "(https?://)?[a-z.:/*0-9]{0,20}|https://app.example.{0,3}") {
        let Ok(value) = HeaderValue::from_str(&asking) else { return Ok(()) };
        let mut head = head("GET", &[]);
        head.headers.insert("origin", value);
        let upstream = upstream(policy(&[APP], true), &[]);
        let expected = if asking == APP { "https://app.example true Origin" } else { "- - Origin" };
        prop_assert_eq!(said(&upstream, &head, false), expected);
    }
}

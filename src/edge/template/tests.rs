use super::*;

pub(super) fn path(text: &str) -> PathTemplate {
    PathTemplate::parse(text).unwrap()
}

pub(super) fn rest(raw: &str) -> Result<String, ExpandFault> {
    let upstream = UpstreamTemplate::parse("http://h:8000/base/{rest*}", &path("/x/{rest*}"));
    upstream
        .unwrap()
        .expand(&[("rest", raw)].into_iter().collect(), "")
}

pub(super) fn symbol(raw: &str) -> Result<String, ExpandFault> {
    let path = path("/p/{s}");
    let upstream = UpstreamTemplate::parse("http://h:8000/base/x-{s}?s={s}", &path).unwrap();
    upstream.expand(&[("s", raw)].into_iter().collect(), "")
}

const PATHS: [&str; 10] = [
    "/",
    "/a",
    "/a/",
    "/a.php",
    "/{s}",
    "/a/{s}/b/{t_2}",
    "/{rest*}",
    "/x/{_all*}",
    "/价格/{s}",
    "/a%20b",
];

const NO_PATHS: [&str; 26] = [
    "",
    "a",
    "//",
    "/a//b",
    "/a?b",
    "/a#b",
    "/.",
    "/a/../b",
    "/%2e%2e",
    "/a%2fb",
    "/a\\b",
    "/a%zz",
    "/a\u{1}",
    "/v{n}",
    "/{a}{b}",
    "/{a",
    "/a}",
    "/{}",
    "/{A}",
    "/{1a}",
    "/{*rest}",
    "/{a-b}",
    "/{rest*}/a",
    "/{rest*}/",
    "/{a}/{a}",
    "/{a}/{a*}",
];

#[test]
fn a_path_takes_whole_segment_variables_and_one_remainder_at_the_end() {
    for good in PATHS {
        assert_eq!(path(good).as_str(), good);
    }
    for bad in NO_PATHS {
        assert!(PathTemplate::parse(bad).is_err(), "{bad}");
    }
}

const NO_UPSTREAMS: [(&str, &str); 35] = [
    (
        "wss://h/",
        "wss upstreams are not supported in this version",
    ),
    ("https:h/", "http://host:port/path"),
    ("https://h:0/", "not valid"),
    ("https://u@h/", "no user name"),
    ("unix:/run/x", "unix upstreams are not supported"),
    ("fastcgi:/run/x", "fastcgi://unix:/run/php.sock:/script.php"),
    ("ftp://h/", "http://host:port/path"),
    ("h:8000/", "http://host:port/path"),
    ("/a", "http://host:port/path"),
    ("http:/h/", "http://host:port/path"),
    ("http://", "not valid"),
    ("http:///a", "not valid"),
    ("http://h:0/", "not valid"),
    ("http://h:/", "not valid"),
    ("http://h:99999/", "not valid"),
    ("http://h:+80/", "not valid"),
    ("http://[::1/", "not valid"),
    ("http://h\\x/", "not valid"),
    ("http://u:p@h/", "no user name"),
    ("http://{s}/", "hold no variables"),
    ("http://h:{s}/", "hold no variables"),
    ("http://h/#a", "no fragment"),
    ("http://h/a/../b", "no `.` or `..`"),
    ("http://h/%2e%2E/b", "no `.` or `..`"),
    ("http://h/a b", "percent-encoded"),
    ("http://h/%2{s}", "percent-encoded"),
    ("http://h/{x}", "no variable {x}; it has {s}, {rest}"),
    ("http://h/{s*}", "without `*`"),
    ("http://h/{s", "never closed"),
    ("http://h/s}", "percent-encoded"),
    ("http://h/{rest}/a", "only be the end"),
    ("http://h/a{rest}", "only be the end"),
    ("http://h/a?{s}=1", "values only"),
    ("http://h/a?{s}", "values only"),
    ("http://h/a?q={rest}", "can not stand in a query"),
];

#[test]
fn an_upstream_is_refused_with_words_that_say_what_would_be_right() {
    let fault = |text: &str| {
        let path = path("/p/{s}/{rest*}");
        UpstreamTemplate::parse(text, &path)
            .unwrap_err()
            .to_string()
    };
    for (text, words) in NO_UPSTREAMS {
        assert!(fault(text).contains(words), "{text}: {}", fault(text));
    }
}

#[test]
fn the_origin_is_as_spelt_with_a_lower_case_host() {
    for (text, origin) in [
        ("http://LocalHost:8000/A", "http://localhost:8000"),
        ("HTTP://a.example", "http://a.example"),
        ("http://[::1]:80?a=b", "http://[::1]:80"),
        ("http://my_php-fpm.1/{rest}", "http://my_php-fpm.1"),
    ] {
        let upstream = UpstreamTemplate::parse(text, &path("/{rest*}")).unwrap();
        assert_eq!((upstream.origin(), upstream.as_str()), (origin, text));
        let url = upstream.expand(&Variables::default(), "").unwrap();
        assert!(url.starts_with(&format!("{origin}/")), "{url}");
    }
}

#[test]
fn the_own_query_goes_before_the_clients() {
    let expand = |template: &str, query: &str| {
        let upstream = UpstreamTemplate::parse(template, &path("/{s}")).unwrap();
        let variables = [("s", "BRK%2EB")].into_iter().collect();
        upstream.expand(&variables, query).unwrap()
    };
    assert_eq!(expand("http://h/a", ""), "http://h/a");
    assert_eq!(expand("http://h", "x=1"), "http://h/?x=1");
    assert_eq!(expand("http://h?s={s}", "x=1"), "http://h/?s=BRK.B&x=1");
    assert_eq!(
        expand("http://h/é{s}?k=a%20b", ""),
        "http://h/%C3%A9BRK.B?k=a%20b"
    );
}

#[test]
fn a_whole_site_keeps_its_prefix_and_a_builtin_feed_its_name() {
    let everything = |raw: &str| -> Variables { [("rest", raw)].into_iter().collect() };
    for (base, raw, url) in [
        ("http://h:8000", "", "http://h:8000/"),
        ("http://h:8000/", "a/b.php", "http://h:8000/a/b.php"),
        ("http://h/app/", "a/", "http://h/app/a/"),
        ("HTTPS://H", "a", "https://h/a"),
        ("https://h:8443/app", "a", "https://h:8443/app/a"),
    ] {
        let site = UpstreamTemplate::whole_site(base).unwrap();
        assert_eq!(site.expand(&everything(raw), "").unwrap(), url);
    }
    for bad in [
        "http://h/?a",
        "http://h/{rest}",
        "http://h/#",
        "wss://h",
        "",
    ] {
        assert!(UpstreamTemplate::whole_site(bad).is_err(), "{bad}");
    }
    let ticker = UpstreamTemplate::builtin("ticker");
    assert_eq!(
        ticker.expand(&everything("a"), "b=c").unwrap(),
        "fantail:ticker"
    );
    assert_eq!(ticker.origin(), "fantail:ticker");
}

/// Refused both as a variable and as a remainder.
const ATTACKS: [&str; 60] = [
    ".",
    "..",
    "%2e",
    "%2e%2e",
    "%2E%2E",
    ".%2e",
    "%2e.",
    "..;",
    "..;a=b",
    "..%3b",
    "..%20",
    "%2e%2e%20",
    "../a",
    "../../etc/passwd",
    "a/../b",
    "a/..",
    "./a",
    "a/./b",
    "a/.",
    "../",
    "%2e%2e/a",
    "a/%2e%2e/b",
    "..;/manager",
    "..%2fa",
    "..%2Fa",
    "%2e%2e%2fa",
    "%2f",
    "a%2fb",
    "%2fetc%2fpasswd",
    "%5c",
    "a%5cb",
    "..%5ca",
    "..\\a",
    "a\\b",
    "\\\\host\\share",
    "//",
    "//evil",
    "/evil",
    "a//b",
    "a//",
    "/",
    "%00",
    "a%00.php",
    "a\0",
    "%0d%0aHost:%20evil",
    "a%0ab",
    "a\rb",
    "a\nb",
    "%09",
    "%7f",
    "%1b%5b2J",
    "%",
    "%2",
    "a%zz",
    "%u002e",
    "%c0%ae%c0%ae",
    "%c0%af",
    "%ff",
    "中",
    "%c2%85",
];

#[test]
fn sixty_ways_out_of_a_prefix_are_refused() {
    for raw in ATTACKS {
        assert!(rest(raw).is_err(), "remainder {raw:?}: {:?}", rest(raw));
        assert!(symbol(raw).is_err(), "variable {raw:?}: {:?}", symbol(raw));
    }
}

#[test]
fn a_remainder_is_encoded_in_the_one_canonical_way() {
    for (raw, tail) in [
        ("", ""),
        ("a", "a"),
        ("a/b/", "a/b/"),
        ("%61%2D%7e", "a-~"),
        ("a%20b", "a%20b"),
        ("%e4%b8%ad.php", "%E4%B8%AD.php"),
        ("user@h:80", "user@h:80"),
        ("a;v=1,2!$&'()*+", "a;v=1,2!$&'()*+"),
        ("%3f%23%25", "%3F%23%25"),
        // Decoded once: what is left is text.
        ("%252e%252e", "%252e%252e"),
        ("...", "..."),
        ("http://h".trim_start_matches("http://"), "h"),
    ] {
        assert_eq!(rest(raw).unwrap(), format!("http://h:8000/base/{tail}"));
    }
}

#[test]
fn a_variable_takes_a_plain_name_of_64_bytes_at_most() {
    for good in ["A", "BRK.B", "..a", "a%2Eb", "-_-", &"x".repeat(64)] {
        assert!(symbol(good).is_ok(), "{good}");
    }
    for bad in [
        "",
        "a b",
        "a%20b",
        "a&b",
        "a=b",
        "a+b",
        "a@b",
        "%e4%b8%ad",
        &"x".repeat(65),
    ] {
        assert_eq!(symbol(bad), Err(ExpandFault::Variable), "{bad}");
    }
    assert_eq!(rest(&"x".repeat(9000)), Err(ExpandFault::TooLong));
}

#[test]
fn a_server_without_a_path_gets_what_the_route_leaves_over() {
    let path = PathTemplate::parse("/app/{rest*}").unwrap();
    let variables: Variables = [("rest", "a/b.php")].into_iter().collect();
    for (upstream, url) in [
        ("http://h:8000", "http://h:8000/a/b.php"),
        ("http://h:8000/", "http://h:8000/"),
        ("http://h:8000/x?y=1", "http://h:8000/x?y=1"),
    ] {
        let template = UpstreamTemplate::parse(upstream, &path).unwrap();
        assert_eq!(template.expand(&variables, "").as_deref(), Ok(url));
    }
}

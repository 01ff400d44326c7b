//! Who shares a stream with whom: what a route declares is in the topic's key, nothing else is.

use rstest::rstest;

use crate::support::{Get, Upstream, Way};

/// The values of one header in every request that the upstream has seen.
fn seen(upstream: &Upstream, name: &str) -> Vec<Option<String>> {
    let value = |head: &String| {
        let mut lines = head.lines().filter_map(|line| line.split_once(": "));
        let line = lines.find(|(key, _)| key.eq_ignore_ascii_case(name));
        line.map(|(_, value)| value.to_owned())
    };
    upstream.requests().iter().map(value).collect()
}

#[rstest]
fn only_named_cookies_reach_the_upstream_and_tell_topics_apart(
    #[values(Way::Plain, Way::H2)] way: Way,
) {
    let upstream = Upstream::live();
    let gateway = way.route(&upstream, "cookies = [\"lang\", \"session\"]");
    let ask = |cookies: &[&str]| {
        let get = cookies
            .iter()
            .fold(Get::new("/events"), |get, line| get.header("Cookie", line));
        get.stream(gateway.address())
    };
    let _clients = [
        ask(&["_ga=1; session=alice; lang=de"]),
        // The same visitor, whatever stands around it.
        ask(&["session=alice", "_ga=2", "lang=de; theme=dark"]),
        ask(&["session=bob; lang=de"]),
        ask(&["_ga=3"]),
        ask(&[]),
        ask(&["session=\"alice; lang=de"]),
    ];
    let some = |text: &str| Some(text.to_owned());
    let cookies = [
        some("lang=de; session=alice"),
        some("lang=de; session=bob"),
        None,
        // What can not be read in one way does not pass.
        some("lang=de"),
    ];
    assert_eq!(seen(&upstream, "cookie"), cookies);
    let topics = gateway.topics().to_string();
    assert!(
        topics.contains("cookie=#") && !topics.contains("alice"),
        "{topics}"
    );
}

#[rstest]
fn all_cookies_in_one_line_or_in_many_are_one_topic(#[values(Way::Plain, Way::H2)] way: Way) {
    let upstream = Upstream::live();
    let gateway = way.route(&upstream, "headers = [\"Cookie\"]");
    let ask = |get: Get| get.stream(gateway.address());
    let _one = ask(Get::new("/events").header("Cookie", "a=1; b=2"));
    let _two = ask(Get::new("/events")
        .header("Cookie", "a=1")
        .header("Cookie", "b=2"));
    assert_eq!(seen(&upstream, "cookie"), [Some("a=1; b=2".to_owned())]);
}

#[rstest]
fn a_value_that_no_rule_takes_is_answered_as_an_unknown_path_to_the_byte(
    #[values(Way::Plain, Way::H2)] way: Way,
) {
    let upstream = Upstream::live();
    let route = "[[route]]\npath = \"/p/{symbol}/{lang}\"\nupstream = \"{upstream}/q?s={symbol}\"\n\
                 variables = { symbol = \"[A-Z]{1,8}\", lang = [\"en\", \"de\"] }\n";
    let gateway = way.start(route, &upstream);
    let answer = |target: &str| {
        let mut client = Get::new(target).stream(gateway.address());
        let body = client.body();
        let head = client
            .head
            .lines()
            .filter(|line| !line.starts_with("date:"));
        let head: Vec<_> = head.map(str::to_owned).collect();
        // All but the request's own id.
        let body: Vec<_> = body.lines().take(2).map(str::to_owned).collect();
        (client.status, head, body)
    };
    let unknown = answer("/nowhere");
    assert_eq!(unknown.0, 404);
    for target in [
        "/p/aapl/de",
        "/p/AAPL/fr",
        "/p/AAPLAAPLA/de",
        "/p/AAPL%2f/de",
        "/p/%2e%2e/de",
        "/p/A%40B/de",
        "/p/%ff/de",
    ] {
        assert_eq!(answer(target), unknown, "{target}");
    }
    assert_eq!(upstream.requests().len(), 0);
    let client = Get::new("/p/%41APL/de").stream(gateway.address());
    assert_eq!(client.status, 200);
    assert!(upstream.requests()[0].starts_with("GET /q?s=AAPL "));
}

#[rstest]
fn an_answer_for_one_person_is_suspicious_only_where_nobody_was_named(
    #[values(Way::Plain, Way::H2)] way: Way,
) {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nSet-Cookie: sid=1\r\n\
                Cache-Control: private\r\nVary: Cookie\r\n\r\n";
    let upstream = Upstream::start(move |mut exchange| {
        exchange.send(head);
        exchange.stream();
    });
    let routes = "[[route]]\npath = \"/shared\"\nupstream = \"{upstream}\"\n\
                  [[route]]\npath = \"/own\"\nupstream = \"{upstream}\"\ncookies = [\"session\"]\n\
                  [[route]]\npath = \"/private\"\nupstream = \"{upstream}\"\nshare = \"private\"\n";
    let gateway = way.start(routes, &upstream);
    for path in ["/shared", "/own", "/private"] {
        let get = Get::new(path).header("Cookie", "session=1");
        let mut client = get.stream(gateway.address());
        upstream.wait_for_streams(1);
        upstream.emit("data: 1\n\n");
        assert_eq!(client.next_event().data, "1");
        assert!(!client.head.to_ascii_lowercase().contains("set-cookie"));
        let suspects = |cause| {
            let series =
                format!("fantail_share_suspect_total{{cause=\"{cause}\",route=\"{path}\"}}");
            gateway.metric(&series)
        };
        let expected = f64::from(u8::from(path == "/shared"));
        for cause in ["set_cookie", "vary", "private"] {
            assert_eq!(suspects(cause), expected, "{path} {cause}");
        }
        drop(client);
        upstream.end_streams();
    }
}

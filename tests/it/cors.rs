//! Pages of other origins: which may read a stream, and which may not open one.

use rstest::rstest;

use crate::support::{Client, Get, STREAM_HEAD, Upstream, Way};

const APP: &str = "https://app.example";

/// What the head says to pages, in one line.
fn said(client: &Client) -> String {
    let names = [
        "access-control-allow-origin",
        "access-control-allow-credentials",
        "vary",
    ];
    names
        .map(|name| client.header(name).unwrap_or("-"))
        .join(" ")
}

fn preflight(origin: &str) -> Get {
    Get::new("/events")
        .method("OPTIONS")
        .header("Origin", origin)
        .header("Access-Control-Request-Method", "GET")
        .header("Access-Control-Request-Headers", "last-event-id")
}

#[rstest]
fn a_listed_page_reads_streams_heads_and_refusals(#[values(Way::Plain, Way::H2)] way: Way) {
    let upstream = Upstream::live();
    let keys =
        format!("cors = {{ origins = [{APP:?}], credentials = true }}\n[limits]\ntopics = 1");
    let gateway = way.route(&upstream, &keys);
    let allowed = "https://app.example true Origin";
    let get = |target: &str| Get::new(target).header("Origin", APP);
    let mut client = get("/events").stream(gateway.address());
    assert_eq!((client.status, &*said(&client)), (200, allowed));
    upstream.wait_for_streams(1);
    upstream.emit("data: 1\n\n");
    assert_eq!(client.next_event().data, "1");
    let head = get("/events").method("HEAD").stream(gateway.address());
    assert_eq!((head.status, &*said(&head)), (200, allowed));
    // What the site says of its own pages is the site's word.
    let page = get("/events").connect(gateway.address());
    assert_eq!((page.status, &*said(&page)), (200, "- - -"));
    let refused = get("/events").header("Content-Length", "1");
    let refused = refused.stream(gateway.address());
    assert_eq!((refused.status, &*said(&refused)), (400, allowed));
    let foreign = Get::new("/events").header("Origin", "https://evil.example");
    assert_eq!(said(&foreign.stream(gateway.address())), "- - Origin");
    assert_eq!(
        said(&Get::new("/events").stream(gateway.address())),
        "- - Origin"
    );
    // An unknown path is no route's, so that nothing is said about it.
    assert_eq!(said(&get("/other").stream(gateway.address())), "- - -");
}

#[rstest]
fn come_back_later_can_be_read_too(#[values(Way::Plain, Way::H2)] way: Way) {
    let upstream = Upstream::live();
    let route = "[[route]]\npath = \"/events/{n}\"\nupstream = \"{upstream}/{n}\"\n\
                 mode = \"sse\"\ncors = { origins = [\"*\"] }\n[limits]\ntopics = 1\n";
    let gateway = way.start(route, &upstream);
    let get = |target: &str| Get::new(target).header("Origin", APP);
    let one = get("/events/1").stream(gateway.address());
    assert_eq!((one.status, &*said(&one)), (200, "* - -"));
    let soft = get("/events/2").stream(gateway.address());
    assert_eq!((soft.status, &*said(&soft)), (200, "* - -"));
    let hard = get("/events/2").connect(gateway.address());
    assert_eq!((hard.status, &*said(&hard)), (503, "* - -"));
    let exposed = hard.header("access-control-expose-headers");
    assert_eq!(
        (hard.header("retry-after"), exposed),
        (Some("10"), Some("Retry-After"))
    );
}

#[rstest]
fn a_preflight_is_answered_here_and_opens_nothing(#[values(Way::Plain, Way::H2)] way: Way) {
    let upstream = Upstream::live();
    let keys =
        format!("headers = [\"X-Tenant\"]\ncors = {{ origins = [{APP:?}], max_age = \"1h\" }}");
    let gateway = way.route(&upstream, &keys);
    let client = preflight(APP).connect(gateway.address());
    assert_eq!(
        (client.status, &*said(&client)),
        (204, "https://app.example - Origin")
    );
    assert_eq!(client.header("access-control-max-age"), Some("3600"));
    let methods = client.header("access-control-allow-methods");
    assert_eq!(methods, Some("GET, HEAD, OPTIONS"));
    let headers = client.header("access-control-allow-headers");
    assert_eq!(
        headers,
        Some("authorization, cache-control, last-event-id, x-tenant")
    );
    let foreign = preflight("https://evil.example").connect(gateway.address());
    assert_eq!((foreign.status, &*said(&foreign)), (403, "- - Origin"));
    assert_eq!(upstream.requests().len(), 0);
}

#[rstest]
fn without_a_word_of_the_route_only_the_upstreams_own_star_is_kept(
    #[values(Way::Plain, Way::H2)] way: Way,
) {
    for (own, expected) in [
        ("", "- - -"),
        ("Access-Control-Allow-Origin: *\r\n", "* - -"),
        (
            "Access-Control-Allow-Origin: https://app.example\r\n",
            "- - -",
        ),
        (
            "Access-Control-Allow-Origin: *\r\nAccess-Control-Allow-Credentials: true\r\n",
            "* - -",
        ),
    ] {
        let upstream = Upstream::start(move |mut exchange| {
            let (begin, end) = STREAM_HEAD.split_at(STREAM_HEAD.len() - 2);
            exchange.send(format!("{begin}{own}{end}"));
            exchange.stream();
        });
        let gateway = way.route(&upstream, "");
        // The one who opens the topic, and one who joins it.
        for _ in 0..2 {
            let client = Get::new("/events")
                .header("Origin", APP)
                .stream(gateway.address());
            assert_eq!((client.status, &*said(&client)), (200, expected), "{own:?}");
        }
        assert_eq!(upstream.requests().len(), 1);
        // The route's own word is stronger.
        let gateway = way.route(&upstream, "cors = { origins = [\"https://a.example\"] }");
        let client = Get::new("/events")
            .header("Origin", APP)
            .stream(gateway.address());
        assert_eq!(said(&client), "- - Origin", "{own:?}");
    }
}

#[rstest]
fn a_held_topic_has_no_star_because_nobody_has_said_it(#[values(Way::Plain, Way::H2)] way: Way) {
    let upstream = Upstream::start(|mut exchange| {
        exchange.send("HTTP/1.1 503 Service Unavailable\r\nAccess-Control-Allow-Origin: *\r\n\r\n");
    });
    let gateway = way.route(&upstream, "");
    let client = Get::new("/events")
        .header("Origin", APP)
        .stream(gateway.address());
    assert_eq!((client.status, &*said(&client)), (200, "- - -"));
}

#[rstest]
fn a_page_of_another_site_can_not_open_a_visitors_own_stream(
    #[values(Way::Plain, Way::H2)] way: Way,
) {
    let upstream = Upstream::live();
    let routes = "[[route]]\npath = \"/public\"\nupstream = \"{upstream}\"\n\
                  [[route]]\npath = \"/own\"\nupstream = \"{upstream}\"\ncookies = [\"session\"]\n\
                  [[route]]\npath = \"/private\"\nupstream = \"{upstream}\"\nshare = \"private\"\n\
                  [[route]]\npath = \"/allowed\"\nupstream = \"{upstream}\"\nshare = \"private\"\n\
                  cors = { origins = [\"https://app.example\"], credentials = true }\n";
    let gateway = way.start(routes, &upstream);
    let ask = |path: &str, site: &str, origin: &str| {
        let get = Get::new(path).header("Cookie", "session=1");
        let get = get.header("Sec-Fetch-Site", site).header("Origin", origin);
        get.stream(gateway.address()).status
    };
    let evil = "https://evil.example";
    for (path, site, origin, status) in [
        ("/public", "cross-site", evil, 200),
        ("/own", "cross-site", evil, 403),
        ("/own", "same-site", "https://x.example", 403),
        ("/own", "same-origin", "http://127.0.0.1", 200),
        ("/private", "cross-site", evil, 403),
        ("/private", "cross-site", APP, 403),
        ("/allowed", "cross-site", APP, 200),
        ("/allowed", "cross-site", evil, 403),
    ] {
        assert_eq!(ask(path, site, origin), status, "{path} {site} {origin}");
    }
    let refused = "fantail_rejects_total{listener=\"127.0.0.1:0\",reason=\"cors\"}";
    assert_eq!(gateway.metric(refused), 5.0);
    assert_eq!(upstream.requests().len(), 3);
}

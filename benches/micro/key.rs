//! The topic key: a request's path finds its route, and what the route declares becomes the exact
//! request to the upstream.

use std::hint::black_box;
use std::net::Ipv4Addr;

use fantail::edge::QueryRule;
use fantail::edge::route::{Asker, KeyRule, Routes};
use fantail::edge::template::{PathTemplate, UpstreamTemplate};
use fantail::topic_key::TopicKey;
use gungraun::prelude::*;
use http::{HeaderMap, HeaderName, HeaderValue, header};

/// A small site's routes: path, upstream.
const ROUTES: [(&str, &str); 5] = [
    (
        "/prices/{symbol}",
        "http://127.0.0.1:8000/demo_sse.php?symbol={symbol}",
    ),
    ("/news", "http://127.0.0.1:8000/news.php"),
    ("/rooms/{room}/events", "http://127.0.0.1:8001/rooms/{room}"),
    ("/me/events", "http://127.0.0.1:8001/me.php"),
    ("/{rest*}", "http://127.0.0.1:8000/{rest*}"),
];

/// What Chromium sends with an `EventSource`.
const HEADERS: [(HeaderName, &str); 10] = [
    (header::HOST, "www.example.com"),
    (header::CONNECTION, "keep-alive"),
    (header::CACHE_CONTROL, "no-cache"),
    (
        header::USER_AGENT,
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) \
         Chrome/139.0.0.0 Safari/537.36",
    ),
    (header::ACCEPT, "text/event-stream"),
    (header::ORIGIN, "https://www.example.com"),
    (header::REFERER, "https://www.example.com/board.html"),
    (header::ACCEPT_ENCODING, "gzip, deflate, br, zstd"),
    (header::ACCEPT_LANGUAGE, "de-DE,de;q=0.9,en;q=0.8"),
    (
        header::COOKIE,
        "theme=dark; PHPSESSID=1k1rfdopibkob06kp2lifh96f9; consent=all",
    ),
];

struct Site {
    routes: Routes,
    upstreams: Vec<UpstreamTemplate>,
    query: QueryRule,
    headers: Vec<HeaderName>,
    cookies: Vec<Box<str>>,
}

struct Request {
    site: Site,
    path: &'static str,
    query: &'static str,
    headers: HeaderMap,
}

fn request(path: &'static str, query: &'static str, site: Site) -> Request {
    let value = |(name, value)| (name, HeaderValue::from_static(value));
    Request {
        site,
        path,
        query,
        headers: HEADERS.into_iter().map(value).collect(),
    }
}

fn site(query: QueryRule, headers: &[HeaderName], cookies: &[&str]) -> Site {
    let paths = ROUTES.map(|(path, _)| PathTemplate::parse(path).unwrap());
    let upstream = |((_, upstream), path)| UpstreamTemplate::parse(upstream, path).unwrap();
    Site {
        routes: Routes::new(&paths).unwrap(),
        upstreams: ROUTES.into_iter().zip(&paths).map(upstream).collect(),
        query,
        headers: headers.to_vec(),
        cookies: cookies.iter().map(|&name| name.into()).collect(),
    }
}

fn declared() -> Site {
    let query = QueryRule {
        names: vec!["lang".into(), "currency".into()],
        ignored: vec!["_".into()],
        ..QueryRule::default()
    };
    site(query, &[header::ACCEPT_LANGUAGE], &["PHPSESSID"])
}

/// As with `--upstream`.
fn everything() -> Site {
    let query = QueryRule {
        all: true,
        ..QueryRule::default()
    };
    site(query, &[], &[])
}

const QUERY: &str = "lang=de&_=1700000000123&currency=EUR&lastEventId=1041";

#[library_benchmark]
#[bench::declared(request("/prices/AAPL", QUERY, declared()))]
#[bench::whole_site(request("/board/live/prices.php", QUERY, everything()))]
fn topic_key(request: Request) -> (Request, TopicKey) {
    let site = &request.site;
    let (route, variables) = site.routes.find(black_box(request.path)).unwrap();
    let key = rule(site, route).key(&variables, Some(request.query), &request.headers);
    let key = key.unwrap();
    (request, key)
}

#[library_benchmark]
#[bench::everything(request("/me/events", QUERY, everything()))]
fn private_topic_key(request: Request) -> (Request, TopicKey) {
    let site = &request.site;
    let (route, variables) = site.routes.find(black_box(request.path)).unwrap();
    let asker = Asker {
        address: Ipv4Addr::new(203, 0, 113, 7).into(),
        resume: Some("1041"),
    };
    let (query, headers) = (Some(request.query), &request.headers);
    let key = rule(site, route).private_key(&variables, query, headers, &asker);
    let key = key.unwrap();
    (request, key)
}

fn rule(site: &Site, route: usize) -> KeyRule<'_> {
    KeyRule {
        upstream: &site.upstreams[route],
        query: &site.query,
        headers: &site.headers,
        cookies: &site.cookies,
    }
}

library_benchmark_group!(name = keys, benchmarks = [topic_key, private_topic_key]);

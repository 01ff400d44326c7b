//! Pages of one origin and streams of another: what browsers make of the route's `cors`.

use serde_json::json;

use super::{BROWSERS, Fleet};
use crate::support::{Exchange, Gateway, Upstream};

/// Two routes that say who may read them, and one that leaves it to the upstream.
const ROUTES: &str = r#"
[[route]]
path = "/listed"
upstream = "{upstream}/listed"
cookies = ["who"]
cors = { origins = ["PAGE"], credentials = true }
[[route]]
path = "/foreign"
upstream = "{upstream}/foreign"
cors = { origins = ["https://elsewhere.example"] }
[[route]]
path = "/open/{rest*}"
upstream = "{upstream}/open/{rest*}"
"#;

/// A stream for each path; that of `/open/yes` may be read by all.
fn upstream() -> Upstream {
    Upstream::start(|mut exchange: Exchange| {
        let all = if exchange.head.starts_with("GET /open/yes ") {
            "Access-Control-Allow-Origin: *\r\n"
        } else {
            ""
        };
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n";
        exchange.send(format!("{head}{all}\r\n"));
        exchange.stream();
    })
}

#[test]
#[ignore = "needs browsers: tests/run runs it"]
fn a_page_of_another_origin_reads_what_the_route_or_the_upstream_lets_it_and_nothing_else() {
    let upstream = upstream();
    let pages = Gateway::route(&upstream, "");
    let routes = ROUTES.replace("PAGE", &pages.url());
    let streams = Gateway::start(&routes, &upstream);
    let mut fleet = Fleet::take();
    for engine in BROWSERS {
        fleet.visit(engine, &format!("{}/a-page-of-this-origin", pages.url()));
        fleet.run(
            engine,
            &format!("(document.cookie = 'who={engine}') && true"),
        );
        fleet.ask(engine, "watch", json!({}));
        let mut open = |path: &str, credentials: bool| {
            let url = format!("{}{path}", streams.url());
            let values = json!({"kind": "native", "url": url, "credentials": credentials});
            fleet.open_one((engine, "native"), values)
        };
        // The state that each ends in: 1 is open, 2 is closed for good.
        let rows = [
            (open("/listed", true), 1),
            (open("/listed", false), 1),
            (open("/foreign", false), 2),
            (open("/open/yes", false), 1),
            (open("/open/yes", true), 2),
            (open("/open/no", false), 2),
        ];
        for (client, state) in rows {
            fleet.until(client, "is where it should be", |seen| seen.state == state);
        }
        let named = format!("who={engine}");
        let asked = upstream.requests();
        let with_cookie = asked.iter().filter(|head| head.contains(&named));
        assert_eq!(with_cookie.count(), 1, "{engine}: {asked:#?}");
        fleet.run(engine, "(document.cookie = 'who=; max-age=0') && true");
    }
}

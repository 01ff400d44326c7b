//! The conformance vectors in each browser: through the gateway as directly.

use serde_json::{Value, json};

use super::fleet::Client;
use super::{BROWSERS, Fleet, Heard};
use crate::support::{Exchange, Gateway, Upstream};

const VECTORS: &str = include_str!("../../conformance/vectors.json");
/// Streams that wait for each other in a browser, which has six connections to an address.
const AT_A_TIME: usize = 6;

/// Where a browser departs from the standard: the browser, the vector, whether Fantail's bytes lead
/// it there, and whether the backend's own do.
const OWN_WAYS: [(&str, &str, bool, bool); 5] = [
    // A NUL is dropped from a value, but for one right behind the colon, where Fantail has a space.
    ("firefox", "names are exact and case-sensitive", true, false),
    // An id is forgotten unless its block has data; Fantail repeats it in each event.
    (
        "firefox",
        "an id in a block without data counts",
        false,
        true,
    ),
    (
        "firefox",
        "A2 empty line: no data, but the id is set and the name cleared",
        false,
        true,
    ),
    (
        "firefox",
        "A2 lastEventId: it is that at dispatch",
        false,
        true,
    ),
    // A NUL makes no id void; Fantail passes none on.
    ("firefox", "A2 id: a value with NUL is ignored", false, true),
];

/// The bytes of a list of parts.
fn bytes(parts: &Value) -> Vec<u8> {
    let latin = |text: &str| -> Vec<u8> {
        let bytes = text.chars().map(|c| u8::try_from(c).unwrap());
        bytes.collect()
    };
    let part = |part: &Value| match part["repeat"].as_str() {
        Some(text) => latin(text).repeat(part["times"].as_u64().unwrap().try_into().unwrap()),
        None => latin(part.as_str().unwrap()),
    };
    parts.as_array().unwrap().iter().flat_map(part).collect()
}

fn expected(case: &Value) -> Vec<Heard> {
    let event = |event: &Value| Heard {
        data: match event["data"].as_str() {
            Some(text) => text.to_owned(),
            None => String::from_utf8(bytes(&event["data"])).unwrap(),
        },
        ..Heard::of(&json!({"type": event["type"], "data": "", "id": event["id"]}))
    };
    let events = case["events"].as_array().unwrap();
    events.iter().map(event).collect()
}

/// Every vector at a path of its own, for pages of any origin.
fn upstream(cases: &[Value]) -> Upstream {
    let bodies: Vec<Vec<u8>> = cases.iter().map(|case| bytes(&case["input"])).collect();
    Upstream::start(move |mut exchange: Exchange| {
        let target = exchange.head.split(' ').nth(1).unwrap();
        let number = target.rsplit('/').next().unwrap();
        let Some(body) = number.parse().ok().and_then(|n: usize| bodies.get(n)) else {
            exchange.send("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
            return;
        };
        exchange.send(format!(
            "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\
             Access-Control-Allow-Origin: *\r\nContent-Length: {}\r\n\r\n",
            body.len()
        ));
        exchange.send(body);
    })
}

/// One vector in one browser, which listens to every type that it has, up to the end of the body.
fn listen(fleet: &mut Fleet, engine: &'static str, root: &str, case: &Value) -> Client {
    let events = expected(case);
    let names: Vec<&str> = events.iter().map(|event| &*event.name).collect();
    let mut names: Vec<&str> = names
        .into_iter()
        .filter(|name| *name != "message")
        .collect();
    names.sort_unstable();
    names.dedup();
    let values = json!({"kind": "native", "url": root, "names": names, "once": true});
    fleet.open_one((engine, "native"), values)
}

/// What is wrong with what was seen.
fn fault(engine: &str, is_shared: bool, case: &Value, seen: &[Heard]) -> Option<String> {
    let name = case["name"].as_str().unwrap();
    let is_own = |(browser, vector, shared, direct): &(&str, &str, bool, bool)| {
        (*browser, *vector) == (engine, name) && if is_shared { *shared } else { *direct }
    };
    let is_standard = seen == expected(case);
    let way = if is_shared {
        "through Fantail"
    } else {
        "directly"
    };
    (is_standard == OWN_WAYS.iter().any(is_own))
        .then(|| format!("{engine}, {way}, {name}: {seen:?}"))
}

#[test]
#[ignore = "needs browsers: tests/run runs it"]
fn every_vector_gives_in_every_browser_what_it_gives_directly() {
    let cases: Vec<Value> = serde_json::from_str(VECTORS).unwrap();
    assert!(cases.len() > 40);
    let upstream = upstream(&cases);
    let route = "[[route]]\nname = \"vectors\"\npath = \"/{browser}/{number}\"\n\
         upstream = \"{upstream}/{browser}/{number}\"\nids = \"upstream\"\n\
         on_upstream_end = \"close\"\nincomplete_event = \"strict\"\n";
    let gateway = Gateway::start(route, &upstream);
    let mut fleet = Fleet::take();
    for engine in BROWSERS {
        fleet.visit(engine, &format!("{}/a-page-of-this-origin", gateway.url()));
        fleet.ask(engine, "watch", json!({}));
    }
    let roots = [format!("http://{}", upstream.address()), gateway.url()];
    let mut faults = Vec::new();
    let numbers: Vec<usize> = (0..cases.len()).collect();
    for some in numbers.chunks(AT_A_TIME) {
        let mut open = Vec::new();
        for (number, engine) in some
            .iter()
            .flat_map(|n| BROWSERS.map(|engine| (*n, engine)))
        {
            for root in &roots {
                let url = format!("{root}/{engine}/{number}");
                let client = listen(&mut fleet, engine, &url, &cases[number]);
                open.push((number, engine, *root == roots[1], client));
            }
        }
        for (number, engine, is_shared, client) in open {
            let seen = fleet.until(client, "comes to the end", |seen| seen.errors > 0);
            faults.extend(fault(engine, is_shared, &cases[number], &seen.events));
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

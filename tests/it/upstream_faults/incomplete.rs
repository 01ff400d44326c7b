//! The incomplete last event: every rule, every framing, every body, over real sockets.

use std::collections::HashSet;
use std::sync::Mutex;

use crate::support::{Client, Exchange, Gateway, Get, STREAM_HEAD, Upstream};

/// `incomplete_event`.
const RULES: [&str; 3] = ["auto", "strict", "always"];

/// How the body is framed, and whether it ends as that promised.
const FRAMINGS: [(&str, bool); 6] = [
    ("length-met", true),
    ("length-short", false),
    ("last-chunk", true),
    ("no-last-chunk", false),
    ("closed", true),
    ("reset", false),
];

/// What the body is, and whether a complete event, a line of HTML, and unfinished data are in it.
const BODIES: [(&str, &str, Body); 4] = [
    (
        "alone",
        "data: half\n",
        Body {
            whole: false,
            html: false,
            half: true,
        },
    ),
    (
        "behind",
        "data: whole\n\ndata: half\n",
        Body {
            whole: true,
            html: false,
            half: true,
        },
    ),
    (
        "junk",
        "data: half\n<b>Fatal error</b>: x\n",
        Body {
            whole: false,
            html: true,
            half: true,
        },
    ),
    (
        "no-data",
        "event: half\nid: 7\n",
        Body {
            whole: false,
            html: false,
            half: false,
        },
    ),
];

#[derive(Clone, Copy)]
struct Body {
    whole: bool,
    html: bool,
    half: bool,
}

/// The design's rule.
fn is_completed(rule: &str, is_clean: bool, body: Body) -> bool {
    let counts = match rule {
        "auto" => !body.whole && !body.html,
        "strict" => false,
        _ => true,
    };
    counts && is_clean && body.half
}

/// What a client sees of it, the next response included.
fn expected(rule: &str, is_clean: bool, body: Body) -> Vec<&'static str> {
    let mut events = Vec::new();
    if body.whole {
        events.push("whole");
    }
    if is_completed(rule, is_clean, body) {
        events.push("half");
    }
    if !is_clean {
        events.push("gap");
    }
    events.push("marker");
    events
}

/// Answers `/framing.body` so the first time, and with a marker from then on.
fn upstream() -> Upstream {
    let asked = Mutex::new(HashSet::new());
    Upstream::start(move |mut exchange| {
        let path = exchange.head.split(' ').nth(1).unwrap().to_owned();
        if !asked.lock().unwrap().insert(path.clone()) {
            exchange.send(format!("{STREAM_HEAD}data: marker\n\n"));
            return exchange.hold();
        }
        let cell = path.rsplit('/').next().unwrap();
        let (framing, name) = cell.split_once('.').unwrap();
        let (_, body, _) = BODIES.iter().find(|(body, ..)| *body == name).unwrap();
        answer(exchange, framing, body);
    })
}

fn answer(mut exchange: Exchange, framing: &str, body: &str) {
    let with = |header: &str| STREAM_HEAD.replace("\r\n\r\n", &format!("\r\n{header}\r\n\r\n"));
    let length = body.len();
    match framing {
        "length-met" => exchange.send(with(&format!("Content-Length: {length}")) + body),
        "length-short" => exchange.send(with(&format!("Content-Length: {}", length + 9)) + body),
        "last-chunk" | "no-last-chunk" => {
            exchange.send(with("Transfer-Encoding: chunked"));
            exchange.send_chunk(body);
            if framing == "last-chunk" {
                exchange.send_chunk("");
            }
        }
        _ => exchange.send(format!("{STREAM_HEAD}{body}")),
    }
    if framing == "reset" {
        exchange.reset();
    }
}

fn seen(client: &mut Client) -> Vec<String> {
    let mut events = Vec::new();
    while events.last().is_none_or(|event| event != "marker") {
        let event = client.next_event();
        events.push(if event.name == "fantail.gap" {
            "gap".to_owned()
        } else {
            event.data
        });
    }
    events
}

#[test]
fn an_incomplete_last_event_counts_exactly_where_the_rule_says_so() {
    let upstream = upstream();
    let routes = RULES.map(|rule| {
        format!(
            "[[route]]\nname = \"{rule}\"\npath = \"/{rule}/{{cell}}\"\n\
             upstream = \"{{upstream}}/{rule}/{{cell}}\"\npoll_interval = \"500ms\"\n\
             incomplete_event = \"{rule}\"\n"
        )
    });
    let gateway = Gateway::start(&routes.concat(), &upstream);
    let mut cells = Vec::new();
    for rule in RULES {
        for (framing, is_clean) in FRAMINGS {
            for (name, _, body) in BODIES {
                let path = format!("/{rule}/{framing}.{name}");
                let client = Get::new(&path).stream(gateway.address());
                cells.push((path, client, expected(rule, is_clean, body)));
            }
        }
    }
    assert_eq!(cells.len(), 72);
    for (path, client, expected) in &mut cells {
        assert_eq!(seen(client), *expected, "{path}");
    }
    for rule in RULES {
        assert_counts(&gateway, rule);
    }
}

/// Every event that was completed and every one that a clean end left behind is counted.
#[track_caller]
fn assert_counts(gateway: &Gateway, rule: &str) {
    let clean = FRAMINGS.iter().filter(|(_, is_clean)| *is_clean).count();
    let halves = BODIES.iter().filter(|(.., body)| body.half).count();
    let completed = BODIES
        .iter()
        .filter(|(.., body)| is_completed(rule, true, *body));
    let completed = clean * completed.count();
    let series = format!("fantail_events_completed_total{{route=\"{rule}\"}}");
    assert_eq!(gateway.metric(&series), completed as f64, "{rule}");
    let name = "fantail_events_dropped_total";
    let series = format!("{name}{{reason=\"incomplete\",route=\"{rule}\"}}");
    let dropped = clean * halves - completed;
    assert_eq!(gateway.metric(&series), dropped as f64, "{rule}");
}

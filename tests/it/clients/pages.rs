//! Pages as a person sees them: the demo's, and one in the shape that tutorials teach.

use serde_json::Value;

use super::picture::{Colour, Picture, Region};
use super::{BROWSERS, Fleet};
use crate::demo::Demo;
use crate::support::{Exchange, Gateway, Upstream, until};

const TUTORIAL: &str = include_str!("../../clients/pages/tutorial.html");
const WHITE: Colour = [0xff; 3];
/// Of both pages: open, rising; and the demo's others.
const GREEN: Colour = [0x0a, 0x70, 0x40];
const RED: Colour = [0xb3, 0x26, 0x1e];
const ACCENT: Colour = [0x0b, 0x6b, 0x5f];
const INK: Colour = [0x1a, 0x1f, 0x1d];
/// Events of a market with twelve prices.
const ENOUGH: usize = 60;

/// The text of an element.
#[track_caller]
fn text(fleet: &mut Fleet, engine: &str, id: &str) -> String {
    let script = format!("document.getElementById({id:?}).innerText.trim()");
    let text = fleet.run(engine, &script);
    text.as_str().unwrap().to_owned()
}

/// The one element that a selector finds.
#[track_caller]
fn region(fleet: &mut Fleet, engine: &str, selector: &str) -> Region {
    let regions = Region::of(fleet, engine, selector);
    assert_eq!(regions.len(), 1, "{engine}: {selector}");
    regions[0]
}

#[test]
#[ignore = "needs browsers: tests/run runs it"]
fn the_demo_page_shows_its_market_in_three_browsers_over_one_upstream_connection() {
    let demo = Demo::start();
    let mut fleet = Fleet::take();
    for engine in BROWSERS {
        fleet.visit(engine, &format!("http://{}/", demo.page()));
    }
    for engine in BROWSERS {
        until(
            "the page shows three clients, one upstream, and prices",
            || {
                let is = |fleet: &mut Fleet, id, what| text(fleet, engine, id) == what;
                let cards = Region::of(&mut fleet, engine, "#cards canvas").len();
                let counted = is(&mut fleet, "clients", "3") && is(&mut fleet, "upstreams", "1");
                // Enough of them for lines, and not only the dots that lines begin with.
                let events = text(&mut fleet, engine, "events").parse();
                let is_busy = events.is_ok_and(|events: usize| events >= ENOUGH);
                (cards >= 8 && counted && is_busy).then_some(())
            },
        );
        assert_eq!(text(&mut fleet, engine, "state"), "live", "{engine}");
        let counts = text(&mut fleet, engine, "counts");
        assert_eq!(counts, "opened 1 time, errors 0", "{engine}");
        assert_demo_looks_right(&mut fleet, engine);
    }
}

#[track_caller]
fn assert_demo_looks_right(fleet: &mut Fleet, engine: &str) {
    let cards = Region::of(fleet, engine, "#cards canvas");
    let prices = Region::of(fleet, engine, "#cards .price");
    let [state, clients, upstreams] =
        ["#state", "#clients", "#upstreams"].map(|id| region(fleet, engine, id));
    let picture = Picture::take(fleet, engine, "demo");
    assert!(
        picture.colours() > 100,
        "{engine}: {} colours",
        picture.colours()
    );
    let seen = cards.iter().filter(|card| picture.shows(**card));
    let drawn = seen.map(|card| picture.unlike(*card, WHITE));
    let drawn: Vec<usize> = drawn.collect();
    assert!(drawn.len() >= 8, "{engine}: {drawn:?}");
    // At least the dot at the end of its line.
    assert!(
        drawn.iter().all(|pixels| *pixels >= 8),
        "{engine}: {drawn:?}"
    );
    let lines = |colour| {
        cards
            .iter()
            .map(|card| picture.like(*card, colour))
            .sum::<usize>()
    };
    assert!(
        lines(GREEN) + lines(RED) > 100,
        "{engine}: no line is green or red"
    );
    let ink: usize = prices.iter().map(|price| picture.like(*price, INK)).sum();
    assert!(ink > 300, "{engine}: {ink} pixels of prices");
    for (what, region, colour) in [
        ("state", state, GREEN),
        ("clients", clients, INK),
        ("upstreams", upstreams, ACCENT),
    ] {
        let pixels = picture.like(region, colour);
        assert!(pixels > 60, "{engine}: {pixels} pixels of {what}");
    }
}

/// The page, and a script that prints one event of each kind and is over.
fn tutorial() -> Upstream {
    let polls = std::sync::atomic::AtomicUsize::new(0);
    Upstream::start(move |mut exchange: Exchange| {
        let target = exchange.head.split(' ').nth(1).unwrap();
        let (status, kind, body) = match target {
            "/" => ("200 OK", "text/html; charset=utf-8", TUTORIAL.to_owned()),
            "/demo_sse.php" => {
                let poll = polls.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                let body = format!(
                    "data: The server time is: {poll}\n\nevent: tick\ndata: \u{2713} {poll}\n\n"
                );
                ("200 OK", "text/event-stream;charset=UTF-8", body)
            }
            _ => ("404 Not Found", "text/plain", "no such page\n".to_owned()),
        };
        let length = body.len();
        exchange.send(format!(
            "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\
             Connection: close\r\n\r\n{body}"
        ));
    })
}

/// The numbers behind these words, which must be one after the other.
#[track_caller]
fn numbers(lines: &str, words: &str) -> Vec<usize> {
    let number = |line: &str| line.strip_prefix(words).unwrap().parse().unwrap();
    let numbers: Vec<usize> = lines.lines().map(number).collect();
    assert!(
        numbers.windows(2).all(|two| two[0] + 1 == two[1]),
        "{lines}"
    );
    numbers
}

#[track_caller]
fn assert_tutorial_looks_right(fleet: &mut Fleet, engine: &str) {
    const EVENTS: usize = 4;
    let title = fleet.run(engine, "document.title");
    assert_eq!(title, Value::from("Server-Sent Events"), "{engine}");
    until("the page shows its events", || {
        let ticks = text(fleet, engine, "ticks");
        (ticks.lines().count() >= EVENTS).then_some(())
    });
    let shown = numbers(&text(fleet, engine, "result"), "The server time is: ");
    assert!(shown.len() >= EVENTS, "{engine}: {shown:?}");
    numbers(&text(fleet, engine, "ticks"), "\u{2713} ");
    let state = text(fleet, engine, "state");
    assert_eq!(state, "open, opened 1, errors 0", "{engine}");
    let [state, result] = ["#state", "#result"].map(|id| region(fleet, engine, id));
    let picture = Picture::take(fleet, engine, "tutorial");
    assert!(
        picture.like(state, GREEN) > 5000,
        "{engine}: the box is not green"
    );
    assert!(
        picture.like(state, WHITE) > 100,
        "{engine}: nothing stands in the box"
    );
    let written = picture.unlike(result, WHITE);
    assert!(written > 500, "{engine}: {written} pixels of events");
}

#[test]
#[ignore = "needs browsers: tests/run runs it"]
fn a_page_as_tutorials_teach_it_opens_once_and_shows_each_event_in_three_browsers() {
    let upstream = tutorial();
    let route = "[[route]]\npath = \"/{rest*}\"\nupstream = \"{upstream}/{rest}\"\n\
         poll_interval = \"500ms\"\n";
    let gateway = Gateway::start(route, &upstream);
    let mut fleet = Fleet::take();
    for engine in BROWSERS {
        fleet.visit(engine, &format!("{}/", gateway.url()));
    }
    for engine in BROWSERS {
        assert_tutorial_looks_right(&mut fleet, engine);
    }
    // One poll at a time for the three of them.
    let asked = upstream.requests();
    let polls = asked
        .iter()
        .filter(|head| head.starts_with("GET /demo_sse.php"))
        .count();
    let shown = numbers(
        &text(&mut fleet, "chromium", "result"),
        "The server time is: ",
    );
    assert!(polls <= shown.last().unwrap() + 3, "{polls} polls");
}

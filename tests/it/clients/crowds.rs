//! Pages with more streams than HTTP/1.1 would ever let them have.

use rstest::rstest;

use super::Fleet;
use crate::support::{Upstream, Way, eventually, until};

/// HTTP/1.1 has six for all pages of an origin.
const STREAMS: usize = 120;
const EVENTS: usize = 3;
const ROUTE: &str = "[[route]]\nname = \"events\"\npath = \"/on/{topic}\"\n\
                     upstream = \"{upstream}/{topic}\"\n[limits]\nnew_topics_per_second = 1000\n";

/// Opens them, each of a topic of its own, and keeps what they hear.
const OPEN: &str = "(() => {
    window.heard = Array.from({ length: COUNT }, () => []);
    window.opened = 0;
    window.failed = 0;
    window.sources = window.heard.map((heard, n) => {
        const source = new EventSource(`/on/topic-${n}`);
        source.onopen = () => { window.opened += 1; };
        source.onerror = () => { window.failed += 1; };
        source.onmessage = (event) => { heard.push(event.data); };
        return source;
    });
    return true;
})()";

/// All on one connection, and the page can still ask for something else.
#[rstest]
#[ignore = "needs browsers: tests/run runs it"]
fn a_page_with_more_than_a_hundred_event_sources_hears_each_event_on_each_of_them(
    #[values("chromium", "firefox", "webkit")] engine: &str,
) {
    let upstream = Upstream::live();
    let gateway = Way::H2.start(ROUTE, &upstream);
    let mut fleet = Fleet::take();
    fleet.visit(engine, &format!("{}/a/page/of/this/origin", gateway.url()));
    fleet.run(engine, &OPEN.replace("COUNT", &STREAMS.to_string()));
    until("all are open", || {
        let opened = fleet.run(engine, "window.opened");
        (opened == STREAMS).then_some(())
    });
    upstream.wait_for_streams(STREAMS);
    let series = Way::H2.subscribers();
    assert_eq!(gateway.metric(series), STREAMS as f64, "{engine}");
    let connections = "fantail_connections{listener=\"127.0.0.1:0\",protocol=\"h2\"}";
    eventually("they are on one connection", || {
        gateway.metric(connections) == 1.0
    });
    let requests = upstream.requests();
    let topic = |number: usize| requests[number].split(' ').nth(1).unwrap();
    for what in 0..EVENTS {
        upstream.emit_each(|number| format!("data: {} {what}\n\n", topic(number)));
    }
    let expected: Vec<Vec<String>> = (0..STREAMS)
        .map(|n| {
            (0..EVENTS)
                .map(|what| format!("/topic-{n} {what}"))
                .collect()
        })
        .collect();
    until("every stream has heard everything", || {
        let heard = fleet.run(engine, "window.heard");
        let heard: Vec<Vec<String>> = serde_json::from_value(heard).unwrap();
        let is_all = heard.iter().all(|events| events.len() == EVENTS);
        is_all.then(|| assert_eq!(heard, expected, "{engine}"))
    });
    assert_eq!(fleet.run(engine, "window.failed"), 0, "{engine}");
    fleet.visit(engine, "about:blank");
    eventually("all have left with their page", || {
        gateway.metric(series) == 0.0
    });
}

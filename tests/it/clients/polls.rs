//! An `EventSource` that is pointed at polls: one continuous stream, seen from the page.

use super::Fleet;
use crate::support::{Gateway, Upstream, eventually};

const EVENTS: usize = 5;

#[test]
#[ignore = "needs browsers and client libraries: tests/run runs it"]
fn every_client_that_is_pointed_at_polls_hears_each_event_once_and_in_order() {
    let upstream = Upstream::live();
    let gateway = Gateway::route(&upstream, "poll_wait = \"2s\"");
    // Keeps the topic, whatever happens between two polls.
    let mut witness = gateway.subscribe();
    let mut fleet = Fleet::take();
    let clients = fleet.begin(gateway.address(), "/events?fantail=poll", &[]);
    let polls = "fantail_subscribers{protocol=\"poll\",route=\"events\"}";
    eventually("all have polled", || {
        gateway.metric(polls) >= clients.len() as f64
    });
    for number in 0..EVENTS {
        upstream.emit(&format!("data: {number}\n\n"));
        assert_eq!(witness.next_event().data, number.to_string());
        for client in &clients {
            fleet.until(*client, "hears it", |seen| {
                seen.events
                    .iter()
                    .any(|event| event.data == number.to_string())
            });
        }
    }
    for client in clients {
        let seen = fleet.seen(client);
        assert_eq!(seen.closed, 0, "{client}: {seen:#?}");
        let heard: Vec<String> = seen
            .events
            .into_iter()
            .filter(|event| event.name == "message")
            .map(|event| event.data)
            .collect();
        let wanted: Vec<String> = (0..EVENTS).map(|number| number.to_string()).collect();
        assert_eq!(heard, wanted, "{client}");
    }
    assert_eq!(upstream.requests().len(), 1);
}

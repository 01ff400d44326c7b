//! The backend is gone for a while, and nobody notices.

use std::time::Duration;

use fantail::clock;

use super::{Fleet, Heard};
use crate::support::{Gateway, Upstream};

const OUTAGE: Duration = Duration::from_secs(10);
/// Between two attempts at an upstream that is gone.
const LONGEST_BACKOFF: Duration = Duration::from_secs(30);

#[test]
#[ignore = "needs browsers and client libraries: tests/run runs it"]
fn a_backend_that_is_gone_for_ten_seconds_closes_no_client_and_is_no_error_in_any() {
    let upstream = Upstream::live();
    let gateway = Gateway::route(&upstream, "");
    let mut witness = gateway.subscribe();
    let mut fleet = Fleet::take();
    let clients = fleet.open(gateway.address(), "/events", &["fantail.gap"]);
    upstream.emit("data: before\n\n");
    upstream.kill();
    let begin = clock::now();
    while begin.elapsed() < OUTAGE {
        for client in &clients {
            let seen = fleet.seen(*client);
            assert!(seen.is_undisturbed(), "{client}: {seen:#?}");
        }
    }
    upstream.revive();
    // Longer than the patience of tests may be the wait that the outage has earned it.
    let latest = clock::now() + LONGEST_BACKOFF;
    while upstream.open() == 0 && clock::now() < latest {
        std::thread::park_timeout(Duration::from_millis(20));
    }
    upstream.wait_for_streams(1);
    upstream.emit("data: after\n\n");
    // In between they are told that the backend may have said something.
    let heard = [0; 3].map(|_| Heard::from(&witness.next_event()));
    let told = heard.each_ref().map(|event| &*event.name);
    assert_eq!(told, ["message", "fantail.gap", "message"]);
    for client in clients {
        let seen = fleet.until(client, "hears an event again", |seen| {
            seen.events.last() == heard.last()
        });
        assert!(seen.is_undisturbed(), "{client}: {seen:#?}");
        assert_eq!(seen.events, heard, "{client}");
    }
}

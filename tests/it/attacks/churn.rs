//! A8, A9: clients that come and go at once leave nothing behind.

use crate::support::{Client, Gateway, Upstream, eventually};

const CLIENTS: usize = 2000;

#[test]
fn two_thousand_clients_that_come_and_go_leave_every_gauge_at_zero() {
    let upstream = Upstream::live();
    let gateway = Gateway::start(
        "[limits]\naccepts_per_second = 0\nconnections_per_address = 2500\n\
         [[route]]\nname = \"events\"\npath = \"/events\"\nupstream = \"{upstream}/events\"\n\
         linger = \"10ms\"\n",
        &upstream,
    );
    let request = "GET /events HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n";
    for number in 0..CLIENTS {
        let mut client = Client::raw(gateway.address());
        // Nothing; half a head; a subscription that is left in its first moment; one that is reset.
        match number % 4 {
            0 => {}
            1 => client.send(&request[..number % request.len()]),
            2 => client.send(request),
            _ => {
                client.send(request);
                client.reset();
            }
        }
    }
    for series in [
        r#"fantail_connections{listener="127.0.0.1:0",protocol="h1"}"#,
        r#"fantail_subscribers{protocol="h1",route="events"}"#,
        r#"fantail_topics{route="events",state="live"}"#,
        r#"fantail_topics{route="events",state="lingering"}"#,
        r#"fantail_topics{route="events",state="opening"}"#,
    ] {
        eventually(series, || gateway.metric(series) == 0.0);
    }
    eventually("nobody is being served", || {
        gateway.app().connections() == 0
    });
    eventually("the upstream is left alone", || upstream.open() == 0);
    // Every place is free again, for this address too: otherwise this one would be refused.
    let mut client = gateway.subscribe();
    upstream.wait_for_streams(1);
    upstream.emit("data: x\n\n");
    assert_eq!(client.next_event().data, "x");
}

//! `key`: what events are about, as far as it shows from outside.

use crate::support::{Gateway, Get, Process, Upstream, eventually};

const WITHOUT: &str = "fantail_events_without_key_total{route=\"events\"}";

#[test]
fn events_without_a_key_are_served_counted_and_told_once() {
    let upstream = Upstream::live();
    let route = "[[route]]\nname = \"events\"\npath = \"/{name}\"\nkey = \"json:/symbol\"\n\
                 upstream = \"{upstream}/{name}\"\n";
    let program = Process::serve(route, &upstream, 256);
    let mut a = Get::new("/a").stream(program.address());
    let mut b = Get::new("/b").stream(program.address());
    upstream.wait_for_streams(2);
    let sent = [
        r#"{"symbol":"AAPL"}"#,
        "no JSON",
        r#"{"symbol":null}"#,
        r#"{"other":1}"#,
    ];
    for data in sent {
        upstream.emit(&format!("data: {data}\n\n"));
        assert_eq!(a.next_event().data, data);
        assert_eq!(b.next_event().data, data);
    }
    eventually("three of each topic are counted", || {
        program.metric(WITHOUT) == 6.0
    });
    // What was logged comes a little later: when it is there, both topics go on.
    let words = "nothing that says what it is about";
    program.logs(words);
    upstream.emit("data: []\n\n");
    eventually("one more of each topic", || program.metric(WITHOUT) == 8.0);
    let log = program.into_log();
    let told: Vec<&str> = log.lines().filter(|line| line.contains(words)).collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("WARN") && told[0].contains("json:/symbol"));
    assert!(told[0].contains("no JSON"), "{told:?}");
}

#[test]
fn what_every_event_has_is_never_missed() {
    let upstream = Upstream::live();
    let gateway = Gateway::route(&upstream, "key = \"event\"");
    let mut client = gateway.subscribe();
    upstream.wait_for_streams(1);
    upstream.emit("event: tick\ndata: 1\n\ndata: 2\n\n");
    assert_eq!(client.next_event().data, "1");
    assert_eq!(client.next_event().data, "2");
    assert_eq!(gateway.metric(WITHOUT), 0.0);
}

#[test]
fn an_id_that_an_event_has_not_sent_itself_is_not_its_key() {
    let upstream = Upstream::live();
    let gateway = Gateway::route(&upstream, "key = \"id\"");
    let mut client = gateway.subscribe();
    upstream.wait_for_streams(1);
    upstream.emit("id: 1\ndata: 1\n\ndata: 2\n\nid: 3\ndata: 3\n\n");
    for data in ["1", "2", "3"] {
        assert_eq!(client.next_event().data, data);
    }
    assert_eq!(gateway.metric(WITHOUT), 1.0);
}

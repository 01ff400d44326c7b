//! `topics`, `topics_per_address`, `new_topics_per_second`, `subscribers_per_topic`, `log_bytes`.

use super::{assert_refused, gateway};
use crate::support::{Client, Get, Upstream, eventually};

#[test]
fn a_topic_beyond_the_limit_is_refused_until_another_one_is_closed() {
    let upstream = Upstream::live();
    let gateway = gateway("topics = 1", &upstream);
    let first = Get::new("/a").stream(gateway.address());
    assert_refused(&gateway, || Get::new("/b"), "topics", 503);
    assert_eq!(
        Get::new("/a")
            .stream(gateway.address())
            .header("content-length"),
        None
    );
    drop(first);
    eventually("the topic is closed", || upstream.open() == 0);
    eventually("its place is free", || {
        Get::new("/b")
            .stream(gateway.address())
            .header("content-length")
            .is_none()
    });
}

#[test]
fn one_address_can_open_only_so_many_topics() {
    let upstream = Upstream::live();
    let gateway = gateway("topics_per_address = 1", &upstream);
    let _first = Get::new("/a").stream(gateway.address());
    assert_refused(&gateway, || Get::new("/b"), "topics", 429);
    let other = Get::new("/b").from("127.0.0.2").stream(gateway.address());
    assert_eq!(other.header("content-length"), None);
    // Now that it is open it costs nobody a topic to join it.
    let joins = Get::new("/b").stream(gateway.address());
    assert_eq!(joins.header("content-length"), None);
}

#[test]
fn a_new_topic_beyond_the_rate_waits_and_is_not_refused() {
    let upstream = Upstream::live();
    let gateway = gateway("new_topics_per_second = 1", &upstream);
    let waiting = r#"fantail_topics_waiting{cause="new_topics"}"#;
    let names = ["/a", "/b", "/c"];
    let mut clients: Vec<Client> = names
        .iter()
        .map(|name| {
            let mut client = Client::raw(gateway.address());
            client.send(Get::new(name).header("Accept", "text/event-stream").bytes());
            client
        })
        .collect();
    eventually("two wait", || gateway.metric(waiting) == 2.0);
    eventually("the burst of one is asked for", || {
        upstream.requests().len() == 1
    });
    for client in &mut clients {
        client.read_head();
        assert_eq!(
            (client.status, client.header("content-length")),
            (200, None)
        );
    }
    upstream.wait_for_streams(3);
    assert_eq!(gateway.metric(waiting), 0.0);
    upstream.emit("data: x\n\n");
    for client in &mut clients {
        assert_eq!(client.next_event().data, "x");
    }
}

#[test]
fn a_topic_takes_only_so_many_subscribers() {
    let upstream = Upstream::live();
    let gateway = gateway("subscribers_per_topic = 1", &upstream);
    let first = Get::new("/a").stream(gateway.address());
    assert_refused(&gateway, || Get::new("/a"), "topic_subscribers", 503);
    assert_eq!(
        Get::new("/b")
            .stream(gateway.address())
            .header("content-length"),
        None
    );
    drop(first);
    eventually("there is a place again", || {
        Get::new("/a")
            .stream(gateway.address())
            .header("content-length")
            .is_none()
    });
}

#[test]
fn all_logs_together_keep_no_more_than_their_bytes() {
    const LOGS: f64 = 20.0 * 1024.0;
    const FRAME: f64 = 2048.0;
    let upstream = Upstream::live();
    let limits = "log_bytes = \"20KiB\"\nline_bytes = \"1KiB\"\nevent_bytes = \"2KiB\"";
    let text = format!(
        "[limits]\n{limits}\n[[route]]\nname = \"events\"\npath = \"/{{name}}\"\n\
         upstream = \"{{upstream}}/{{name}}\"\nmax_event = \"2KiB\"\n\
         replay = {{ events = 1000, bytes = \"16KiB\" }}\n"
    );
    let gateway = crate::support::Gateway::start(&text, &upstream);
    let mut clients: Vec<Client> = ["/a", "/b", "/c"]
        .map(|name| Get::new(name).stream(gateway.address()))
        .into();
    upstream.wait_for_streams(3);
    for number in 0..100 {
        upstream.emit(&format!(
            "id: {number}\ndata: {number} {}\n\n",
            "x".repeat(900)
        ));
        for client in &mut clients {
            let data = client.next_event().data;
            assert!(data.starts_with(&format!("{number} ")), "{data}");
        }
    }
    let kept = gateway.metric(r#"fantail_buffered_bytes{kind="log"}"#);
    assert!(
        kept > FRAME && kept <= LOGS + 3.0 * FRAME,
        "{kept} bytes are kept"
    );
    // What was shortened is told to whoever asks for it.
    let mut late = Get::new("/a").after("3").stream(gateway.address());
    assert_eq!(late.next_event().name, "fantail.gap");
}

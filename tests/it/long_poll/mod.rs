//! `?fantail=poll`: one bounded answer after another, which together are the stream.

mod answers;
mod ends;
mod sequence;

use crate::support::{Client, Gateway, Get, Upstream, Way, eventually};

const WAITING: &str = "fantail_subscribers{protocol=\"poll\",route=\"events\"}";

/// A poll's answer, read.
struct Answer {
    /// In milliseconds.
    retry: u64,
    /// What follows `retry:`.
    body: String,
    events: Vec<Event>,
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Event {
    id: String,
    name: String,
    data: String,
}

// === impl Answer ===

impl Answer {
    /// Reads the body behind a head that is read.
    #[track_caller]
    fn read(client: &mut Client) -> Self {
        assert_eq!(client.status, 200, "{}", client.head);
        assert!(client.header("content-length").is_some(), "{}", client.head);
        let text = client.body();
        let (retry, body) = text.split_once('\n').expect("a line");
        let retry = retry.strip_prefix("retry: ").expect("a retry").parse();
        let events = body.split("\n\n").filter(|block| block.contains("data:"));
        Self {
            retry: retry.unwrap(),
            events: events.map(event).collect(),
            body: body.to_owned(),
        }
    }

    fn data(&self) -> Vec<&str> {
        self.events.iter().map(|event| &*event.data).collect()
    }

    /// Where the next poll goes on.
    #[track_caller]
    fn last_id(&self) -> &str {
        &self.events.last().expect("an event").id
    }
}

fn event(block: &str) -> Event {
    let mut event = Event::default();
    for line in block.lines() {
        match line.split_once(": ") {
            Some(("id", id)) => id.clone_into(&mut event.id),
            Some(("event", name)) => name.clone_into(&mut event.name),
            Some(("data", data)) => data.clone_into(&mut event.data),
            _ => assert!(line.starts_with(':'), "a line that no answer has: {line:?}"),
        }
    }
    event
}

/// What a plain `XMLHttpRequest` sends.
fn request(id: &str) -> Get {
    Get::new(&format!("/events?fantail=poll&lastEventId={id}")).header("Accept", "*/*")
}

/// Polls once, on a connection of its own; an empty id is none.
#[track_caller]
fn poll(gateway: &Gateway, id: &str) -> Answer {
    Answer::read(&mut request(id).connect(gateway.address()))
}

/// A poll that waits for its answer.
#[track_caller]
fn waiting(gateway: &Gateway, id: &str) -> Client {
    let before = gateway.metric(WAITING);
    let mut client = Client::raw(gateway.address());
    client.send(request(id).bytes());
    eventually("the poll waits", || gateway.metric(WAITING) > before);
    client
}

/// An upstream that has said these events, and a gateway that has them.
fn said(way: Way, keys: &str, count: usize) -> (Upstream, Gateway) {
    let upstream = Upstream::live();
    let gateway = way.route(&upstream, keys);
    let mut witness = gateway.subscribe();
    upstream.wait_for_streams(1);
    for number in 0..count {
        upstream.emit(&format!("id: u{number}\ndata: {number}\n\n"));
        witness.next_event();
    }
    (upstream, gateway)
}

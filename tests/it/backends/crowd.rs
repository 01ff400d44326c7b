//! What every client must see, whoever the backend is.

use std::time::{Duration, Instant};

use fantail::clock;

use crate::support::{Client, Event, Gateway, Get, Upstream};

/// More than any backend here could serve at a time.
pub(super) const CLIENTS: usize = 20;
/// Of the looping scripts.
pub(super) const INTERVAL: Duration = Duration::from_millis(300);
/// From connecting to the first event, at most.
pub(super) const FIRST_EVENT: Duration = Duration::from_secs(1);

/// Clients of one script, and what each has seen.
pub(super) struct Crowd {
    clients: Vec<Client>,
    seen: Vec<Vec<Event>>,
}

/// In front of all of a backend's scripts, with these further keys.
pub(super) fn gateway(url: &str, keys: &str) -> Gateway {
    let route = format!(
        "[[route]]\nname = \"backend\"\npath = \"/{{rest*}}\"\nupstream = \"{url}/{{rest*}}\"\n\
         query = [\"*\"]\n{keys}\n"
    );
    Gateway::start(&route, &Upstream::live())
}

// === impl Crowd ===

impl Crowd {
    /// So many come in, and each has its first event within a second.
    #[track_caller]
    pub(super) fn join(gateway: &Gateway, target: &str, count: usize) -> Self {
        Self::join_within(FIRST_EVENT, gateway, target, count)
    }

    /// Likewise, for a backend that needs longer for its first event.
    #[track_caller]
    pub(super) fn join_within(
        limit: Duration,
        gateway: &Gateway,
        target: &str,
        count: usize,
    ) -> Self {
        let mut crowd = Self {
            clients: Vec::new(),
            seen: Vec::new(),
        };
        crowd.grow(limit, gateway, target, count);
        crowd
    }

    /// So many more come in.
    #[track_caller]
    pub(super) fn grow(&mut self, limit: Duration, gateway: &Gateway, target: &str, count: usize) {
        let join = |_| {
            let begin = clock::now();
            let client = Get::new(target).stream(gateway.address());
            assert_head(&client);
            (begin, client)
        };
        let joined: Vec<(Instant, Client)> = (0..count).map(join).collect();
        for (number, (begin, mut client)) in joined.into_iter().enumerate() {
            self.seen.push(vec![client.next_event()]);
            let took = begin.elapsed();
            assert!(took <= limit, "client {number} waited {took:?}");
            self.clients.push(client);
        }
    }

    /// The next event of the first client.
    #[track_caller]
    pub(super) fn next_event(&mut self) -> Event {
        let event = self.clients[0].next_event();
        self.seen[0].push(event.clone());
        event
    }

    /// Reads until the first client has seen so many events, and every other one the last of them:
    /// each has the same from where it came in, every event once. What the first has seen.
    #[track_caller]
    pub(super) fn read_to(&mut self, count: usize) -> Vec<Event> {
        while self.seen[0].len() < count {
            self.next_event();
        }
        let all = self.seen[0].clone();
        for (number, client) in self.clients.iter_mut().enumerate().skip(1) {
            let seen = &mut self.seen[number];
            while seen.last() != all.last() {
                seen.push(client.next_event());
                assert!(seen.len() <= all.len(), "client {number}: {seen:?}");
            }
            assert_eq!(seen[..], all[all.len() - seen.len()..], "client {number}");
        }
        all
    }

    /// Nobody's stream has ended: a browser would have had no `error`.
    #[track_caller]
    pub(super) fn assert_open(&self, gateway: &Gateway) {
        let series = r#"fantail_subscribers{protocol="h1",route="backend"}"#;
        assert_eq!(gateway.metric(series), self.clients.len() as f64);
        let begun = r#"fantail_subscriptions_total{protocol="h1",route="backend"}"#;
        assert_eq!(gateway.metric(begun), self.clients.len() as f64);
        assert!(self.clients.iter().all(|client| !client.is_ended_now()));
    }
}

/// What a browser takes for an event stream, and nothing of one client for all the others.
#[track_caller]
fn assert_head(client: &Client) {
    assert_eq!(client.status, 200, "{}", client.head);
    let head = client.head.to_ascii_lowercase();
    assert_eq!(head.matches("\r\ncontent-type:").count(), 1, "{head}");
    assert_eq!(client.header("content-type"), Some("text/event-stream"));
    assert_eq!(client.header("set-cookie"), None);
}

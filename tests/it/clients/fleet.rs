//! All clients at once: five engines that run for all tests, one test at a time.

use std::fmt;
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};

use super::driver::Driver;
use super::seen::Seen;
use crate::support::{until, way};

pub(super) const BROWSERS: [&str; 3] = ["chromium", "firefox", "webkit"];

/// Every kind of client, by the engine that it runs in.
const KINDS: [(&str, &[&str]); 5] = [
    ("chromium", IN_PAGES),
    ("firefox", IN_PAGES),
    ("webkit", IN_PAGES),
    ("node", &["eventsource", "undici"]),
    ("python", &["httpx-sse"]),
];
const IN_PAGES: &[&str] = &["native", "event-source-polyfill", "fetch-event-source"];

static IDLE: Mutex<Idle> = Mutex::new(Idle::NotStarted);

/// Where the engines are.
enum Idle {
    NotStarted,
    Taken,
    Here(Vec<Driver>),
}

/// The engines, for one test. Whatever they have open is left when it is dropped.
pub(super) struct Fleet {
    engines: Vec<Driver>,
    clients: Vec<Client>,
}

/// One stream in one client.
#[derive(Clone, Copy)]
pub(super) struct Client {
    engine: usize,
    name: (&'static str, &'static str),
    stream: u64,
}

// === impl Fleet ===

impl Fleet {
    /// Waits until no other test has them; the first one starts them.
    pub(super) fn take() -> Self {
        // As long as the tests before it take, each of which has patience of its own.
        let idle = loop {
            match Idle::take() {
                Idle::Taken => std::thread::park_timeout(Duration::from_millis(20)),
                idle => break idle,
            }
        };
        let mut fleet = Self {
            engines: Vec::new(),
            clients: Vec::new(),
        };
        if let Idle::Here(engines) = idle {
            fleet.engines = engines;
        } else {
            fleet.engines = KINDS.map(|(engine, _)| Driver::start(engine)).into();
            fleet
                .engines
                .iter_mut()
                .for_each(|driver| drop(driver.wait()));
        }
        fleet
    }

    /// A stream in each kind of client, all of which are open when this returns. A page asks its
    /// own origin, which is what it was loaded from: any answer will do.
    #[track_caller]
    pub(super) fn open(&mut self, address: SocketAddr, path: &str, names: &[&str]) -> Vec<Client> {
        let clients = self.begin(address, path, names);
        for client in &clients {
            self.until(*client, "is open", |seen| seen.state == 1);
        }
        clients
    }

    /// Likewise, without waiting.
    #[track_caller]
    pub(super) fn begin(&mut self, address: SocketAddr, path: &str, names: &[&str]) -> Vec<Client> {
        let origin = way::origin(address);
        for engine in BROWSERS {
            self.visit(engine, &format!("{origin}/a-page-of-this-origin"));
            self.ask(engine, "watch", json!({}));
        }
        let url = format!("{origin}{path}");
        let mut clients = Vec::new();
        for (engine, kinds) in KINDS {
            for kind in kinds {
                let values = json!({"kind": kind, "url": url, "names": names});
                clients.push(self.open_one((engine, kind), values));
            }
        }
        clients
    }

    /// One stream, opened with these values.
    #[track_caller]
    pub(super) fn open_one(&mut self, name: (&'static str, &'static str), values: Value) -> Client {
        let stream = self.ask(name.0, "open", values).as_u64().unwrap();
        let engine = KINDS.iter().position(|(engine, _)| *engine == name.0);
        let client = Client {
            engine: engine.unwrap(),
            name,
            stream,
        };
        self.clients.push(client);
        client
    }

    /// Goes to a page.
    #[track_caller]
    pub(super) fn visit(&mut self, engine: &str, url: &str) {
        // The streams of the page that is left end with it.
        self.clients.retain(|client| client.name.0 != engine);
        self.ask(engine, "go", json!({ "url": url }));
    }

    /// What an expression in JavaScript gives in the page.
    #[track_caller]
    pub(super) fn run(&mut self, engine: &str, script: &str) -> Value {
        self.ask(engine, "run", json!({ "script": script }))
    }

    fn leave(&mut self) {
        for client in std::mem::take(&mut self.clients) {
            if !BROWSERS.contains(&client.name.0) {
                self.close(client);
            }
        }
        for engine in BROWSERS {
            self.visit(engine, "about:blank");
        }
    }

    #[track_caller]
    pub(super) fn ask(&mut self, engine: &str, verb: &str, values: Value) -> Value {
        let mut engines = self.engines.iter_mut();
        let driver = engines.find(|driver| driver.engine() == engine);
        driver.unwrap().ask(verb, values)
    }

    /// What a client has seen so far.
    #[track_caller]
    pub(super) fn seen(&mut self, client: Client) -> Seen {
        let stream = json!({"stream": client.stream});
        Seen::of(&self.ask(client.name.0, "seen", stream))
    }

    /// The client leaves.
    #[track_caller]
    pub(super) fn close(&mut self, client: Client) {
        self.clients
            .retain(|open| open.stream != client.stream || open.engine != client.engine);
        self.ask(client.name.0, "close", json!({"stream": client.stream}));
    }

    /// Waits until what a client has seen is this, and gives it.
    #[track_caller]
    pub(super) fn until(
        &mut self,
        client: Client,
        what: &str,
        condition: impl Fn(&Seen) -> bool,
    ) -> Seen {
        let mut last = None;
        // Said in place of the words of `until`, which do not know what was seen.
        let seen = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            until(&format!("{client} {what}"), || {
                let seen = self.seen(client);
                last = Some(seen.clone());
                condition(&seen).then_some(seen)
            })
        }));
        seen.unwrap_or_else(|_| panic!("{client}, which never {what}: {last:#?}"))
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        let mut idle = Idle::NotStarted;
        // Who knows what they are at when a test has failed: the next one gets new ones.
        if !std::thread::panicking() {
            self.leave();
            idle = Idle::Here(std::mem::take(&mut self.engines));
        }
        drop(idle.put());
    }
}

// === impl Idle ===

impl Idle {
    fn take() -> Self {
        Self::Taken.put()
    }

    /// Gives what was in its place.
    fn put(self) -> Self {
        let mut idle = IDLE.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *idle, self)
    }
}

// === impl Client ===

impl fmt::Display for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (engine, kind) = self.name;
        write!(f, "{kind} ({engine})")
    }
}

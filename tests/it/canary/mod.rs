//! The canary: nobody ever sees what was meant for somebody else.
//!
//! A backend stamps every event with all that it saw of the request. Visitors come, go, come back
//! with their own last id or with somebody else's, on routes that share in every way there is; what
//! anybody reads must bear the stamp that a model, which knows nothing of Fantail, expects of that
//! visitor on that route. One gateway serves all cases, so that each one meets what others left.

mod visitor;

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use rstest::rstest;

use self::visitor::{Route, Visitor, visitor};
use crate::support::{Client, Exchange, Gateway, STREAM_HEAD, Upstream, Way, patience};

/// Each case is so many steps …
const STEPS: usize = 20;
/// … and so many cases are 10,000 steps.
const CASES: u32 = 500;

/// What an upstream may see although no route declares it: the same for every topic.
const CONSTANT: [&str; 5] = [
    "host",
    "accept",
    "accept-encoding",
    "cache-control",
    "connection",
];

const ROUTES: &str = r#"
[[route]]
path = "/public"
upstream = "{upstream}/public"
linger = "1s"
[[route]]
path = "/bearer"
upstream = "{upstream}/bearer"
headers = ["Authorization"]
linger = "1s"
[[route]]
path = "/session"
upstream = "{upstream}/session"
cookies = ["session"]
linger = "1s"
[[route]]
path = "/cookies"
upstream = "{upstream}/cookies"
headers = ["Cookie"]
linger = "1s"
[[route]]
path = "/tenant"
upstream = "{upstream}/tenant?x=1"
headers = ["X-Tenant"]
cookies = ["session"]
query = ["lang"]
linger = "1s"
[[route]]
path = "/rooms/{room}"
upstream = "{upstream}/rooms?room={room}"
variables = { room = "[a-c]" }
linger = "1s"
[[route]]
path = "/private"
upstream = "{upstream}/private"
share = "private"
[limits]
new_topics_per_second = 1000000
upstream_connects = 10000
accepts_per_second = 0
"#;

#[derive(Clone, Copy, Debug)]
enum Resume {
    Nothing,
    /// Any id that anybody has ever seen, by its place in that list.
    Stolen(usize),
}

#[derive(Clone, Debug)]
enum Step {
    Come(Visitor, Route, Resume),
    /// One of those who are there goes, and comes back with its own last id.
    Return(usize),
    Leave(usize),
    /// The backend says something on every stream, and everybody reads it.
    Tick,
}

/// A visitor who is there.
struct Guest {
    visitor: Visitor,
    route: Route,
    expected: String,
    client: Client,
    last_id: Option<String>,
}

// === what the backend sees ===

/// All of a request that is not the same for everybody, sorted.
fn stamp(exchange: &Exchange) -> String {
    let target = exchange.head.split(' ').nth(1).unwrap();
    let lines = exchange
        .head
        .lines()
        .skip(1)
        .filter_map(|line| line.split_once(": "));
    let lines = lines.map(|(name, value)| (name.to_ascii_lowercase(), value));
    let mut seen: Vec<String> = lines
        .filter(|(name, _)| !CONSTANT.contains(&&**name))
        .filter(|(name, value)| name != "user-agent" || !value.starts_with("fantail/"))
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    seen.sort();
    if seen.is_empty() {
        seen.push("anonymous".to_owned());
    }
    format!("{target} {}", seen.join(" "))
}

struct Site {
    gateway: Gateway,
    upstream: Upstream,
    /// By the number of the request.
    stamps: Arc<Mutex<HashMap<usize, String>>>,
    ticks: AtomicUsize,
    ids: Mutex<Vec<String>>,
    checked: AtomicUsize,
}

impl Site {
    fn open(way: Way) -> Self {
        let stamps: Arc<Mutex<HashMap<usize, String>>> = Arc::default();
        let kept = Arc::clone(&stamps);
        let upstream = Upstream::start(move |exchange| {
            let stamp = stamp(&exchange);
            kept.lock().unwrap().insert(exchange.number, stamp);
            exchange.stream_after(STREAM_HEAD);
        });
        Self {
            gateway: way.start(ROUTES, &upstream),
            upstream,
            stamps,
            ticks: AtomicUsize::new(0),
            ids: Mutex::default(),
            checked: AtomicUsize::new(0),
        }
    }

    fn come(&self, visitor: &Visitor, route: Route, resume: Option<&str>) -> Guest {
        let mut client = visitor.get(route, resume).stream(self.gateway.address());
        assert_eq!(client.status, 200, "{}", client.head);
        // `retry:` and a comment: what is there to read from here on is an event.
        client.line();
        client.line();
        Guest {
            visitor: visitor.clone(),
            route,
            expected: visitor.expected(route, resume),
            client,
            last_id: None,
        }
    }

    /// Every stream says its own stamp, under an id that no other event ever has.
    fn tick(&self) -> usize {
        let tick = self.ticks.fetch_add(1, Ordering::Relaxed);
        let stamps = self.stamps.lock().unwrap();
        self.upstream.emit_each(|number| {
            format!("id: {number}-{tick}\ndata: {tick} {}\n\n", stamps[&number])
        });
        tick
    }

    /// Reads on until the guest has seen something of this tick, or of a later one.
    fn read(&self, guest: &mut Guest, tick: usize) {
        let deadline = fantail::clock::now() + patience();
        loop {
            // A stream that was not open yet when it was said hears the next one.
            if !guest.client.has_more(Duration::from_millis(50)) {
                assert!(
                    fantail::clock::now() < deadline,
                    "{} is deaf",
                    guest.expected
                );
                self.tick();
                continue;
            }
            let event = guest.client.next_event();
            if event.name == "fantail.gap" {
                continue;
            }
            let (said_in, seen) = event.data.split_once(' ').unwrap();
            assert_eq!(
                seen, guest.expected,
                "{:?} {:?}",
                guest.route, guest.visitor
            );
            self.checked.fetch_add(1, Ordering::Relaxed);
            self.ids.lock().unwrap().extend(event.id.clone());
            guest.last_id = event.id;
            if said_in.parse::<usize>().unwrap() >= tick {
                return;
            }
        }
    }

    fn run(&self, steps: Vec<Step>) {
        let mut guests: Vec<Guest> = Vec::new();
        for step in steps {
            match step {
                Step::Come(visitor, route, resume) => {
                    let stolen = match resume {
                        Resume::Stolen(place) => {
                            let ids = self.ids.lock().unwrap();
                            ids.get(place % ids.len().max(1)).cloned()
                        }
                        Resume::Nothing => None,
                    };
                    guests.push(self.come(&visitor, route, stolen.as_deref()));
                }
                Step::Return(place) if !guests.is_empty() => {
                    let old = guests.swap_remove(place % guests.len());
                    drop(old.client);
                    guests.push(self.come(&old.visitor, old.route, old.last_id.as_deref()));
                }
                Step::Leave(place) if !guests.is_empty() => {
                    guests.swap_remove(place % guests.len());
                }
                Step::Return(_) | Step::Leave(_) | Step::Tick => self.everybody_reads(&mut guests),
            }
        }
        self.everybody_reads(&mut guests);
    }

    fn everybody_reads(&self, guests: &mut [Guest]) {
        let tick = self.tick();
        for guest in guests {
            self.read(guest, tick);
        }
    }
}

// === cases ===

fn step() -> impl Strategy<Value = Step> {
    use Route::{Bearer, Cookies, Private, Public, Room, Session, Tenant};
    let routes = vec![Public, Bearer, Session, Cookies, Tenant, Room, Private];
    let route = prop::sample::select(routes);
    let resume = prop_oneof![
        Just(Resume::Nothing),
        any::<usize>().prop_map(Resume::Stolen)
    ];
    prop_oneof![
        5 => (visitor(), route, resume).prop_map(|(v, route, resume)| Step::Come(v, route, resume)),
        2 => any::<usize>().prop_map(Step::Return),
        2 => any::<usize>().prop_map(Step::Leave),
        1 => Just(Step::Tick),
    ]
}

#[rstest]
fn in_thousands_of_random_steps_nobody_sees_what_was_meant_for_another(
    #[values((Way::Plain, CASES), (Way::H2, CASES / 10))] (way, cases): (Way, u32),
) {
    let site = Site::open(way);
    let config = Config {
        cases,
        failure_persistence: None,
        max_shrink_iters: 200,
        ..Config::default()
    };
    let case = prop::collection::vec(step(), STEPS);
    let result = TestRunner::new(config).run(&case, |steps| {
        site.run(steps);
        Ok(())
    });
    result.unwrap_or_else(|failure| panic!("{failure}"));
    let checked = site.checked.load(Ordering::Relaxed);
    let requests = site.upstream.requests().len();
    let cases = cases as usize;
    assert!(
        checked > cases * 20 && requests > cases * 2,
        "{checked} {requests}"
    );
}

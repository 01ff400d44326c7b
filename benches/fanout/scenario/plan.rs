//! Which scenarios a set has, who takes part in each, and how long all that will take.

use super::{both, burst, fanout, idle, pair, restart, sharing, without_bare};
use crate::cli::{Options, Scenario};
use crate::server::Kind;
use crate::server::peers::{Peer, Peers};
use crate::trial::Trial;

/// `fanout` over the number of clients.
const CLIENTS: [usize; 5] = [100, 1000, 3000, 10_000, 18_000];
const TOPICS: [usize; 4] = [1, 100, 1000, 10_000];
const QUICK_CLIENTS: [usize; 3] = [100, 300, 1000];
const QUICK_TOPICS: [usize; 3] = [1, 10, 100];

/// Of a curve, where all peers take part, and where only the one that gathers so many clients in
/// seconds; elsewhere Fantail and the bare loop show its shape.
const WITH_PEERS: usize = 1000;
const WITH_NCHAN: usize = 10_000;

/// Of HTTP/2 with one stream on each connection: 10,000 of them fill a core with 10 events/s, and a
/// server that can do no more costs what a core costs, however much it would need.
/// 5,000 come near that in a slow moment.
const MOST_BY_HTTP2: usize = 4000;

/// Linux acknowledges so many segments of a new connection one by one, and that is work for the
/// server: <https://github.com/torvalds/linux/blob/v6.12/include/net/tcp.h>, `TCP_MAX_QUICKACKS`.
/// The head is one of them, each event is one.
const SEGMENTS_ACKNOWLEDGED_AT_ONCE: f64 = 16.0;

/// Seconds until a client that does not read takes no more: 24 KiB of its buffer, 10 KB a second.
const UNTIL_FULL: f64 = 4.0;

/// The events that are under way when a window begins and ends are not counted.
const MARGIN: f64 = 1.05;

/// The peers that need one descriptor for each client in one process.
const HUBS: [Peer; 2] = [Peer::Nchan, Peer::Pushpin];

/// The hubs, and of the reverse proxies, which all do the same, two.
const OF_EACH_KIND: [Peer; 4] = [Peer::Nchan, Peer::Pushpin, Peer::Nginx, Peer::Haproxy];

/// Start and stop of all processes; what one client more adds, and what its handshake does.
const SECONDS_EACH: f64 = 0.3;
const CLIENTS_PER_SECOND: f64 = 7000.0;
const HANDSHAKES_PER_SECOND: f64 = 2500.0;

/// The slowest of the peers.
const PUSHPINS_CLIENTS_PER_SECOND: f64 = 1500.0;

/// On each topic's client: a client and an upstream, with room for the rest.
const SPARE_DESCRIPTORS: u64 = 1000;

/// A scenario, and the options that it has in its set.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) scenario: Scenario,
    pub(super) options: Options,
}

pub(super) fn expand(scenario: Option<&Scenario>, quick: bool, options: &Options) -> Vec<Step> {
    let set = Set(options);
    match scenario {
        Some(Scenario::All) if quick => set.everything_small(),
        Some(Scenario::All) => set.everything(),
        Some(Scenario::Curves) if quick => set.curves(&QUICK_CLIENTS, &QUICK_TOPICS),
        Some(Scenario::Curves) => set.curves(&CLIENTS, &topic_steps()),
        Some(Scenario::TlsTable) => {
            let peers = vec![Peers::One(Peer::Nchan)];
            let options = Options {
                peers,
                ..options.clone()
            };
            Set(&options).by_tls(if quick { 1000 } else { 10_000 })
        }
        None => sanity().map(|scenario| set.alone(scenario)).into(),
        Some(one) => vec![set.with_all(one.clone())],
    }
}

impl Step {
    /// Sides × rounds × (warm-up, window, start and stop).
    pub(super) fn expected_seconds(&self) -> f64 {
        let options = &self.options;
        let (sides, clients) = size(&self.scenario, options);
        let has_pushpin = Peers::chosen(&options.peers).contains(&Peer::Pushpin);
        let window = match self.scenario {
            Scenario::Burst { .. } => options.window * burst::WINDOWS,
            Scenario::Restart { .. } => options.window.max(restart::SHORTEST_WINDOW),
            Scenario::Idle { .. } => options.window.min(idle::LONG_ENOUGH),
            Scenario::Connect { .. } | Scenario::Resume { .. } => 1.0,
            Scenario::Storm { .. } => options.warmup + 1.0,
            _ => options.window,
        };
        let clients = clients as f64;
        let mut start_and_stop = SECONDS_EACH + clients / CLIENTS_PER_SECOND;
        if options.tls {
            start_and_stop += clients / HANDSHAKES_PER_SECOND;
        }
        let trial = options.warmup + window + start_and_stop;
        let slower = if has_pushpin {
            clients / PUSHPINS_CLIENTS_PER_SECOND
        } else {
            0.0
        };
        let saved = match self.scenario {
            Scenario::Fanout { clients, rate } | Scenario::Burst { clients, rate }
                if sharing::is_possible(clients, rate, options) =>
            {
                options.warmup + window
            }
            _ => 0.0,
        };
        options.rounds as f64 * (sides as f64 * trial + slower - saved)
    }
}

pub(super) fn print(steps: &[Step]) {
    for step in steps {
        let (sides, _) = size(&step.scenario, &step.options);
        let seconds = step.expected_seconds();
        let way = step.options.way();
        println!("{seconds:5.0} s  {sides} servers  {:?}{way}", step.scenario);
    }
}

/// How many servers take part, and how many clients come to each.
fn size(scenario: &Scenario, options: &Options) -> (usize, usize) {
    let (readers, clients) = match *scenario {
        Scenario::Fanout { clients, .. }
        | Scenario::Hot { clients, .. }
        | Scenario::Burst { clients, .. }
        | Scenario::Topics { clients, .. }
        | Scenario::Stalled { clients, .. }
        | Scenario::Slow { clients, .. }
        | Scenario::Restart { clients, .. }
        | Scenario::Idle { clients }
        | Scenario::Connect { clients } => (clients, clients),
        // They come twice.
        Scenario::Resume { clients, .. } | Scenario::Storm { clients, .. } => {
            (clients, 2 * clients)
        }
        Scenario::Pages { connections, .. } => (connections, connections),
        Scenario::Curves | Scenario::TlsTable | Scenario::All => (0, 0),
    };
    let trial = Trial::new(readers, 1.0);
    let mut all = both(trial, options);
    all.retain(|(_, trial)| match trial.kind {
        Kind::Peer(peer) => peer.absence(readers, options).is_none(),
        Kind::Subject | Kind::Tls | Kind::H2 | Kind::Bare => true,
    });
    let two = pair(trial, options).len();
    let sides = match scenario {
        Scenario::Restart { .. } | Scenario::Resume { .. } | Scenario::Storm { .. } => {
            without_bare(all).len()
        }
        Scenario::Topics { .. } => two,
        Scenario::Stalled { .. } => 2 + 2 * (all.len() - two),
        Scenario::Slow { .. } => 2,
        Scenario::Pages { .. } => 3,
        _ => all.len(),
    };
    (sides, clients)
}

/// What is asked of all its scenarios; the peers are those that may take part.
struct Set<'a>(&'a Options);

impl Set<'_> {
    fn with_all(&self, scenario: Scenario) -> Step {
        let options = self.0.clone();
        Step { scenario, options }
    }

    /// With those of these peers that were chosen.
    fn among(&self, scenario: Scenario, peers: &[Peer]) -> Step {
        let chosen = Peers::chosen(&self.0.peers);
        let peers = chosen.into_iter().filter(|peer| peers.contains(peer));
        let options = Options {
            peers: peers.map(Peers::One).collect(),
            ..self.0.clone()
        };
        Step { scenario, options }
    }

    fn alone(&self, scenario: Scenario) -> Step {
        self.among(scenario, &[])
    }

    fn everything(&self) -> Vec<Step> {
        let hot = |clients, rate| Scenario::Hot { clients, rate };
        let (clients, rate) = (10_000, 10.0);
        let mut all = self.curves(&CLIENTS, &topic_steps());
        all.extend([
            self.among(hot(1000, 3000.0), &HUBS),
            self.alone(hot(1000, 6000.0)),
            fewer_rounds(self.among(Scenario::Idle { clients: 15_000 }, &HUBS)),
            longer(self.alone(a_tenth_stalled(1000))),
            self.alone(Scenario::Slow {
                clients: 1000,
                fraction: 0.1,
                rate: 100.0,
            }),
            fewer_rounds(self.among(Scenario::Connect { clients }, &HUBS)),
            self.alone(Scenario::Resume { clients, rate }),
            self.alone(Scenario::Burst { clients, rate: 4.0 }),
            fewer_rounds(self.among(
                Scenario::Restart {
                    clients: 1000,
                    rate,
                },
                &OF_EACH_KIND,
            )),
            self.alone(Scenario::Pages {
                connections: 32,
                page_bytes: 1024,
            }),
        ]);
        all.extend(self.by_tls(clients));
        all
    }

    fn everything_small(&self) -> Vec<Step> {
        let (clients, rate) = (1000, 10.0);
        let a_hub_and_a_proxy = [Peer::Nchan, Peer::Nginx];
        let mut all = self.curves(&QUICK_CLIENTS, &QUICK_TOPICS);
        let [_, hot, idle, stalled] = sanity();
        all.extend([
            self.alone(hot),
            self.with_all(idle),
            self.alone(stalled),
            self.among(Scenario::Connect { clients }, &a_hub_and_a_proxy),
            self.alone(Scenario::Resume { clients, rate }),
            self.alone(Scenario::Burst { clients, rate: 4.0 }),
            self.among(Scenario::Restart { clients, rate }, &a_hub_and_a_proxy),
        ]);
        all.extend(self.by_tls(clients));
        all
    }

    fn curves(&self, clients: &[usize], topics: &[usize]) -> Vec<Step> {
        let fanouts = clients.iter().map(|clients| {
            let fanout = Scenario::Fanout {
                clients: *clients,
                rate: 10.0,
            };
            let step = match *clients {
                WITH_PEERS => self.with_all(fanout),
                WITH_NCHAN => self.among(fanout, &[Peer::Nchan]),
                _ => self.alone(fanout),
            };
            let step = patient(step);
            // They take longer to gather than to be measured.
            if *clients > WITH_NCHAN {
                fewer_rounds(step)
            } else {
                step
            }
        });
        // The clients stay: what changes is how many topics they are spread over.
        let most = topics.iter().copied().max().unwrap_or(1);
        let topics = topics.iter().map(|topics| {
            self.alone(Scenario::Topics {
                topics: *topics,
                clients: most,
                rate: 1.0,
            })
        });
        fanouts.chain(topics).collect()
    }

    /// The table of TLS: what a client, a delivery and a handshake cost, beside nginx with Nchan.
    fn by_tls(&self, clients: usize) -> Vec<Step> {
        let rate = 10.0;
        let fanout = |clients| Scenario::Fanout { clients, rate };
        let idle = || Scenario::Idle { clients };
        let storm = Scenario::Storm { clients, rate: 1.0 };
        let by_http2 = fanout(clients.min(MOST_BY_HTTP2));
        let mut steps = [fanout(clients), idle(), storm, by_http2, idle()]
            .map(|one| self.among(one, &[Peer::Nchan]));
        for (nth, step) in steps.iter_mut().enumerate() {
            step.options.tls = true;
            step.options.h2 = nth >= 3;
        }
        let [fanout, idle, storm, fanout_h2, idle_h2] = steps;
        vec![
            patient(fanout),
            fewer_rounds(idle),
            fewer_rounds(storm),
            one_round_more(patient(fanout_h2)),
            fewer_rounds(idle_h2),
        ]
    }
}

/// As long as a judged p99 needs, and not before TCP has settled; `--quick` asks whether all works.
fn patient(mut step: Step) -> Step {
    if let Scenario::Fanout { clients, rate } = step.scenario
        && !step.options.quick
    {
        let options = &mut step.options;
        options.warmup = options.warmup.max(SEGMENTS_ACKNOWLEDGED_AT_ONCE / rate);
        if clients >= fanout::MANY {
            let enough = MARGIN * fanout::EVENTS_FOR_A_P99 / rate;
            options.window = options.window.max(enough);
        }
    }
    step
}

/// A p99 that may differ by a tenth wants more than a moment, and none in which those who do not read are
/// still written to, nor one in which they have been ended: two of these windows, one for each side, and
/// what goes before are less than the server's `stall_timeout`.
fn longer(mut step: Step) -> Step {
    step.options.warmup = step.options.warmup.max(UNTIL_FULL);
    step.options.window *= 2.0;
    one_round_more(step)
}

/// Where a full core is near, and rounds differ by more.
fn one_round_more(mut step: Step) -> Step {
    step.options.rounds += usize::from(!step.options.quick);
    step
}

/// Memory, and who is cut off, are the same each time; a storm is ten thousand times the same.
fn fewer_rounds(mut step: Step) -> Step {
    step.options.rounds = step.options.rounds.min(2);
    step
}

/// Of a few seconds.
fn sanity() -> [Scenario; 4] {
    let (clients, rate) = (100, 10.0);
    [
        Scenario::Fanout { clients, rate },
        Scenario::Hot {
            clients,
            rate: 3000.0,
        },
        Scenario::Idle { clients },
        a_tenth_stalled(clients),
    ]
}

/// A topic has an upstream and a client, each with a descriptor: fewer, where there are not enough.
fn topic_steps() -> [usize; 4] {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    let descriptors = limit.current.unwrap_or(u64::MAX);
    let most = (descriptors.saturating_sub(SPARE_DESCRIPTORS) / 2 / 1000 * 1000) as usize;
    TOPICS.map(|topics| topics.min(most.max(1)))
}

fn a_tenth_stalled(clients: usize) -> Scenario {
    Scenario::Stalled {
        clients,
        fraction: 0.1,
        rate: 100.0,
    }
}

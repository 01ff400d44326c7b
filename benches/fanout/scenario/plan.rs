//! Which scenarios a set has, and how long it will take.

use super::{both, pair, without_bare};
use crate::cli::{Options, Scenario};
use crate::trial::Trial;

/// `fanout` over the number of clients.
const CLIENTS: [usize; 6] = [100, 300, 1000, 3000, 10_000, 18_000];
const TOPICS: [usize; 5] = [1, 10, 100, 1000, 10_000];
const QUICK_CLIENTS: [usize; 3] = [100, 300, 1000];
const QUICK_TOPICS: [usize; 3] = [1, 10, 100];

/// Start and stop of all processes; what one client more adds.
const SECONDS_EACH: f64 = 1.5;
const CLIENTS_PER_SECOND: f64 = 5000.0;

/// On each topic's client: a client and an upstream, with room for the rest.
const SPARE_DESCRIPTORS: u64 = 1000;

pub(super) fn expand(scenario: Option<&Scenario>, quick: bool) -> Vec<Scenario> {
    match scenario {
        Some(Scenario::All) if quick => everything_small(),
        Some(Scenario::All) => everything(),
        Some(Scenario::Curves) if quick => curves(&QUICK_CLIENTS, &QUICK_TOPICS),
        Some(Scenario::Curves) => curves(&CLIENTS, &topic_steps()),
        None => sanity(),
        Some(one) => vec![one.clone()],
    }
}

/// Sides × rounds × (warm-up, window, start and stop), all added up.
pub(super) fn expected_seconds(scenarios: &[Scenario], options: &Options) -> f64 {
    let of_one = |scenario: &Scenario| {
        let (sides, clients) = size(scenario, options);
        let windows = match scenario {
            Scenario::Burst { .. } => options.window * 2.0,
            Scenario::Restart { .. } => options.window.max(9.0),
            Scenario::Connect { .. } | Scenario::Resume { .. } => 1.0,
            Scenario::Storm { .. } => options.warmup + 1.0,
            _ => options.window,
        };
        let start_and_stop = SECONDS_EACH + clients as f64 / CLIENTS_PER_SECOND;
        let trial = options.warmup + windows + start_and_stop;
        sides as f64 * options.rounds as f64 * trial
    };
    scenarios.iter().map(of_one).sum()
}

/// How many servers take part, and how many clients come to each.
fn size(scenario: &Scenario, options: &Options) -> (usize, usize) {
    let trial = Trial::new(1, 1.0);
    let (two, all) = (pair(trial, options), both(trial, options));
    match *scenario {
        Scenario::Fanout { clients, .. }
        | Scenario::Hot { clients, .. }
        | Scenario::Burst { clients, .. }
        | Scenario::Idle { clients }
        | Scenario::Connect { clients } => (all.len(), clients),
        Scenario::Restart { clients, .. } => (without_bare(all).len(), clients),
        Scenario::Topics { clients, .. } => (two.len(), clients),
        Scenario::Resume { clients, .. } | Scenario::Storm { clients, .. } => {
            (without_bare(all).len(), 2 * clients)
        }
        Scenario::Stalled { clients, .. } => (2 + 2 * (all.len() - two.len()), clients),
        Scenario::Pages { connections, .. } => (3, connections),
        Scenario::Curves | Scenario::All => (0, 0),
    }
}

fn everything() -> Vec<Scenario> {
    let hot = |clients, rate| Scenario::Hot { clients, rate };
    let (clients, rate) = (10_000, 10.0);
    let mut all = vec![
        hot(1000, 3000.0),
        hot(1000, 6000.0),
        Scenario::Idle { clients: 15_000 },
        a_tenth_stalled(1000),
        Scenario::Connect { clients },
        Scenario::Resume { clients, rate },
        Scenario::Burst { clients, rate: 4.0 },
        Scenario::Restart {
            clients: 1000,
            rate,
        },
        Scenario::Pages {
            connections: 32,
            page_bytes: 1024,
        },
    ];
    all.splice(0..0, curves(&CLIENTS, &topic_steps()));
    all
}

fn everything_small() -> Vec<Scenario> {
    let (clients, rate) = (1000, 10.0);
    let mut all = sanity();
    all.remove(0);
    all.splice(0..0, curves(&QUICK_CLIENTS, &QUICK_TOPICS));
    all.extend([
        Scenario::Connect { clients },
        Scenario::Resume { clients, rate },
        Scenario::Burst { clients, rate: 4.0 },
        Scenario::Restart { clients, rate },
    ]);
    all
}

/// Of a few seconds.
fn sanity() -> Vec<Scenario> {
    let (clients, rate) = (100, 10.0);
    vec![
        Scenario::Fanout { clients, rate },
        Scenario::Hot {
            clients,
            rate: 3000.0,
        },
        Scenario::Idle { clients },
        a_tenth_stalled(clients),
    ]
}

fn curves(clients: &[usize], topics: &[usize]) -> Vec<Scenario> {
    let fanouts = clients.iter().map(|clients| Scenario::Fanout {
        clients: *clients,
        rate: 10.0,
    });
    // The clients stay: what changes is how many topics they are spread over.
    let most = topics.iter().copied().max().unwrap_or(1);
    let topics = topics.iter().map(|topics| Scenario::Topics {
        topics: *topics,
        clients: most,
        rate: 1.0,
    });
    fanouts.chain(topics).collect()
}

/// A topic has an upstream and a client, each with a descriptor: fewer, where there are not enough.
fn topic_steps() -> [usize; 5] {
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

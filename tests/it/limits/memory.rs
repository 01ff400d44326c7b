//! `memory`: what is scarce is taken from logs first, then from newcomers, and never from whoever is
//! here and keeps up. The process is one of its own, since it is its memory that counts.

use super::{assert_hard, assert_soft};
use crate::support::{Client, Get, Process, Upstream, eventually};

/// Bytes; what is allowed in these tests.
const MEMORY: u64 = 96 << 20;
const STATE: &str = "fantail_overload_state";
const LOG_LIMIT: &str = r#"fantail_buffered_limit_bytes{kind="log"}"#;

fn serve(upstream: &Upstream) -> Process {
    let toml = "[limits]\nmemory = \"96MiB\"\n[[route]]\nname = \"events\"\npath = \"/{name}\"\n\
                mode = \"sse\"\nupstream = \"{upstream}/{name}\"\nlinger = \"10ms\"\n\
                replay = { events = 10000, bytes = \"16MiB\" }\n";
    Process::serve(toml, upstream, 1024)
}

/// Readers of so many topics.
fn readers(process: &Process, upstream: &Upstream, topics: usize) -> Vec<Client> {
    let readers = (0..topics)
        .map(|topic| Get::new(&format!("/{topic}")).stream(process.address()))
        .collect();
    upstream.wait_for_streams(topics);
    readers
}

/// Each reader gets what is said next, and not a gap.
fn say(upstream: &Upstream, readers: &mut [Client], data: &str) {
    assert_eq!(upstream.emit(&format!("data: {data}\n\n")), readers.len());
    for reader in readers {
        let event = reader.next_event();
        assert_eq!((event.name.as_str(), event.data.len()), ("", data.len()));
    }
}

#[test]
fn logs_are_shortened_before_memory_is_used_up_and_who_keeps_up_misses_nothing() {
    let upstream = Upstream::live();
    let process = serve(&upstream);
    assert_eq!(process.metric(LOG_LIMIT), f64::from(256 << 20));
    let mut readers = readers(&process, &upstream, 8);
    let data = "x".repeat(64 << 10);
    let mut worst = 0.0_f64;
    // 128 MiB would fit into the logs, more than all the memory there is.
    for _ in 0..256 {
        say(&upstream, &mut readers, &data);
        assert!(process.memory("VmRSS") < MEMORY);
        worst = process.metric(STATE).max(worst);
    }
    assert!(worst >= 1.0, "that was enough");
    drop(readers);
    eventually("there is enough again", || process.metric(STATE) == 0.0);
    assert_eq!(process.metric(LOG_LIMIT), f64::from(256 << 20));
}

#[test]
fn newcomers_are_turned_away_while_memory_is_nearly_used_up_and_who_is_here_stays() {
    let upstream = Upstream::live();
    let process = serve(&upstream);
    let ready = || Get::new("/readyz?verbose").connect(process.admin());
    assert_eq!(ready().status, 200);
    // A log keeps its newest frame in any case.
    let mut readers = readers(&process, &upstream, 100);
    say(&upstream, &mut readers, &"x".repeat(900 << 10));
    eventually("memory is nearly used up", || process.metric(STATE) == 2.0);
    let mut answer = ready();
    assert_eq!(answer.status, 503);
    assert!(answer.body().contains("memory: failed"));
    assert_soft(Get::new("/0").stream(process.address()));
    assert_hard(&Get::new("/0").connect(process.address()), 503);
    let rejects = "fantail_rejects_total{listener=\"127.0.0.1:0\",reason=\"overload\"}";
    assert_eq!(process.metric(rejects), 2.0);
    // Whoever is here still gets events, the first of which lets the large ones go.
    say(&upstream, &mut readers, "small");
    eventually("there is enough again", || process.metric(STATE) == 0.0);
    assert_eq!(ready().status, 200);
    let mut late = Get::new("/0").stream(process.address());
    upstream.emit("data: late\n\n");
    assert_eq!(late.next_event().data, "late");
}

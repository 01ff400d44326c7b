//! Every limit of `[limits]` reached once: its answer, its metric, and that it lets go again.
//!
//! The two deadlines of a connection's first bytes are in [`crate::attacks`], beside the clients
//! that make them fall due.

mod connections;
mod delivery;
mod descriptors;
mod heads;
mod idle;
mod memory;
mod proxied;
mod topics;
mod upstreams;

use crate::support::{Client, Gateway, Get, Upstream};

/// A gateway with these limits, in front of whatever `/{name}` is at the upstream.
fn gateway(limits: &str, upstream: &Upstream) -> Gateway {
    let route = "[[route]]\nname = \"events\"\npath = \"/{name}\"\nmode = \"sse\"\n\
                 upstream = \"{upstream}/{name}\"\nquery = [\"lang\"]\nlinger = \"10ms\"\n";
    Gateway::start(&format!("[limits]\n{limits}\n{route}"), upstream)
}

fn rejects(gateway: &Gateway, reason: &str) -> f64 {
    let of = |name: &str| format!("{name}{{listener=\"127.0.0.1:0\",reason=\"{reason}\"}}");
    gateway.metric(&of("fantail_rejects_total"))
}

fn soft_rejects(gateway: &Gateway, reason: &str) -> f64 {
    let of = |name: &str| format!("{name}{{listener=\"127.0.0.1:0\",reason=\"{reason}\"}}");
    gateway.metric(&of("fantail_soft_rejects_total"))
}

/// "Come back later" as a browser obeys it: a stream that names a long time and ends.
#[track_caller]
fn assert_soft(mut client: Client) {
    assert_eq!(client.status, 200, "{}", client.head);
    assert_eq!(client.header("content-type"), Some("text/event-stream"));
    assert_eq!(client.header("connection"), Some("close"));
    client.expect_end();
    let retry = client.retry.expect("a retry");
    assert!((5_000..=60_000).contains(&retry), "retry: {retry}");
}

/// The same for everybody else.
#[track_caller]
fn assert_hard(client: &Client, status: u16) {
    assert_eq!(client.status, status, "{}", client.head);
    assert_eq!(client.header("retry-after"), Some("10"));
}

/// Both forms of a refusal, each counted once.
#[track_caller]
fn assert_refused(gateway: &Gateway, get: impl Fn() -> Get, reason: &str, status: u16) {
    let before = (rejects(gateway, reason), soft_rejects(gateway, reason));
    assert_soft(get().stream(gateway.address()));
    assert_hard(&get().connect(gateway.address()), status);
    let after = (rejects(gateway, reason), soft_rejects(gateway, reason));
    assert_eq!(after, (before.0 + 2.0, before.1 + 1.0), "{reason}");
}

//! Snapshots and conflation, over every way into a gateway.

mod conflate;
mod rate;
mod snapshot;

use crate::support::{Client, Gateway, Upstream, Way};

/// A gateway whose events are about their symbol, and its witness, who has been there from the
/// begin and reads everything.
fn quotes(way: Way, upstream: &Upstream, keys: &str) -> (Gateway, Client) {
    let gateway = way.route(upstream, &format!("key = \"json:/s\"\n{keys}"));
    let witness = gateway.subscribe();
    upstream.wait_for_streams(1);
    (gateway, witness)
}

fn quote(symbol: &str, price: usize) -> String {
    format!("{{\"s\":\"{symbol}\",\"p\":{price}}}")
}

/// Says these, each once the witness has seen the one before.
fn say(upstream: &Upstream, witness: &mut Client, events: impl IntoIterator<Item = String>) {
    for data in events {
        upstream.emit(&format!("data: {data}\n\n"));
        while witness.next_event().data != data {}
    }
}

/// What a client gets until this comes.
fn up_to(client: &mut Client, last: &str) -> Vec<String> {
    let mut got = Vec::new();
    while got.last().is_none_or(|data| data != last) {
        let event = client.next_event();
        assert_ne!(event.name, "fantail.gap", "after {got:?}");
        got.push(event.data);
    }
    got
}

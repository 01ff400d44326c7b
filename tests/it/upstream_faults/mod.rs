//! Broken and hostile upstreams (`trust.md` 3.E): what the client gets, cold and after the topic has
//! been live, which reason is counted, and that nobody else notices.

mod answers;
mod bodies;
mod cold;
mod flaps;
mod giants;
mod incomplete;
mod live;
mod minute;
mod modes;
mod odd;
mod text;
mod tls;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::support::{Client, Exchange, Gateway, Get, STREAM_HEAD, Upstream, Way, eventually};

const ROUTES: &str = r#"
[[route]]
name = "faulty"
path = "/faulty"
upstream = "{upstream}/faulty"
timeouts = { connect = "500ms", head = "300ms", silence = "0s" }
KEYS

[[route]]
name = "sound"
path = "/sound"
upstream = "{upstream}/sound"
"#;

fn gateway(upstream: &Upstream, keys: &str) -> Gateway {
    by(Way::Plain, upstream, keys)
}

fn by(way: Way, upstream: &Upstream, keys: &str) -> Gateway {
    way.start(&ROUTES.replace("KEYS", keys), upstream)
}

/// `/sound` streams; `/faulty` does what the script says.
fn faulty(script: impl Fn(Exchange) + Send + Sync + 'static) -> Upstream {
    Upstream::start(move |mut exchange| {
        if exchange.head.starts_with("GET /sound ") {
            exchange.send(STREAM_HEAD);
            exchange.stream();
        } else {
            script(exchange);
        }
    })
}

/// Likewise, but first it streams one event, and goes bad once it is told to.
fn turning(script: impl Fn(Exchange) + Send + Sync + 'static) -> (Upstream, Arc<AtomicBool>) {
    let is_bad = Arc::new(AtomicBool::new(false));
    let turned = Arc::clone(&is_bad);
    let upstream = faulty(move |mut exchange| {
        if turned.load(Ordering::SeqCst) {
            return script(exchange);
        }
        exchange.send(STREAM_HEAD);
        let number = exchange.number;
        exchange.send(format!("id: {number}\ndata: good\n\n"));
        while exchange.rest_for(Duration::from_millis(5)) && !turned.load(Ordering::SeqCst) {}
    });
    (upstream, is_bad)
}

fn errors(gateway: &Gateway, upstream: &Upstream, reason: &str) -> f64 {
    let origin = upstream.address();
    let name = "fantail_upstream_errors_total";
    gateway.metric(&format!(
        "{name}{{reason=\"{reason}\",upstream=\"http://{origin}\"}}"
    ))
}

#[track_caller]
fn assert_counted(gateway: &Gateway, upstream: &Upstream, reason: &str) {
    eventually(&format!("{reason} is counted"), || {
        errors(gateway, upstream, reason) >= 1.0
    });
}

/// Another topic of the same upstream, to be looked at once the trouble is there.
struct Bystander(Client);

impl Bystander {
    fn of(gateway: &Gateway, upstream: &Upstream) -> Self {
        Self::at(gateway.address(), upstream)
    }

    fn at(gateway: SocketAddr, upstream: &Upstream) -> Self {
        let client = Get::new("/sound").stream(gateway);
        upstream.wait_for_streams(1);
        Self(client)
    }

    #[track_caller]
    fn assert_served(&mut self, upstream: &Upstream) {
        upstream.emit("data: sound\n\n");
        assert_eq!(self.0.next_event().data, "sound");
    }
}

/// The comment that a held stream begins with.
#[track_caller]
fn reason_of(client: &mut Client) -> String {
    loop {
        let line = client.line().expect("a reason before the end");
        if let Some((_, reason)) = line.split_once("in trouble (") {
            return reason.split(')').next().unwrap_or_default().to_owned();
        }
    }
}

//! `fantail demo`: a built-in market behind the real gateway, and a page that shows it.
//!
//! Layer 5, a room beside `cli`: may import `app` and `config`. One binary, no network, no
//! configuration; every byte that the page sees went the way that a backend's would.

mod stats;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::app::Setup;
use crate::config::{Config, Listen, Route, Server};
use crate::edge::template::{PathTemplate, TemplateFault, UpstreamTemplate};
use crate::edge::{Mode, Page, QueryRule, Share};
use crate::metrics::Metrics;
use crate::source::ticker::{DEFAULT_RATE, Ticker};
use crate::source::{Source, Sources};
use crate::topic_key::{RouteId, TopicKey};
use crate::{delivery, edge, hub, ingest, source};

const PAGE: &str = include_str!("page.html");
const PRICES: &str = "prices";
const STATS: &str = "stats";
/// A demo is stopped by somebody who waits for it.
const DRAIN: Duration = Duration::from_secs(1);

/// Opens the built-in sources.
struct DemoSources {
    market: Arc<Ticker>,
    stats: Arc<stats::Stats>,
}

impl Sources for DemoSources {
    fn source(&self, _route: RouteId, key: &TopicKey) -> Arc<dyn Source> {
        if key.url() == UpstreamTemplate::builtin(PRICES).as_str() {
            Arc::<Ticker>::clone(&self.market)
        } else {
            Arc::<stats::Stats>::clone(&self.stats)
        }
    }
}

/// The gateway of the demo.
pub fn setup(listen: SocketAddr, admin: SocketAddr) -> Result<Setup, TemplateFault> {
    let metrics = Metrics::new();
    let market_upstream = UpstreamTemplate::builtin(PRICES);
    let stats = stats::Stats::new(
        metrics.route(PRICES),
        metrics.upstream(market_upstream.origin()),
    );
    let market = Ticker::new(fastrand::u64(..), DEFAULT_RATE);
    let config = Config {
        memory: 0,
        server: Server {
            listen: vec![Listen::Tcp(listen)],
            drain: DRAIN,
            drain_delay: Duration::ZERO,
            ..Server::default()
        },
        is_listen_given: true,
        tls: None,
        admin: Some(admin),
        hub: hub::Options::default(),
        edge: edge::Options::default(),
        ingest: ingest::Limits::default(),
        delivery: delivery::ShardOptions::default(),
        routes: vec![route(PRICES)?, route(STATS)?],
    };
    let page = Page {
        content_type: "text/html; charset=utf-8",
        body: Bytes::from_static(PAGE.as_bytes()),
    };
    Ok(Setup {
        config,
        metrics,
        sources: Arc::new(DemoSources {
            market: Arc::new(market),
            stats: Arc::new(stats),
        }),
        pages: vec![("/", page)],
    })
}

fn route(name: &'static str) -> Result<Route, TemplateFault> {
    Ok(Route {
        name: name.to_owned(),
        path: PathTemplate::parse(&format!("/{name}"))?,
        upstream: UpstreamTemplate::builtin(name),
        mode: Mode::Sse,
        query: QueryRule::default(),
        headers: Vec::new(),
        cookies: Vec::new(),
        share: Share::default(),
        cors: None,
        topic: hub::TopicOptions::default(),
        delivery: delivery::Options::default(),
        ingest: ingest::Options::default(),
        source: source::Options::default(),
        pass: edge::PassOptions::default(),
    })
}

/// What a person reads who has just started the demo.
pub fn welcome(page: SocketAddr, admin: Option<SocketAddr>) -> String {
    let mut text = format!(
        "Fantail's demo runs.\n\n  \
         the page      http://{page}/\n  \
         the stream    curl -N -H 'Accept: text/event-stream' http://{page}/prices\n"
    );
    if let Some(admin) = admin {
        text.extend(["  the metrics   http://", &admin.to_string(), "/metrics\n"]);
    }
    text.push_str(
        "\nOpen the page in several tabs: clients grow, the upstream connection stays one.\n",
    );
    text.push_str("Stop it with Ctrl-C.\n");
    text
}

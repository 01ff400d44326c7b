//! Every part from the configuration, in the order in which they start.

use std::sync::Arc;

use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

use super::carrier::Pool;
use super::certificates::{self, Certificates};
use super::inherited::Inherited;
use super::memory::{self, Memory};
use super::sockets::Sockets;
use super::{App, SWEEP, Setup, StartError, Tls, descriptors};
use crate::admin::{self, Admin};
use crate::clock;
use crate::config::{Config, Route};
use crate::delivery::Shards;
use crate::drain::{Drain, DrainWatch};
use crate::edge::listen::{self, TlsDoor};
use crate::edge::template::PathTemplate;
use crate::edge::{self, Carrier, Edge, Target};
use crate::hub::{Hub, RouteTopics};
use crate::ingest::{Ingest, RouteOptions};
use crate::metrics::Metrics;
use crate::source::fastcgi::FastCgiSource;
use crate::source::http::HttpSource;
use crate::source::{self, Source, Sources};
use crate::topic_key::{RouteId, TopicKey};

/// Opens upstreams over the network: HTTP with and without TLS, FastCGI.
#[derive(Debug)]
pub struct NetSources {
    /// By route id.
    options: Vec<Arc<source::Options>>,
}

impl NetSources {
    /// For the routes of a configuration.
    pub fn new(config: &Config) -> Self {
        let options = config
            .routes
            .iter()
            .map(|route| Arc::new(route.source.clone()));
        Self {
            options: options.collect(),
        }
    }
}

impl Sources for NetSources {
    fn source(&self, route: RouteId, key: &TopicKey) -> Arc<dyn Source> {
        let options = self
            .options
            .get(usize::from(route.0))
            .cloned()
            .unwrap_or_default();
        if key.url().starts_with("fastcgi://") {
            Arc::new(FastCgiSource::new(key.clone(), options))
        } else {
            Arc::new(HttpSource::new(key.clone(), options))
        }
    }
}

pub(super) async fn start(setup: Setup, inherited: Inherited) -> Result<App, StartError> {
    let mut sockets = Sockets::open(&setup.config, inherited).await?;
    setup.metrics.started_at(clock::wall());
    let memory = setup.config.memory;
    let mut app = assemble(setup, &mut sockets)?;
    // Nothing can fail from here on.
    app.unix_paths.take_over();
    for (door, listener) in sockets.listeners {
        let metrics = app.metrics.listener(&door.name);
        tracing::info!(listener = door.name, tls = door.by_tls, "listening");
        let tls = app.tls.as_ref().filter(|_| door.by_tls);
        let tls = tls.map(|tls| TlsDoor {
            acceptor: Arc::clone(&tls.acceptor),
            metrics: app.metrics.tls_listener(&door.name),
        });
        let edge = Arc::clone(&app.edge);
        app.tasks
            .spawn(listen::accept(edge, listener, metrics, tls));
    }
    if let Some(tls) = &app.tls {
        let certificates = Arc::clone(&tls.certificates);
        app.tasks.spawn(certificates::watch(certificates));
    }
    if let Some(listener) = sockets.admin {
        let admin = admin(&app, app.drain.watch());
        app.tasks.spawn(admin::serve(Arc::new(admin), listener));
    }
    app.tasks.spawn(sweep(Arc::clone(&app.hub)));
    watch_memory(&mut app, memory);
    tracing::info!(
        connections = app.connection_limit,
        // As bound: a port 0 has become one.
        addresses = ?app.addresses,
        tls = ?app.tls_addresses,
        admin = app.admin_address.map(tracing::field::display),
        "fantail is ready"
    );
    Ok(app)
}

/// Every part, joined to those that it needs; nothing is accepted yet.
fn assemble(setup: Setup, sockets: &mut Sockets) -> Result<App, StartError> {
    let Setup {
        mut config,
        metrics,
        sources,
        pages,
    } = setup;
    descriptors::provide(&mut config.edge.connections);
    config.edge.redirect = sockets.redirect(&config);
    let shards = Arc::new(Shards::start(&config.delivery, &metrics).map_err(StartError::Shards)?);
    let hub = Hub::new(config.hub.clone(), shards.doors());
    let ingest = Arc::new(ingest(&config, sources, &metrics));
    warn_of_insecure(&config, &metrics);
    hub.set_on_demand(Arc::<Ingest>::clone(&ingest));
    let drain = Drain::new();
    let edge = Edge::new(
        config.edge.clone(),
        routes(&config, &metrics, pages),
        Arc::clone(&hub),
        Arc::clone(&shards),
        drain.watch(),
    )?;
    Ok(App {
        addresses: sockets.addresses(false),
        tls_addresses: sockets.addresses(true),
        tls: tls(&config, sockets, &metrics),
        admin_address: sockets.admin.as_ref().and_then(|l| l.local_addr().ok()),
        unix_paths: std::mem::take(&mut sockets.unix_paths),
        legacy: std::mem::take(&mut sockets.legacy),
        connection_limit: config.edge.connections,
        server: config.server,
        tasks: JoinSet::new(),
        drain,
        edge,
        hub,
        shards,
        ingest,
        metrics,
    })
}

fn tls(config: &Config, sockets: &Sockets, metrics: &Arc<Metrics>) -> Option<Tls> {
    let server = &config.tls.as_ref()?.server;
    Some(Tls {
        acceptor: server.acceptor(&config.edge),
        certificates: Certificates::new(Arc::clone(server), sockets.tls_names(), metrics),
    })
}

fn ingest(config: &Config, sources: Arc<dyn Sources>, metrics: &Arc<Metrics>) -> Ingest {
    let routes = config.routes.iter().map(|route| RouteOptions {
        options: route.ingest.clone(),
        linger: route.topic.linger,
        origin: route.upstream.origin().to_owned(),
    });
    Ingest::new(routes.collect(), sources, metrics, &config.ingest)
}

/// Whoever switched verification off is reminded of it, at each start and for as long as it lasts.
fn warn_of_insecure(config: &Config, metrics: &Arc<Metrics>) {
    for route in &config.routes {
        let tls = route.source.tls.as_ref();
        if tls.is_some_and(|client| client.settings().insecure) {
            let upstream = route.upstream.origin();
            metrics.upstream(upstream).insecure.set(1);
            tracing::warn!(
                route = route.name,
                upstream,
                "the upstream's certificate is not verified: whoever answers is believed"
            );
        }
    }
}

/// The configured routes keep their places, which are their ids; built-in pages follow.
fn routes(
    config: &Config,
    metrics: &Metrics,
    pages: Vec<(&'static str, edge::Page)>,
) -> Vec<edge::Route> {
    let upstreams = config
        .routes
        .iter()
        .zip(0..)
        .map(|(route, id)| edge::Route {
            path: route.path.clone(),
            target: Target::Upstream(Box::new(upstream(route, RouteId(id), metrics))),
        });
    let pages = pages.into_iter().filter_map(|(path, page)| {
        let path = PathTemplate::parse(path).ok()?;
        Some(edge::Route {
            path,
            target: Target::Page(page),
        })
    });
    upstreams.chain(pages).collect()
}

fn upstream(route: &Route, id: RouteId, metrics: &Metrics) -> edge::Upstream {
    edge::Upstream {
        template: route.upstream.clone(),
        mode: route.mode,
        query: route.query.clone(),
        headers: route.headers.clone(),
        cookies: route.cookies.clone(),
        share: route.share,
        cors: route.cors.clone(),
        topics: Arc::new(RouteTopics {
            id,
            name: route.name.as_str().into(),
            options: route.topic.clone(),
            metrics: metrics.route(&route.name),
        }),
        delivery: Arc::new(route.delivery.clone()),
        pass: route.pass.clone(),
        carrier: carrier(route, metrics),
    }
}

/// Only a web server takes ordinary requests.
fn carrier(route: &Route, metrics: &Metrics) -> Option<Arc<dyn Carrier>> {
    let options = Arc::new(route.source.clone());
    let origin = route.upstream.origin();
    let pool = Pool::new(origin, options, metrics.upstream(origin))?;
    Some(Arc::new(pool))
}

fn admin(app: &App, drain: DrainWatch) -> Admin {
    let shards = Arc::clone(&app.shards);
    Admin {
        hub: Arc::clone(&app.hub),
        metrics: Arc::clone(&app.metrics),
        drain,
        overload: app.edge.overload().clone(),
        shards_alive: Box::new(move |now| shards.are_alive(now)),
    }
}

fn watch_memory(app: &mut App, configured: u64) {
    let Some(limit) = memory::limit(configured) else {
        tracing::warn!(
            "this system does not tell how much memory it has: set `[limits] memory` to bound it"
        );
        return;
    };
    let overload = app.edge.overload().clone();
    let (hub, metrics) = (Arc::clone(&app.hub), Arc::clone(&app.metrics));
    let memory = Memory::new(limit, hub, overload, metrics);
    app.tasks.spawn(memory.watch(memory::resident));
}

async fn sweep(hub: Arc<Hub>) {
    let mut rounds = tokio::time::interval(SWEEP);
    rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        rounds.tick().await;
        hub.sweep(clock::now());
    }
}

//! The file as a whole: its tables, and the listeners and limits in them.
//!
//! Imports the reader, the rules and the options structs of every part. Nothing of the file's
//! shape leaves this module and `route`: the rest of the program sees [`Config`].

use std::net::SocketAddr;

use toml::de::DeTable;

use super::check::{self, Placed};
use super::env::Overlay;
use super::fault::Faults;
use super::kinds::{GIGA, MANY, TERA, any_time, boolean, bytes, list, number, some_time};
use super::read::{Origin, Report, Section};
use super::value::{Complaint, Value};
use super::{Config, DEFAULT_ADMIN, Listen, address, h2, listen_tls, route, units, upstream};
use crate::{edge, source};

/// hyper's smallest read buffer: a head of that size must be possible.
const LEAST_HEAD: u64 = 8 << 10;

/// A fresh process needs a quarter of it; with less, nobody would ever be let in.
const LEAST_MEMORY: u64 = 32 << 20;

/// The tables of a file, with what is stronger laid over them.
struct Tables<'a> {
    common: Common<'a>,
    routes: Vec<Section<'a>>,
}

/// Those that there is one of.
struct Common<'a> {
    server: Section<'a>,
    tls: Section<'a>,
    admin: Section<'a>,
    limits: Section<'a>,
}

/// From a parsed file to the configuration.
pub(super) fn read<'a>(
    report: &'a Report<'a>,
    file: &'a DeTable<'a>,
    overlay: Overlay<'a>,
) -> Result<Config, Faults> {
    let tables = Tables::of(report, file, overlay);
    let (mut config, listeners, base) = common(tables.common);
    let found: Vec<_> = tables
        .routes
        .into_iter()
        .map(|table| route::read(table, &config, &base))
        .collect();
    check::routes(&found);
    for found in found {
        if let (Some(route), Some(upstream)) = (found.route, found.upstream) {
            check::no_loop(&route, &upstream, &listeners);
            config.routes.push(route);
        }
    }
    report.verdict(config)
}

/// Without a file: `--upstream`.
pub(super) fn read_upstream<'a>(
    report: &'a Report<'a>,
    url: &str,
    overlay: Overlay<'a>,
) -> Result<Config, Faults> {
    let empty = |title| Section::new(title, Origin::Absent, report);
    let [mut server, mut tls, mut admin, mut limits] =
        ["[server]", "[tls]", "[admin]", "[limits]"].map(empty);
    server.overlay(overlay.server);
    tls.overlay(overlay.tls);
    admin.overlay(overlay.admin);
    limits.overlay(overlay.limits);
    let (mut config, listeners, base) = common(Common {
        server,
        tls,
        admin,
        limits,
    });
    let value = Value::flag("upstream", "--upstream", report);
    if let Some(site) = value.note(upstream::whole_site(url)) {
        config.routes.extend(super::Route::whole_site(site, base));
    }
    for route in &config.routes {
        check::no_loop(route, &value, &listeners);
    }
    report.verdict(config)
}

impl<'a> Tables<'a> {
    fn of(report: &'a Report<'a>, file: &'a DeTable<'a>, overlay: Overlay<'a>) -> Self {
        let mut top = Section::new("the file", Origin::Absent, report).with_table(file);
        let mut table = |key, title, stronger| {
            let found = top.read(key, |value| value.section(title));
            let none = || Section::new(title, Origin::Absent, report);
            let mut section = found.map_or_else(none, |(section, _)| section);
            section.overlay(stronger);
            section
        };
        let common = Common {
            server: table("server", "[server]", overlay.server),
            tls: table("tls", "[tls]", overlay.tls),
            admin: table("admin", "[admin]", overlay.admin),
            limits: table("limits", "[limits]", overlay.limits),
        };
        let routes = routes(&mut top, report);
        top.finish();
        Self { common, routes }
    }
}

fn routes<'a>(top: &mut Section<'a>, report: &Report<'_>) -> Vec<Section<'a>> {
    if !top.has("route") {
        let right = "add a [[route]] with a `path` and an `upstream`, such as `path = \"/{rest*}\"` \
                     and `upstream = \"http://127.0.0.1:8000/{rest*}\"`";
        let complaint = Complaint::new("there is no [[route]], so that nothing is served", right);
        report.add(&Origin::Absent, complaint);
    }
    let found = top.read("route", |value| value.sections("[[route]]"));
    found.map_or(Vec::new(), |(routes, _)| routes)
}

/// The tables that there is one of: listeners, limits, and what limits say about every upstream.
fn common(tables: Common<'_>) -> (Config, Vec<Placed<'_, Listen>>, source::Options) {
    let Common {
        server: mut server_table,
        tls,
        admin: mut admin_table,
        mut limits,
    } = tables;
    let mut config = Config::default();
    let (mut listeners, listen) = server(&mut server_table, &mut config);
    proxy_protocol(&mut server_table, &mut config.edge, &listeners);
    config.server.listen = listeners.iter().map(|(listen, _)| listen.clone()).collect();
    let admin = admin(&mut admin_table);
    limits.set(&mut config.memory, "memory", memory);
    topic_limits(&mut limits, &mut config);
    accept_limits(&mut limits, &mut config);
    request_limits(&mut limits, &mut config);
    tls_limits(&mut limits, &mut config);
    delivery_limits(&mut limits, &mut config);
    h2::limits(&mut limits, &mut config);
    host_limits(&mut limits, &mut config);
    let base = upstream_limits(&mut limits, &config);
    for section in [server_table, admin_table, limits] {
        section.finish();
    }
    let secured = listen_tls::read(tls, &mut config.edge);
    config.tls = secured.tls;
    listeners.extend(secured.listeners);
    check::somebody_listens(&listeners, listen.as_ref());
    check::listeners(&listeners, admin.as_ref());
    config.admin = admin.as_ref().map(|(address, _)| *address);
    (config, listeners, base)
}

/// The listeners of `[server]`, and where they are written.
fn server<'a>(
    table: &mut Section<'a>,
    config: &mut Config,
) -> (Vec<Placed<'a, Listen>>, Option<Value<'a>>) {
    let server = &mut config.server;
    table.set(&mut server.drain, "drain", any_time());
    table.set(&mut server.drain_delay, "drain_delay", any_time());
    table.set(
        &mut server.handover_timeout,
        "handover_timeout",
        some_time(),
    );
    table.set(&mut config.delivery.threads, "threads", number(0, 1024));
    if let Some((networks, _)) = table.read("trusted_proxies", list(address::network)) {
        config.edge.trusted_proxies = networks.into_iter().map(|(network, _)| network).collect();
    }
    table.set(&mut config.edge.h2c, "h2c", boolean);
    let written = table.read("listen", list(address::listen));
    config.is_listen_given = written.is_some();
    if let Some((found, at)) = written {
        let found = found.into_iter().map(|(listen, at)| (listen, Some(at)));
        return (found.collect(), Some(at));
    }
    let default = server.listen.drain(..).map(|listen| (listen, None));
    (default.collect(), None)
}

fn proxy_protocol(
    table: &mut Section<'_>,
    edge: &mut edge::Options,
    listeners: &[Placed<'_, Listen>],
) {
    let is_on = &mut edge.proxy_protocol.plain;
    let at = table.set(is_on, "proxy_protocol", boolean);
    let told = at.as_ref().filter(|_| *is_on);
    check::somebody_tells(told, listeners, &edge.trusted_proxies);
}

fn admin<'a>(table: &mut Section<'a>) -> Option<Placed<'a, SocketAddr>> {
    match table.read("listen", address::admin) {
        Some((found, at)) => found.map(|address| (address, Some(at))),
        None => Some((DEFAULT_ADMIN, None)),
    }
}

fn memory(value: &Value<'_>) -> Result<u64, Complaint> {
    let read = bytes(0, TERA)(value)?;
    if read != 0 && read < LEAST_MEMORY {
        let least = units::show_size(LEAST_MEMORY);
        let right = format!("at least {least:?}, or 0 for 80 % of what there is");
        return Err(value.wrong("is too little to serve anybody", right));
    }
    Ok(read)
}

fn topic_limits(limits: &mut Section<'_>, config: &mut Config) {
    let hub = &mut config.hub;
    limits.set(&mut hub.topics, "topics", number(1, MANY));
    limits.set(
        &mut hub.topics_per_address,
        "topics_per_address",
        number(0, MANY),
    );
    limits.set(
        &mut hub.new_topics_per_second,
        "new_topics_per_second",
        number(1, MANY),
    );
    limits.set(
        &mut hub.subscribers_per_topic,
        "subscribers_per_topic",
        number(0, MANY),
    );
    limits.set(&mut hub.log_bytes, "log_bytes", bytes(1, TERA));
}

fn accept_limits(limits: &mut Section<'_>, config: &mut Config) {
    let edge = &mut config.edge;
    limits.set(&mut edge.connections, "connections", number(0, MANY));
    limits.set(
        &mut edge.connections_per_address,
        "connections_per_address",
        number(0, MANY),
    );
    limits.set(
        &mut edge.accepts_per_second,
        "accepts_per_second",
        number(0, MANY),
    );
    limits.set(
        &mut edge.accepts_per_second_per_address,
        "accepts_per_second_per_address",
        number(0, MANY),
    );
}

fn request_limits(limits: &mut Section<'_>, config: &mut Config) {
    let edge = &mut config.edge;
    limits.set(
        &mut edge.first_byte_timeout,
        "first_byte_timeout",
        some_time(),
    );
    limits.set(&mut edge.head_timeout, "head_timeout", some_time());
    limits.set(&mut edge.idle_timeout, "idle_timeout", some_time());
    limits.set(&mut edge.head_bytes, "head_bytes", bytes(LEAST_HEAD, GIGA));
    let uri = limits.set(&mut edge.uri_bytes, "uri_bytes", bytes(1, GIGA));
    limits.set(&mut edge.header_count, "header_count", number(1, 10_000));
    let query = limits.set(&mut edge.query_bytes, "query_bytes", bytes(0, GIGA));
    limits.set(
        &mut edge.last_event_id_bytes,
        "last_event_id_bytes",
        bytes(1, GIGA),
    );
    limits.set(&mut edge.body_bytes, "body_bytes", bytes(0, TERA));
    limits.set(&mut edge.body_timeout, "body_timeout", some_time());
    limits.set(&mut edge.tunnel_timeout, "tunnel_timeout", some_time());
    limits.set(&mut edge.client_timeout, "client_timeout", some_time());
    check::not_above(uri.as_ref(), edge.uri_bytes, "head_bytes", edge.head_bytes);
    check::not_above(
        query.as_ref(),
        edge.query_bytes,
        "uri_bytes",
        edge.uri_bytes,
    );
}

fn tls_limits(limits: &mut Section<'_>, config: &mut Config) {
    let edge = &mut config.edge;
    limits.set(
        &mut edge.handshake_timeout,
        "handshake_timeout",
        some_time(),
    );
    limits.set(&mut edge.handshakes, "handshakes", number(1, 1 << 20));
}

fn delivery_limits(limits: &mut Section<'_>, config: &mut Config) {
    let delivery = &mut config.delivery;
    limits.set(&mut delivery.unsent_bytes, "unsent_bytes", bytes(1, GIGA));
    limits.set(&mut delivery.send_buffer, "send_buffer", bytes(0, GIGA));
    limits.set(&mut delivery.inbound_burst, "inbound_burst", bytes(1, GIGA));
    limits.set(
        &mut delivery.inbound_per_second,
        "inbound_per_second",
        bytes(1, GIGA),
    );
    limits.set(
        &mut delivery.admit_per_second,
        "admit_per_second",
        number(1, MANY),
    );
}

fn host_limits(limits: &mut Section<'_>, config: &mut Config) {
    let ingest = &mut config.ingest;
    limits.set(&mut ingest.max_upstreams, "max_upstreams", number(0, MANY));
    limits.set(
        &mut ingest.upstream_connects,
        "upstream_connects",
        number(1, MANY),
    );
}

fn upstream_limits(limits: &mut Section<'_>, config: &Config) -> source::Options {
    let mut source = source::Options::default();
    let logs = config.hub.log_bytes;
    let line = limits.set(&mut source.line_bytes, "line_bytes", bytes(1, TERA));
    let event = limits.set(&mut source.event_bytes, "event_bytes", bytes(1, TERA));
    check::not_above(line.as_ref(), source.line_bytes, "log_bytes", logs);
    check::not_above(event.as_ref(), source.event_bytes, "log_bytes", logs);
    limits.set(&mut source.id_bytes, "id_bytes", bytes(1, GIGA));
    limits.set(
        &mut source.head_bytes,
        "upstream_head_bytes",
        bytes(LEAST_HEAD, GIGA),
    );
    limits.set(&mut source.decode_ratio, "decode_ratio", number(1, MANY));
    limits.set(&mut source.redirects, "redirects", number(0, 20));
    source
}

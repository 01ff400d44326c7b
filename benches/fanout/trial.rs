//! One measurement: a fresh source, a fresh server, a fresh crowd; then everything is ended.

use std::io;
use std::net::SocketAddrV4;

use clap::ValueEnum as _;
use serde_json::{Value, json};

use crate::accounting::{self, Memory, Scheduled};
use crate::cli::Options;
use crate::clock::{Deadline, now_ns};
use crate::net;
use crate::process::{LOAD_CORE, Running};
use crate::server::{Kind, Plan, Server};
use crate::source::{self, Dialect};

const START_SECONDS: f64 = 10.0;
const CONNECT_SECONDS: f64 = 100.0;
/// On top of the window, for a load that has more to do than its core can.
const GRACE_SECONDS: f64 = 20.0;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Trial {
    pub(crate) kind: Kind,
    pub(crate) clients: usize,
    /// Of these, how many never read.
    pub(crate) stalled: usize,
    pub(crate) rate: f64,
    pub(crate) batch: u64,
    pub(crate) follow_last_client: bool,
}

/// What the load reported, and what was seen of the server from outside.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) json: Value,
}

impl Trial {
    /// Everyone reads, the bare loop writes each event by itself.
    pub(crate) fn new(clients: usize, rate: f64) -> Self {
        Self {
            kind: Kind::Subject,
            clients,
            stalled: 0,
            rate,
            batch: 1,
            follow_last_client: false,
        }
    }

    pub(crate) fn run(&self, options: &Options) -> io::Result<Outcome> {
        let hub = self.hub()?;
        let source = match self.kind {
            Kind::Subject | Kind::Tls | Kind::Peer(_) => {
                Some(start_source(self.rate, hub, options)?)
            }
            Kind::Bare => None,
        };
        let plan = Plan {
            kind: self.kind,
            upstream: source.as_ref().map(|(_, address)| *address),
            publish: hub.map(|(_, address)| address),
            clients: self.clients,
            rate: self.rate,
            batch: self.batch,
        };
        let server = Server::start(&plan, options)?;
        let before = Memory::of(server.pid())?;
        let load = Running::role(LOAD_CORE, &self.load_arguments(&server, options))?;
        load.next_line(Deadline::after(CONNECT_SECONDS))?;
        let source_before = SourceSeen::now(source.as_ref())?;
        let measured = options.warmup + options.window + GRACE_SECONDS;
        let line = load.next_line(Deadline::after(measured))?;
        let source_after = SourceSeen::now(source.as_ref())?;
        let mut json: Value = serde_json::from_str(&line).map_err(io::Error::other)?;
        json["source_share"] = json!(source_after.share_since(&source_before));
        json["name"] = json!(self.kind.name(options));
        if let Kind::Peer(peer) = self.kind {
            json["version"] = json!(peer.version());
        }
        json["asked_rate"] = json!(self.rate);
        json["memory_before"] = before.to_json();
        json["memory_after"] = Memory::of(server.pid())?.to_json();
        json["server_sockets"] = json!(accounting::sockets(server.pid())?);
        if let Some((_, address)) = &source {
            let (_, stats) = net::get(*address, source::STATS_PATH)?;
            json["source"] = serde_json::from_str(&stats).map_err(io::Error::other)?;
        }
        Ok(Outcome { json })
    }

    /// Where and how the source publishes, if it is to do so.
    fn hub(&self) -> io::Result<Option<(Dialect, SocketAddrV4)>> {
        let dialect = match self.kind {
            Kind::Peer(peer) => peer.dialect(),
            Kind::Subject | Kind::Tls | Kind::Bare => None,
        };
        let with_address = |dialect| Ok((dialect, net::free_address()?));
        dialect.map(with_address).transpose()
    }

    fn load_arguments(&self, server: &Server, options: &Options) -> Vec<String> {
        let mut arguments = vec![
            "load".to_owned(),
            format!("--target={}", server.address),
            format!("--watch={}", server.pid()),
            format!("--clients={}", self.clients),
            format!("--stalled={}", self.stalled),
            format!("--settle={}", options.warmup),
            format!("--measure={}", options.window),
        ];
        if self.kind.is_by_tls(options) {
            arguments.push("--tls".to_owned());
        }
        if self.follow_last_client {
            arguments.push("--last-client".to_owned());
        }
        arguments
    }
}

/// For a `hub`, it publishes there.
fn start_source(
    rate: f64,
    hub: Option<(Dialect, SocketAddrV4)>,
    options: &Options,
) -> io::Result<(Running, SocketAddrV4)> {
    let address = net::free_address()?;
    let mut arguments = vec![
        "source".to_owned(),
        format!("--listen={address}"),
        format!("--rate={rate}"),
        format!("--frame-bytes={}", options.event_bytes),
    ];
    if let Some((dialect, hub)) = hub {
        let name = dialect.to_possible_value().expect("none is hidden");
        arguments.push(format!("--publish={}", name.get_name()));
        arguments.push(format!("--hub={hub}"));
    }
    let mut process = Running::role(LOAD_CORE, &arguments)?;
    process.wait_until(Deadline::after(START_SECONDS), || net::accepts(address))?;
    Ok((process, address))
}

/// The source's time on a CPU, at a moment. With one connection for each client it is the source that
/// fans out, and no figure of the server shows it.
struct SourceSeen {
    at_ns: u64,
    cpu: Scheduled,
}

impl SourceSeen {
    fn now(source: Option<&(Running, SocketAddrV4)>) -> io::Result<Self> {
        let cpu = source.map(|(process, _)| Scheduled::of(process.pid()));
        Ok(Self {
            cpu: cpu.transpose()?.unwrap_or_default(),
            at_ns: now_ns(),
        })
    }

    /// Of one core, in percent.
    fn share_since(&self, earlier: &Self) -> f64 {
        let spent = self.cpu.since(earlier.cpu).on_cpu_ns;
        spent as f64 * 100.0 / (self.at_ns - earlier.at_ns) as f64
    }
}

impl Outcome {
    fn number(&self, pointer: &str) -> f64 {
        let found = self.json.pointer(pointer).and_then(Value::as_f64);
        found.unwrap_or(f64::NAN)
    }

    pub(crate) fn deliveries_per_second(&self) -> f64 {
        self.number("/window/events") / self.number("/seconds")
    }

    pub(crate) fn micros_per_delivery(&self) -> f64 {
        self.number("/server/on_cpu_ns") / 1e3 / self.number("/window/events")
    }

    pub(crate) fn server_share(&self) -> f64 {
        self.number("/server/on_cpu_ns") / 1e7 / self.number("/seconds")
    }

    /// How long threads of the server were ready to run but had no core.
    pub(crate) fn server_waited_share(&self) -> f64 {
        self.number("/server/waiting_ns") / 1e7 / self.number("/seconds")
    }

    pub(crate) fn load_share(&self) -> f64 {
        self.number("/load/on_cpu_ns") / 1e7 / self.number("/seconds")
    }

    /// From the last connect to the end of the window.
    pub(crate) fn source_share(&self) -> f64 {
        self.number("/source_share")
    }

    pub(crate) fn latency_us(&self, quantile: &str) -> f64 {
        self.number(&format!("/window/latency_us/{quantile}"))
    }

    pub(crate) fn last_client_us(&self, quantile: &str) -> f64 {
        self.number(&format!("/window/last_client_us/{quantile}"))
    }

    /// Gaps told and not told, repeats, disorder, nonsense, and readers that were cut off.
    pub(crate) fn faults(&self) -> f64 {
        let names = [
            "gap_events",
            "missed_announced",
            "missed_silently",
            "duplicates",
            "disordered",
            "malformed",
            "readers_ended",
        ];
        names
            .iter()
            .map(|name| self.number(&format!("/whole_run/{name}")))
            .sum()
    }

    /// Events that vanished without a word, came twice or out of order.
    pub(crate) fn silent_faults(&self) -> f64 {
        let names = ["missed_silently", "duplicates", "disordered", "malformed"];
        names
            .iter()
            .map(|name| self.number(&format!("/whole_run/{name}")))
            .sum()
    }

    pub(crate) fn stalled_ended(&self) -> f64 {
        self.number("/whole_run/stalled_ended")
    }

    pub(crate) fn sockets(&self) -> f64 {
        self.number("/server_sockets")
    }

    /// Growth of `private_kib`, `pss_kib` or `kernel_tcp_kib` with the crowd.
    pub(crate) fn grown_kib(&self, field: &str) -> f64 {
        let at = |when| self.number(&format!("/memory_{when}/{field}"));
        at("after") - at("before")
    }

    pub(crate) fn clients(&self) -> f64 {
        self.number("/clients")
    }
}

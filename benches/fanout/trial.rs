//! One measurement: a fresh source, a fresh server, a fresh crowd; then everything is ended.

use std::io;
use std::net::SocketAddrV4;

use serde_json::{Value, json};

use crate::accounting::{self, Memory};
use crate::cli::Options;
use crate::clock::Deadline;
use crate::net;
use crate::process::{LOAD_CORE, Running};
use crate::server::{Kind, Plan, Server};
use crate::source;

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
    /// The clients are cut off and come back.
    pub(crate) storm: bool,
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
            storm: false,
        }
    }

    pub(crate) fn run(&self, options: &Options) -> io::Result<Outcome> {
        let source = match self.kind {
            Kind::Subject | Kind::Tls | Kind::H2 => Some(start_source(self.rate, options)?),
            Kind::Bare => None,
        };
        let plan = Plan {
            kind: self.kind,
            upstream: source.as_ref().map(|(_, address)| *address),
            rate: self.rate,
            batch: self.batch,
        };
        let server = Server::start(&plan, options)?;
        let before = Memory::of(server.pid())?;
        let load = Running::role(LOAD_CORE, &self.load_arguments(&server, options))?;
        load.next_line(Deadline::after(CONNECT_SECONDS))?;
        let measured = if self.storm {
            2.0 * options.warmup + CONNECT_SECONDS
        } else {
            options.warmup + options.window + GRACE_SECONDS
        };
        let line = load.next_line(Deadline::after(measured))?;
        let mut json: Value = serde_json::from_str(&line).map_err(io::Error::other)?;
        json["name"] = json!(self.kind.name(options));
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
        if self.kind.is_secure() {
            arguments.push("--tls".to_owned());
        }
        if self.kind == Kind::H2 {
            arguments.extend(["--h2".to_owned(), format!("--streams={}", options.streams)]);
        }
        if self.storm {
            arguments.push("--storm".to_owned());
        }
        if self.follow_last_client {
            arguments.push("--last-client".to_owned());
        }
        arguments
    }
}

fn start_source(rate: f64, options: &Options) -> io::Result<(Running, SocketAddrV4)> {
    let address = net::free_address()?;
    let arguments = [
        "source".to_owned(),
        format!("--listen={address}"),
        format!("--rate={rate}"),
        format!("--frame-bytes={}", options.event_bytes),
    ];
    let mut process = Running::role(LOAD_CORE, &arguments)?;
    process.wait_until(Deadline::after(START_SECONDS), || net::accepts(address))?;
    Ok((process, address))
}

impl Outcome {
    /// `NaN` if there is none.
    pub(crate) fn number(&self, pointer: &str) -> f64 {
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

//! One measurement: a fresh source, a fresh server, a fresh crowd; then everything is ended.

use std::io;
use std::net::SocketAddrV4;
use std::time::Duration;

use serde_json::{Value, json};

use crate::accounting::{self, Memory};
use crate::cli::Options;
use crate::clock::{Deadline, seconds_ns};
use crate::company::Company;
use crate::net;
use crate::process::{LOAD_CORE, Running};
use crate::server::{Kind, Plan, Server};
use crate::slots::Slots;
use crate::source::Dialect;
use crate::upstream::{Seen, Upstream};

/// Until every client must be connected, and until a peer's must be: one that turns them away for so
/// long does not serve as many, and half an hour is to be enough for everybody.
const CONNECT_SECONDS: f64 = 90.0;
const CONNECT_SECONDS_OF_A_PEER: f64 = 30.0;
/// The load gives up by itself, and says why.
const LAST_WORDS_SECONDS: f64 = 10.0;
/// Share of the window before the source is killed.
const BEFORE_RESTART: f64 = 0.1;
/// On top of the window, for a load that has more to do than its core can.
const GRACE_SECONDS: f64 = 20.0;

/// Shorter than the silence after which Linux acknowledges a connection's next segments one by one, for
/// which the sender pays: its retransmission time-out, at least 200 ms.
/// <https://github.com/torvalds/linux/blob/v6.12/net/ipv4/tcp_input.c>, `tcp_event_data_recv`.
const TURN: Duration = Duration::from_millis(100);

#[derive(Debug, Clone, Copy)]
pub(crate) struct Trial {
    pub(crate) kind: Kind,
    pub(crate) clients: usize,
    /// Of these, how many never read.
    pub(crate) stalled: usize,
    /// Of these, how many read less than comes.
    pub(crate) slow: usize,
    pub(crate) rate: f64,
    pub(crate) batch: u64,
    pub(crate) follow_last_client: bool,
    /// The clients are cut off and come back, and that is all that is measured.
    pub(crate) storm: bool,
    /// What the clients are spread over, each with events at `rate`.
    pub(crate) topics: usize,
    /// All clients are cut off before the window, and come back.
    pub(crate) cut: bool,
    /// The source is killed in the window, and comes back after so many seconds.
    pub(crate) source_away: Option<f64>,
    /// Measured at once with others, each in its own slots of the clock.
    pub(crate) slots: Option<Slots>,
    /// How long a second of its own takes: as many as there are sides, where each is silent in the others'.
    pub(crate) stretch: f64,
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
            slow: 0,
            rate,
            batch: 1,
            follow_last_client: false,
            storm: false,
            topics: 1,
            cut: false,
            source_away: None,
            slots: None,
            stretch: 1.0,
        }
    }

    /// Busy while the others are silent, a tenth of a second in turns, at the rate for as long as that is.
    pub(crate) fn in_turns(self, nth: u64, of: u64) -> Self {
        Self {
            slots: Some(Slots::new(nth, of, seconds_ns(TURN.as_secs_f64()))),
            stretch: of as f64,
            ..self
        }
    }

    /// Each event is between two of the others'.
    pub(crate) fn between_events(self, nth: u64, of: u64) -> Self {
        let length = 1.0 / (self.rate * of as f64);
        Self {
            slots: Some(Slots::new(nth, of, seconds_ns(length))),
            ..self
        }
    }

    /// In its own slots, if it has any.
    pub(crate) fn emission_rate(&self) -> f64 {
        let sharers = self.slots.map_or(1, Slots::sharers);
        self.rate * sharers as f64 / self.stretch
    }

    pub(crate) fn run(&self, options: &Options, mut company: Company<'_>) -> io::Result<Outcome> {
        let hub = self.hub()?;
        let mut source = match self.kind {
            Kind::Subject | Kind::Tls | Kind::H2 | Kind::Peer(_) => {
                Some(Upstream::start(self, hub, options)?)
            }
            Kind::Bare => None,
        };
        let plan = Plan {
            kind: self.kind,
            upstream: source.as_ref().map(|source| source.address),
            publish: hub.map(|(_, address)| address),
            clients: self.clients,
            rate: self.emission_rate(),
            batch: self.batch,
            topics: self.topics,
            slots: self.slots,
        };
        let server = Server::start(&plan, options)?;
        company.meet();
        let before = Memory::of(server.pid())?;
        let load = Running::role(LOAD_CORE, &self.load_arguments(&server, options))?;
        let limit = self.connect_seconds() + LAST_WORDS_SECONDS;
        let connected = report_of(&load, Deadline::after(limit))?;
        let source_before = Seen::of(source.as_ref())?;
        let away = self.disturb(source.as_mut(), options)?;
        let mut json = report_of(&load, self.limit_on_measuring(options))?;
        company.meet();
        let source_after = Seen::of(source.as_ref())?;
        json["connected"] = connected;
        json["source_away_seconds"] = json!(away);
        json["source_share"] = json!(source_after.share_since(&source_before) * self.stretch);
        self.describe(&mut json, options);
        json["memory_before"] = before.to_json();
        json["memory_after"] = Memory::of(server.pid())?.to_json();
        json["server_sockets"] = json!(accounting::sockets(server.pid())?);
        if let Some(source) = &source {
            json["source"] = source.stats()?;
        }
        company.meet();
        Ok(Outcome { json })
    }

    /// Who was asked for what.
    fn describe(&self, json: &mut Value, options: &Options) {
        json["name"] = json!(self.kind.name(options));
        if let Kind::Peer(peer) = self.kind {
            json["version"] = json!(peer.version());
        }
        json["asked_rate"] = json!(self.rate);
        json["slots"] = json!(self.slots.map(|slots| slots.to_string()));
        if let Some(seconds) = json["seconds"].as_f64() {
            json["seconds"] = json!(seconds / self.stretch);
        }
    }

    /// From the last connect to the load's last line.
    fn limit_on_measuring(&self, options: &Options) -> Deadline {
        Deadline::after(if self.storm {
            2.0 * options.warmup + self.connect_seconds() + LAST_WORDS_SECONDS
        } else {
            let returning = if self.cut {
                self.connect_seconds()
            } else {
                0.0
            };
            (options.warmup + options.window) * self.stretch + returning + GRACE_SECONDS
        })
    }

    fn connect_seconds(&self) -> f64 {
        match self.kind {
            Kind::Peer(_) => CONNECT_SECONDS_OF_A_PEER,
            Kind::Subject | Kind::Tls | Kind::H2 | Kind::Bare => CONNECT_SECONDS,
        }
    }

    /// Restarts the source early in the window, if that is asked.
    fn disturb(&self, source: Option<&mut Upstream>, options: &Options) -> io::Result<Option<f64>> {
        let (Some(source), Some(away)) = (source, self.source_away) else {
            return Ok(None);
        };
        Deadline::after(options.warmup + options.window * BEFORE_RESTART).wait();
        source.restart(away).map(Some)
    }

    /// Where and how the source publishes, if it is to do so.
    fn hub(&self) -> io::Result<Option<(Dialect, SocketAddrV4)>> {
        let dialect = match self.kind {
            Kind::Peer(peer) => peer.dialect(),
            Kind::Subject | Kind::Tls | Kind::H2 | Kind::Bare => None,
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
            format!("--slow={}", self.slow),
            format!("--topics={}", self.topics),
            format!("--connect-limit={}", self.connect_seconds()),
            format!("--settle={}", options.warmup * self.stretch),
            format!("--measure={}", options.window * self.stretch),
        ];
        if self.kind.is_by_tls(options) {
            arguments.push("--tls".to_owned());
        }
        if self.kind.is_by_http2(options) {
            arguments.extend(["--h2".to_owned(), format!("--streams={}", options.streams)]);
        }
        if self.storm {
            arguments.push("--storm".to_owned());
        }
        if self.follow_last_client {
            arguments.push("--last-client".to_owned());
        }
        if self.cut {
            arguments.push("--cut".to_owned());
        }
        arguments
    }
}

/// What the load says at the end of a phase, or why there is none.
fn report_of(load: &Running, deadline: Deadline) -> io::Result<Value> {
    let line = load.next_line(deadline)?;
    let report: Value = serde_json::from_str(&line).map_err(io::Error::other)?;
    match report["failed"].as_str() {
        Some(why) => Err(io::Error::other(why.to_owned())),
        None => Ok(report),
    }
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

    /// From the last connect to the end of the window.
    pub(crate) fn source_share(&self) -> f64 {
        self.number("/source_share")
    }

    /// Without a sample it is 0, and no time at all: no event has reached every client, for example.
    fn time(&self, pointer: &str) -> f64 {
        match self.number(pointer) {
            0.0 => f64::NAN,
            time => time,
        }
    }

    pub(crate) fn latency_us(&self, quantile: &str) -> f64 {
        self.time(&format!("/window/latency_us/{quantile}"))
    }

    pub(crate) fn last_client_us(&self, quantile: &str) -> f64 {
        self.time(&format!("/window/last_client_us/{quantile}"))
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

    /// Connections that the source has been asked for since its start.
    pub(crate) fn upstreams(&self) -> f64 {
        self.number("/source/connections_ever")
    }

    pub(crate) fn clients(&self) -> f64 {
        self.number("/clients")
    }
}

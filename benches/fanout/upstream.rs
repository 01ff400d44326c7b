//! The source's process, which a trial may kill and start again at the same address.

use std::io;
use std::net::SocketAddrV4;

use clap::ValueEnum as _;
use serde_json::Value;

use crate::accounting::Scheduled;
use crate::cli::Options;
use crate::clock::{Deadline, now_ns};
use crate::net;
use crate::process::{LOAD_CORE, Running};
use crate::source::{self, Dialect};
use crate::trial::Trial;

const START_SECONDS: f64 = 10.0;

#[derive(Debug)]
pub(crate) struct Upstream {
    /// `None` only while it is away.
    process: Option<Running>,
    pub(crate) address: SocketAddrV4,
    arguments: Vec<String>,
}

impl Upstream {
    /// For a `hub`, it publishes there.
    pub(crate) fn start(
        trial: &Trial,
        hub: Option<(Dialect, SocketAddrV4)>,
        options: &Options,
    ) -> io::Result<Self> {
        let address = net::free_address()?;
        let mut arguments = vec![
            "source".to_owned(),
            format!("--listen={address}"),
            format!("--rate={}", trial.emission_rate()),
            format!("--frame-bytes={}", options.event_bytes),
            format!("--epoch-ns={}", now_ns()),
        ];
        if let Some((dialect, hub)) = hub {
            let name = dialect.to_possible_value().expect("none is hidden");
            arguments.push(format!("--publish={}", name.get_name()));
            arguments.push(format!("--hub={hub}"));
        }
        arguments.extend(trial.slots.map(|slots| format!("--slots={slots}")));
        let mut upstream = Self {
            process: None,
            address,
            arguments,
        };
        upstream.run()?;
        Ok(upstream)
    }

    /// Kills it, and starts it again after a while; returns for how many seconds nobody listened.
    pub(crate) fn restart(&mut self, away_seconds: f64) -> io::Result<f64> {
        // Whoever publishes knows what it has published, and goes on from there.
        let published = self.stats()?["events_emitted"].as_u64().unwrap_or(0);
        self.arguments.push(format!("--published={published}"));
        self.process = None;
        let since = now_ns();
        Deadline::after(away_seconds).wait();
        self.run()?;
        Ok((now_ns() - since) as f64 / 1e9)
    }

    /// What it says of itself; since its latest start.
    pub(crate) fn stats(&self) -> io::Result<Value> {
        let (_, stats) = net::get(self.address, source::STATS_PATH)?;
        serde_json::from_str(&stats).map_err(io::Error::other)
    }

    fn run(&mut self) -> io::Result<()> {
        let mut process = Running::role(LOAD_CORE, &self.arguments)?;
        let address = self.address;
        process.wait_until(Deadline::after(START_SECONDS), || net::accepts(address))?;
        self.process = Some(process);
        Ok(())
    }
}

/// The source's time on a CPU, at a moment. With one connection for each client it is the source that
/// fans out, and no figure of the server shows it.
pub(crate) struct Seen {
    at_ns: u64,
    cpu: Scheduled,
}

impl Seen {
    pub(crate) fn of(source: Option<&Upstream>) -> io::Result<Self> {
        let process = source.and_then(|source| source.process.as_ref());
        let cpu = process.map(|process| Scheduled::of(process.pid()));
        Ok(Self {
            cpu: cpu.transpose()?.unwrap_or_default(),
            at_ns: now_ns(),
        })
    }

    /// Of one core, in percent.
    pub(crate) fn share_since(&self, earlier: &Self) -> f64 {
        let spent = self.cpu.since(earlier.cpu).on_cpu_ns;
        spent as f64 * 100.0 / (self.at_ns - earlier.at_ns) as f64
    }
}

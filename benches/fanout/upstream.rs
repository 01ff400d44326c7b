//! The source's process, which a trial may kill and start again at the same address.

use std::io;
use std::net::SocketAddrV4;

use serde_json::Value;

use crate::cli::Options;
use crate::clock::{Deadline, now_ns};
use crate::net;
use crate::process::{LOAD_CORE, Running};
use crate::source;

const START_SECONDS: f64 = 10.0;

#[derive(Debug)]
pub(crate) struct Upstream {
    /// `None` only while it is away.
    process: Option<Running>,
    pub(crate) address: SocketAddrV4,
    arguments: Vec<String>,
}

impl Upstream {
    pub(crate) fn start(rate: f64, options: &Options) -> io::Result<Self> {
        let address = net::free_address()?;
        let arguments = vec![
            "source".to_owned(),
            format!("--listen={address}"),
            format!("--rate={rate}"),
            format!("--frame-bytes={}", options.event_bytes),
            format!("--epoch-ns={}", now_ns()),
        ];
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

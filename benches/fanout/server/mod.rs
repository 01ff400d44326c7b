//! The server under test, or what it is compared with, on its own core: a file for each kind.

mod bare;
mod certificate;
mod fantail;
mod folder;
mod other;
pub(crate) mod peers;

use std::io;
use std::net::SocketAddrV4;

use crate::cli::Options;
use crate::clock::Deadline;
use crate::net;
use crate::process::Running;
use crate::slots::Slots;

pub(crate) use fantail::program;
use folder::Folder;
pub(crate) use peers::Peer;

const START_SECONDS: f64 = 20.0;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `fantail serve`, or the command given with `--server`.
    Subject,
    /// `fantail serve`, by TLS.
    Tls,
    /// The same, over HTTP/2.
    H2,
    Bare,
    /// Somebody else's; by TLS with `--tls`, over HTTP/2 with `--h2`.
    Peer(Peer),
}

impl Kind {
    pub(crate) fn name(self, options: &Options) -> &'static str {
        match self {
            Self::Bare => "bare",
            Self::Tls => "fantail by TLS",
            Self::H2 => "fantail by HTTP/2",
            Self::Subject if options.server.is_some() => "server",
            Self::Subject => "fantail",
            Self::Peer(peer) => peer.name(),
        }
    }

    /// How its clients come.
    pub(crate) fn is_by_tls(self, options: &Options) -> bool {
        match self {
            Self::Tls | Self::H2 => true,
            Self::Peer(_) => options.tls,
            Self::Subject | Self::Bare => false,
        }
    }

    pub(crate) fn is_by_http2(self, options: &Options) -> bool {
        match self {
            Self::H2 => true,
            Self::Peer(_) => options.h2,
            Self::Tls | Self::Subject | Self::Bare => false,
        }
    }
}

/// What a server must know before it starts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) kind: Kind,
    /// Where the source listens; the bare loop has none.
    pub(crate) upstream: Option<SocketAddrV4>,
    /// Where the source publishes to, for those that must be published to.
    pub(crate) publish: Option<SocketAddrV4>,
    pub(crate) clients: usize,
    pub(crate) rate: f64,
    /// Events in one write of the bare loop.
    pub(crate) batch: u64,
    /// What the clients are spread over.
    pub(crate) topics: usize,
    /// When there are events, if not always.
    pub(crate) slots: Option<Slots>,
}

impl Plan {
    fn upstream(&self) -> io::Result<SocketAddrV4> {
        self.upstream
            .ok_or_else(|| io::Error::other("this server needs an upstream"))
    }

    /// Events that a server keeps for those who come back: as an operator of a hot topic would say it.
    fn kept_events(&self, options: &Options) -> u64 {
        match options.log_events {
            0 => (self.rate as u64 * 4).max(1024),
            asked => asked,
        }
    }
}

#[derive(Debug)]
pub(crate) struct Server {
    process: Running,
    pub(crate) address: SocketAddrV4,
    /// Its files, gone after it.
    _folder: Option<Folder>,
}

impl Server {
    /// Returns once the server is ready to be asked.
    pub(crate) fn start(plan: &Plan, options: &Options) -> io::Result<Self> {
        let address = net::free_address()?;
        match (plan.kind, &options.server) {
            (Kind::Bare, _) => bare::start(plan, address, options),
            (Kind::Subject, Some(command)) => other::start(plan, address, command),
            (Kind::Subject, None) | (Kind::Tls | Kind::H2, _) => {
                fantail::start(plan, address, options)
            }
            (Kind::Peer(peer), _) => peers::start(peer, plan, address, options),
        }
    }

    /// The process to look at, with all that it has started.
    pub(crate) fn pid(&self) -> u32 {
        self.process.pid()
    }
}

fn await_port(mut process: Running, address: SocketAddrV4) -> io::Result<Server> {
    process.wait_until(Deadline::after(START_SECONDS), || net::accepts(address))?;
    Ok(Server {
        process,
        address,
        _folder: None,
    })
}

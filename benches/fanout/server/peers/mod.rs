//! Other people's servers: what each needs, how it is started, what it cannot do.
//!
//! Two hubs, which the source must publish to, and four reverse proxies in front of the unmodified
//! source, with one connection to it for each client. Each has a configuration as its own
//! documentation advises for long streams. All of a peer's processes are on the server's core.

mod apache;
mod caddy;
mod haproxy;
mod nchan;
mod nginx;
mod peer;
mod pushpin;

use std::io;
use std::net::SocketAddrV4;

use super::certificate::Certificate;
use super::{Folder, Plan, START_SECONDS, Server};
use crate::cli::Options;
use crate::clock::Deadline;
use crate::net;
use crate::process::{Running, SERVER_CORE};
use crate::source;
pub(crate) use peer::{Peer, Peers};

/// What is added to the clients: ports, pipes, logs, the source's own connections.
const SPARE_DESCRIPTORS: usize = 64;

/// What a peer's configuration is written from.
struct Site<'a> {
    /// Without TLS: where the clients come, or what is asked whether the peer is ready.
    plain: SocketAddrV4,
    tls: Option<(SocketAddrV4, &'a Certificate)>,
    source: SocketAddrV4,
    /// Zero for a proxy's: nothing is published.
    publish: SocketAddrV4,
    clients: usize,
    kept_events: u64,
    folder: &'a Folder,
}

/// What starts a peer, and what says 200 once it answers.
struct Launch {
    command: Vec<String>,
    ready_path: &'static str,
}

impl Launch {
    fn new<const WORDS: usize>(command: [impl Into<String>; WORDS]) -> Self {
        Self {
            command: command.map(Into::into).to_vec(),
            ready_path: source::STATS_PATH,
        }
    }
}

pub(super) fn start(
    peer: Peer,
    plan: &Plan,
    address: SocketAddrV4,
    options: &Options,
) -> io::Result<Server> {
    let folder = Folder::create(address.port())?;
    let certificate = options
        .tls
        .then(|| Certificate::write(&folder))
        .transpose()?;
    let unsecured = match certificate {
        Some(_) => net::free_address()?,
        None => address,
    };
    let site = Site {
        plain: unsecured,
        tls: certificate.as_ref().map(|files| (address, files)),
        source: plan.upstream()?,
        publish: plan.publish.unwrap_or(unsecured),
        clients: plan.clients,
        kept_events: plan.kept_events(options),
        folder: &folder,
    };
    let launch = match peer {
        Peer::Nchan => nchan::launch(&site)?,
        Peer::Pushpin => pushpin::launch(&site)?,
        Peer::Nginx => nginx::launch(&site)?,
        Peer::Haproxy => haproxy::launch(&site)?,
        Peer::Caddy => caddy::launch(&site)?,
        Peer::Apache => apache::launch(&site)?,
    };
    let mut process = Running::start_family(SERVER_CORE, &launch.command)?;
    let ready =
        || matches!(net::get(unsecured, launch.ready_path), Ok((200, _))) && net::accepts(address);
    process.wait_until(Deadline::after(START_SECONDS), ready)?;
    Ok(Server {
        process,
        address,
        _folder: Some(folder),
    })
}

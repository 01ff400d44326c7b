//! The listening sockets: inherited where they are there, bound where not; and what a successor
//! inherits of them.
//!
//! Invariant: each configured address has exactly one socket, or nothing is started. The sockets
//! of a service manager are served or refused, never quietly left out.

use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};

use tokio::net::TcpListener;

use super::StartError;
use super::inherited::{Handed, Inherited, Label, Opened};
use super::unix_paths::UnixPaths;
use crate::admin;
use crate::config::{Config, Listen, Redirect};
use crate::edge::listen::Listener;

/// The sockets, open before anything runs.
#[derive(Debug, Default)]
pub(super) struct Sockets {
    pub(super) listeners: Vec<(Door, Listener)>,
    pub(super) admin: Option<TcpListener>,
    pub(super) unix_paths: UnixPaths,
    pub(super) legacy: Legacy,
}

/// What a listener is for its clients.
#[derive(Clone, Debug)]
pub(super) struct Door {
    /// As configured, or where it listens if it is not.
    pub(super) name: String,
    pub(super) by_tls: bool,
}

/// What a successor inherits: handles of their own, because the sockets themselves belong to the
/// tasks that accept.
#[derive(Debug, Default)]
pub(super) struct Legacy(Vec<(Label, OwnedFd)>);

// === impl Sockets ===

impl Sockets {
    pub(super) async fn open(config: &Config, from: Inherited) -> Result<Self, StartError> {
        if let Some(fault) = from.fault {
            return Err(fault.into());
        }
        let (mut sockets, mut inherited) = (Self::default(), from.sockets);
        if let Some(address) = config.admin {
            sockets.open_admin(address, &mut inherited).await?;
        }
        let is_given = |handed: &Handed| handed.label == Label::Given;
        // Who passes sockets and configures none means these, and not the default beside them.
        let are_given = !config.is_listen_given && inherited.iter().any(is_given);
        // First, so that what is configured for TLS is never taken for a plain one.
        for address in config.tls.iter().flat_map(|tls| &tls.listen) {
            sockets.open_listener(&Listen::Tcp(*address), true, &mut inherited)?;
        }
        if are_given {
            for handed in inherited.extract_if(.., |handed| is_given(handed)) {
                sockets.adopt(Door::plain(handed.socket.name()), handed)?;
            }
        } else {
            for listen in &config.server.listen {
                sockets.open_listener(listen, false, &mut inherited)?;
            }
        }
        for handed in inherited {
            sockets.leave_out(&handed)?;
        }
        Ok(sockets)
    }

    async fn open_admin(
        &mut self,
        address: SocketAddr,
        inherited: &mut Vec<Handed>,
    ) -> Result<(), StartError> {
        let failed = |source| StartError::Admin { address, source };
        let ours = Label::Admin(address.to_string());
        let claimed = claim(inherited, &ours, &Listen::Tcp(address));
        let (label, listener) = match claimed {
            Some(Handed {
                label,
                socket: Opened::Tcp(socket),
            }) => (label.kept_as(ours), admin::adopt(socket)),
            Some(_) | None => (ours, admin::bind(address).await),
        };
        let listener = listener.map_err(failed)?;
        self.legacy.add(label, &listener).map_err(failed)?;
        self.admin = Some(listener);
        Ok(())
    }

    fn open_listener(
        &mut self,
        listen: &Listen,
        by_tls: bool,
        inherited: &mut Vec<Handed>,
    ) -> Result<(), StartError> {
        let name = listen.name();
        let door = Door { name, by_tls };
        let ours = door.label();
        if let Some(handed) = claim(inherited, &ours, listen) {
            return self.adopt(door, handed);
        }
        let listener = match listen {
            Listen::Tcp(address) => Listener::tcp(*address),
            Listen::Unix(path) => Listener::unix(path).inspect(|_| self.unix_paths.bound(path)),
        };
        self.keep(door, ours, listener)
    }

    /// Goes on listening where somebody else began.
    fn adopt(&mut self, door: Door, handed: Handed) -> Result<(), StartError> {
        let label = handed.label.kept_as(door.label());
        if let (Label::Listen(_), Ok(Listen::Unix(path))) = (&label, handed.socket.address()) {
            self.unix_paths.inherit(&path);
        }
        let listener = match handed.socket {
            Opened::Tcp(socket) => Listener::adopt_tcp(socket),
            Opened::Unix(socket) => Listener::adopt_unix(socket),
        };
        tracing::info!(listener = door.name, "the listening socket is inherited");
        self.keep(door, label, listener)
    }

    fn keep(
        &mut self,
        door: Door,
        label: Label,
        listener: std::io::Result<Listener>,
    ) -> Result<(), StartError> {
        let kept = listener.and_then(|listener| {
            self.legacy.add(label, &listener)?;
            Ok(listener)
        });
        match kept {
            Ok(listener) => self.listeners.push((door, listener)),
            Err(source) => {
                let address = door.name;
                return Err(StartError::Listen { address, source });
            }
        }
        Ok(())
    }

    /// An inherited socket that nobody asks for.
    fn leave_out(&mut self, handed: &Handed) -> Result<(), StartError> {
        let address = handed.socket.name();
        if handed.label == Label::Given {
            return Err(StartError::NotConfigured { address });
        }
        if let Ok(Listen::Unix(path)) = handed.socket.address() {
            self.unix_paths.abandon(&path);
        }
        tracing::info!(address, "not configured any more: the socket is closed");
        Ok(())
    }

    /// Those of TCP, with TLS or without.
    pub(super) fn addresses(&self, by_tls: bool) -> Vec<SocketAddr> {
        let listeners = self.listeners.iter();
        let listeners = listeners.filter(|(door, _)| door.by_tls == by_tls);
        let addresses = listeners.filter_map(|(_, listener)| listener.address());
        addresses.collect()
    }

    /// The port that ordinary plain requests are sent to.
    pub(super) fn redirect(&self, config: &Config) -> Option<u16> {
        match config.tls.as_ref()?.redirect {
            Redirect::Off => None,
            Redirect::Bound => self.addresses(true).first().map(SocketAddr::port),
            Redirect::Port(port) => Some(port),
        }
    }

    pub(super) fn tls_names(&self) -> Vec<String> {
        let doors = self.listeners.iter().map(|(door, _)| door);
        let doors = doors.filter(|door| door.by_tls);
        doors.map(|door| door.name.clone()).collect()
    }
}

// === impl Door ===

impl Door {
    fn plain(name: String) -> Self {
        let by_tls = false;
        Self { name, by_tls }
    }

    fn label(&self) -> Label {
        let name = self.name.clone();
        if self.by_tls {
            Label::Tls(name)
        } else {
            Label::Listen(name)
        }
    }
}

// === impl Legacy ===

impl Legacy {
    fn add(&mut self, label: Label, socket: &impl AsFd) -> std::io::Result<()> {
        let handle = socket.as_fd().try_clone_to_owned()?;
        self.0.push((label, handle));
        Ok(())
    }

    /// Handles to give away.
    pub(super) fn handles(&self) -> std::io::Result<Vec<(Label, OwnedFd)>> {
        let handle = |(label, handle): &(Label, OwnedFd)| Ok((label.clone(), handle.try_clone()?));
        self.0.iter().map(handle).collect()
    }
}

/// The inherited socket of a configured address: by the name that a predecessor gave it, else by
/// where it listens.
fn claim(inherited: &mut Vec<Handed>, name: &Label, listen: &Listen) -> Option<Handed> {
    let is_there = |handed: &Handed| handed.socket.address().is_ok_and(|there| there == *listen);
    let by_name = inherited.iter().position(|handed| handed.label == *name);
    let place = by_name.or_else(|| inherited.iter().position(is_there))?;
    Some(inherited.remove(place))
}

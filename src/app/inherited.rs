//! The sockets that this process was started with: systemd's `LISTEN_FDS`, which a predecessor
//! speaks too, so that activation and restart are one thing.
//!
//! Invariant: what is taken here is closed on exec, so that no later process has it by accident.

use std::io;
use std::net::TcpListener;
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::path::Path;

use listenfd::ListenFd;
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};
use socket2::SockRef;

use crate::config::Listen;

/// What can not stand in a name of `LISTEN_FDNAMES`, which are separated by colons.
const ESCAPED: AsciiSet = CONTROLS.add(b':').add(b'%');
const READY: &str = "fantail-ready";
const LISTEN: &str = "fantail-listen=";
const TLS: &str = "fantail-tls=";
const ADMIN: &str = "fantail-admin=";
/// Any name that is not one of ours means the same.
const GIVEN: &str = "given";

/// What an inherited descriptor is for: its name in `LISTEN_FDNAMES`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Label {
    /// Where the predecessor waits for our word.
    Ready,
    /// A listener of the predecessor, by its name in the configuration: its port may be 0 there.
    Listen(String),
    /// Likewise one with TLS.
    Tls(String),
    /// Likewise its admin listener.
    Admin(String),
    /// A socket of systemd, or of somebody else who speaks its protocol.
    Given,
}

/// A listening socket that another process has opened.
#[derive(Debug)]
pub(super) enum Opened {
    /// TCP.
    Tcp(TcpListener),
    /// A Unix socket.
    Unix(UnixListener),
}

/// A listening socket that this process was started with.
#[derive(Debug)]
pub(super) struct Handed {
    pub(super) label: Label,
    pub(super) socket: Opened,
}

/// What was inherited is of no use.
#[derive(Debug, thiserror::Error)]
#[error(
    "the inherited descriptor {number} of LISTEN_FDS, {name:?}, is no listening stream socket: \
     {source}; pass sockets of `ListenStream=` without `Accept=yes`"
)]
pub struct Unusable {
    /// Its place, from 0.
    number: usize,
    /// Its name in `LISTEN_FDNAMES`.
    name: String,
    /// What it is not.
    source: io::Error,
}

/// What this process was started with.
#[derive(Debug, Default)]
pub struct Inherited {
    pub(super) sockets: Vec<Handed>,
    pub(super) predecessor: Option<UnixDatagram>,
    /// Told when the application starts, as all that keeps it from that.
    pub(super) fault: Option<Unusable>,
}

// === impl Inherited ===

impl Inherited {
    /// Takes what the environment tells of, and takes it out of the environment: to be called once,
    /// before there is a second thread, because others may read the environment.
    pub fn take() -> Self {
        let names = std::env::var("LISTEN_FDNAMES").unwrap_or_default();
        let mut names = names.split(':');
        let mut descriptors = ListenFd::from_env();
        let mut inherited = Self::default();
        for number in 0..descriptors.len() {
            let name = names.next().unwrap_or_default();
            if let Err(source) = inherited.take_one(&mut descriptors, number, name) {
                let name = name.to_owned();
                inherited.fault = Some(Unusable {
                    number,
                    name,
                    source,
                });
            }
        }
        inherited
    }

    fn take_one(&mut self, from: &mut ListenFd, number: usize, name: &str) -> io::Result<()> {
        let label = Label::parse(name);
        if label == Label::Ready {
            self.predecessor = from.take_unix_datagram(number)?;
            return Ok(());
        }
        let socket = match from.take_tcp_listener(number) {
            Ok(socket) => socket.map(Opened::Tcp),
            Err(_) => from.take_unix_listener(number)?.map(Opened::Unix),
        };
        let socket = socket.ok_or(io::ErrorKind::NotFound)?;
        if !socket.is_listening()? {
            let why = "it is a connection, or does not listen";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
        }
        self.sockets.push(Handed { label, socket });
        Ok(())
    }
}

// === impl Opened ===

impl Opened {
    fn is_listening(&self) -> io::Result<bool> {
        match self {
            Self::Tcp(socket) => SockRef::from(socket).is_listener(),
            Self::Unix(socket) => SockRef::from(socket).is_listener(),
        }
    }

    /// As it would be configured; a Unix socket without a path has an empty one.
    pub(super) fn address(&self) -> io::Result<Listen> {
        Ok(match self {
            Self::Tcp(socket) => Listen::Tcp(socket.local_addr()?),
            Self::Unix(socket) => {
                let address = socket.local_addr()?;
                let path = address.as_pathname().unwrap_or_else(|| Path::new(""));
                Listen::Unix(path.to_owned())
            }
        })
    }

    /// For people.
    pub(super) fn name(&self) -> String {
        let address = self.address();
        address.map_or_else(|error| error.to_string(), |address| address.name())
    }
}

// === impl Label ===

impl Label {
    /// What a socket with this label is called once it is `ours`. What has been given to us stays
    /// so for each successor: it is not ours to close, nor is its path ours to remove.
    pub(super) fn kept_as(self, ours: Self) -> Self {
        if self == Self::Given { self } else { ours }
    }

    fn parse(name: &str) -> Self {
        let decode = |text| percent_decode_str(text).decode_utf8_lossy().into_owned();
        if name == READY {
            Self::Ready
        } else if let Some(address) = name.strip_prefix(LISTEN) {
            Self::Listen(decode(address))
        } else if let Some(address) = name.strip_prefix(TLS) {
            Self::Tls(decode(address))
        } else if let Some(address) = name.strip_prefix(ADMIN) {
            Self::Admin(decode(address))
        } else {
            Self::Given
        }
    }
}

impl std::fmt::Display for Label {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (name, address) = match self {
            Self::Ready => (READY, ""),
            Self::Given => (GIVEN, ""),
            Self::Listen(address) => (LISTEN, &**address),
            Self::Tls(address) => (TLS, &**address),
            Self::Admin(address) => (ADMIN, &**address),
        };
        write!(f, "{name}{}", utf8_percent_encode(address, &ESCAPED))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_survive_the_way_through_the_environment() {
        let addresses = ["127.0.0.1:0", "[::1]:80", "unix:/run/a%3Ab:c\n.sock"];
        let listeners = addresses.map(|address| Label::Listen(address.to_owned()));
        let others = [
            Label::Ready,
            Label::Given,
            Label::Tls("127.0.0.1:0".to_owned()),
            Label::Admin("127.0.0.1:9900".to_owned()),
        ];
        for label in listeners.into_iter().chain(others) {
            let name = label.to_string();
            assert!(!name.contains([':', '\n']), "{name}");
            assert_eq!(Label::parse(&name), label);
        }
    }

    #[test]
    fn a_name_of_somebody_else_is_a_given_socket() {
        for name in ["", "fantail.socket", "http", "fantail-ready "] {
            assert_eq!(Label::parse(name), Label::Given);
        }
    }
}

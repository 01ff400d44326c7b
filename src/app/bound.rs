//! The listening sockets: all of them bound before anything runs.

use std::net::SocketAddr;

use tokio::net::TcpListener;

use super::StartError;
use super::unix_paths::UnixPaths;
use crate::admin;
use crate::config::{Config, Listen};
use crate::edge::listen::Listener;

/// The sockets, bound before anything runs.
pub(super) struct Bound {
    pub(super) doors: Vec<Door>,
    pub(super) unix_paths: UnixPaths,
    pub(super) admin: Option<TcpListener>,
}

/// One of them, for clients.
pub(super) struct Door {
    pub(super) name: String,
    pub(super) listener: Listener,
    pub(super) by_tls: bool,
}

impl Bound {
    pub(super) async fn new(config: &Config) -> Result<Self, StartError> {
        let (mut doors, mut unix_paths) = (Vec::new(), UnixPaths::default());
        for listen in &config.server.listen {
            doors.push(bind(listen, false, &mut unix_paths)?);
        }
        for address in config.tls.iter().flat_map(|tls| &tls.listen) {
            doors.push(bind(&Listen::Tcp(*address), true, &mut unix_paths)?);
        }
        let admin = match config.admin {
            None => None,
            Some(address) => Some(
                admin::bind(address)
                    .await
                    .map_err(|source| StartError::Admin { address, source })?,
            ),
        };
        Ok(Self {
            doors,
            unix_paths,
            admin,
        })
    }

    /// Those of TCP, with TLS or without.
    pub(super) fn addresses(&self, by_tls: bool) -> Vec<SocketAddr> {
        let doors = self.doors.iter().filter(|door| door.by_tls == by_tls);
        doors.filter_map(|door| door.listener.address()).collect()
    }

    /// The port that ordinary plain requests are sent to.
    pub(super) fn redirect(&self, config: &Config) -> Option<u16> {
        config.tls.as_ref().filter(|tls| tls.redirect)?;
        self.addresses(true).first().map(SocketAddr::port)
    }

    pub(super) fn tls_names(&self) -> Vec<String> {
        let doors = self.doors.iter().filter(|door| door.by_tls);
        doors.map(|door| door.name.clone()).collect()
    }
}

fn bind(listen: &Listen, by_tls: bool, paths: &mut UnixPaths) -> Result<Door, StartError> {
    let name = listen.name();
    let listener = match listen {
        Listen::Tcp(address) => Listener::tcp(*address),
        Listen::Unix(path) => Listener::unix(path).inspect(|_| paths.add(path)),
    };
    match listener {
        Ok(listener) => Ok(Door {
            name,
            listener,
            by_tls,
        }),
        Err(source) => {
            let address = name;
            Err(StartError::Listen { address, source })
        }
    }
}

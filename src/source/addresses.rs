//! Several places that one upstream can be reached at, as a route's `addresses` names them.
//!
//! Layer 2: may import the source's own connections. Invariants: the URL, and so the topic key, the
//! `Host` and the name that TLS verifies, is the same wherever a connection leads; the one that
//! answered last is tried first, the others in their order, each with its share of the time.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::net::UnixStream;
use tokio::time::{Instant, timeout};

use super::Error;
use super::connect::{self, Place, Stream};
use crate::clock;

/// One place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// A name or numeric address, and a port.
    Tcp {
        /// As it stands in a URL.
        host: Box<str>,
        /// The port.
        port: u16,
    },
    /// A Unix socket's path.
    Unix(PathBuf),
}

/// All places of one upstream, shared by everybody who connects to it. Two are equal if they were
/// configured alike.
#[derive(Debug)]
pub struct Addresses {
    list: Vec<Address>,
    /// The one that answered last.
    preferred: AtomicUsize,
}

impl PartialEq for Addresses {
    fn eq(&self, other: &Self) -> bool {
        self.list == other.list
    }
}

impl Eq for Addresses {}

impl Addresses {
    /// In the order in which they are tried.
    pub fn new(list: Vec<Address>) -> Self {
        Self {
            list,
            preferred: AtomicUsize::new(0),
        }
    }

    /// In the order in which they were configured.
    pub fn list(&self) -> &[Address] {
        &self.list
    }

    /// Connects to the first that answers within `limit`.
    pub(super) async fn connect(&self, limit: Duration) -> Result<Box<dyn Stream>, Error> {
        let deadline = Instant::from_std(clock::now() + limit);
        let first = self.preferred.load(Ordering::Relaxed);
        let order = (first..self.list.len()).chain(0..first);
        let mut failure = Error::Timeout("connect");
        let mut left = u32::try_from(self.list.len()).unwrap_or(u32::MAX);
        for place in order {
            let share = deadline.saturating_duration_since(Instant::from_std(clock::now())) / left;
            left = left.saturating_sub(1).max(1);
            let Some(address) = self.list.get(place) else {
                continue;
            };
            match address.connect(share).await {
                Ok(stream) => {
                    self.preferred.store(place, Ordering::Relaxed);
                    return Ok(stream);
                }
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }
}

impl Address {
    async fn connect(&self, limit: Duration) -> Result<Box<dyn Stream>, Error> {
        match self {
            Self::Tcp { host, port } => {
                let place = Place {
                    host,
                    port: *port,
                    own: host,
                };
                Ok(Box::new(connect::connect(&place, limit).await?))
            }
            Self::Unix(path) => match timeout(limit, UnixStream::connect(path)).await {
                Ok(Ok(stream)) => Ok(Box::new(stream)),
                Ok(Err(error)) => Err(Error::Connect(error)),
                Err(_) => Err(Error::Timeout("connect")),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::{TcpListener, UnixListener};

    const LIMIT: Duration = Duration::from_secs(5);

    async fn listening() -> (TcpListener, Address) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let host = "127.0.0.1".into();
        (listener, Address::Tcp { host, port })
    }

    #[tokio::test]
    async fn one_that_refuses_gives_way_and_is_not_asked_first_again() {
        let (refusing, first) = listening().await;
        let (answering, second) = listening().await;
        drop(refusing);
        let addresses = Addresses::new(vec![first, second]);
        for _ in 0..2 {
            addresses.connect(LIMIT).await.map(drop).unwrap();
            answering.accept().await.unwrap();
            assert_eq!(addresses.preferred.load(Ordering::Relaxed), 1);
        }
    }

    #[tokio::test]
    async fn a_socket_is_a_place_too_and_the_first_one_is_asked_again_once_the_second_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("app.sock");
        let socket = UnixListener::bind(&path).unwrap();
        let (listener, first) = listening().await;
        let addresses = Addresses::new(vec![first, Address::Unix(path.clone())]);
        addresses.preferred.store(1, Ordering::Relaxed);
        addresses.connect(LIMIT).await.map(drop).unwrap();
        socket.accept().await.unwrap();
        drop(socket);
        std::fs::remove_file(path).unwrap();
        addresses.connect(LIMIT).await.map(drop).unwrap();
        listener.accept().await.unwrap();
    }

    #[tokio::test]
    async fn if_all_refuse_the_last_word_is_told() {
        let (listener, address) = listening().await;
        drop(listener);
        let addresses = Addresses::new(vec![address]);
        let failed = addresses.connect(LIMIT).await.map(drop);
        assert!(matches!(failed, Err(Error::Connect(_))));
    }
}

//! A listening socket: permit, accept, hand on. No error ends it but the program's end.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use socket2::{Domain, Protocol, SockRef, Type};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::task::JoinSet;

use super::Edge;
use super::client::{Entry, Peer};
use super::conn::{self, Arrival};
use super::reject::Reject;
use super::tls::Acceptor;
use crate::delivery::ConnectionPermit;
use crate::drain::Phase;
use crate::metrics::{GaugeGuard, ListenerMetrics, RejectReason, TlsMetrics};

/// A reconnect storm waits here rather than in the clients' SYN timers; the kernel may allow less.
const BACKLOG: i32 = 4096;
/// After an accept that failed for want of a descriptor or memory: a try costs nothing so often,
/// and without a pause it fails again at once.
const PAUSE: Duration = Duration::from_millis(50);

/// A bound listening socket.
#[derive(Debug)]
pub enum Listener {
    /// TCP.
    Tcp(TcpListener),
    /// A Unix socket.
    Unix(UnixListener),
}

impl Listener {
    /// Listens on a TCP address.
    pub fn tcp(address: SocketAddr) -> io::Result<Self> {
        let domain = Domain::for_address(address);
        let socket = socket2::Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
        socket.set_reuse_address(true)?;
        socket.set_nonblocking(true)?;
        if address.is_ipv6() {
            socket.set_only_v6(true)?;
        }
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)?;
        Ok(Self::Tcp(TcpListener::from_std(socket.into())?))
    }

    /// Listens on a Unix socket; one that nobody listens on any more is replaced.
    pub fn unix(path: &Path) -> io::Result<Self> {
        if path.exists() && std::os::unix::net::UnixStream::connect(path).is_err() {
            std::fs::remove_file(path)?;
        }
        Ok(Self::Unix(UnixListener::bind(path)?))
    }

    /// Goes on listening on a TCP socket that another process has opened.
    pub fn adopt_tcp(listener: std::net::TcpListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        Ok(Self::Tcp(TcpListener::from_std(listener)?))
    }

    /// Likewise on a Unix socket.
    pub fn adopt_unix(listener: std::os::unix::net::UnixListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        Ok(Self::Unix(UnixListener::from_std(listener)?))
    }

    /// The address that was bound, for a port that the system chose.
    pub fn address(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(listener) => listener.local_addr().ok(),
            Self::Unix(_) => None,
        }
    }
}

/// What a listener with TLS has besides.
#[derive(Clone, Debug)]
pub struct TlsDoor {
    /// Shared by all listeners.
    pub acceptor: Arc<Acceptor>,
    /// Its own.
    pub metrics: Arc<TlsMetrics>,
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Tcp(listener) => listener.as_fd(),
            Self::Unix(listener) => listener.as_fd(),
        }
    }
}

/// Accepts connections until the program is over, or until a new process does it.
pub async fn accept(
    edge: Arc<Edge>,
    listener: Listener,
    metrics: Arc<ListenerMetrics>,
    tls: Option<TlsDoor>,
) {
    let mut drain = edge.drain.clone();
    let mut conversations = JoinSet::new();
    let accepting = edge.accepting.acquire();
    loop {
        let admission = Admission::wait(&edge).await;
        let accepted = tokio::select! {
            // Before another accept, for then it is the new process that answers. Accept loses
            // nothing when it is dropped: who has not been accepted stays in the socket's queue.
            biased;
            () = drain.accepting_ends() => break,
            accepted = next_client(&listener, &mut conversations) => accepted,
        };
        let admission = admission.renewed(&edge);
        let shared = Arc::clone(&edge);
        match accepted {
            Ok(Accepted::Tcp(stream, from)) => {
                let peer = Peer::Address(from.ip().to_canonical());
                prepare(&stream, &edge);
                let arrival = arrival(&edge, &metrics, peer, admission);
                meet(&mut conversations, shared, stream, arrival, tls.clone());
            }
            Ok(Accepted::Unix(stream)) => {
                let arrival = arrival(&edge, &metrics, Peer::Local, admission);
                conversations.spawn(conn::serve(shared, stream, arrival, UnixStream::readable));
            }
            Err(error) => pause(&error, &metrics).await,
        }
    }
    // Leaves the poller too, which else would wake this process for the new one's clients.
    drop(listener);
    drop(accepting);
    // The conversations end with this task.
    drain.reached(Phase::Closed).await;
    conversations.shutdown().await;
}

/// Begins a conversation over TCP, by TLS where the listener has it.
fn meet(
    conversations: &mut JoinSet<()>,
    edge: Arc<Edge>,
    stream: TcpStream,
    arrival: Arrival,
    tls: Option<TlsDoor>,
) {
    // Two kinds of tasks, so that a plain connection does not carry a handshake's size.
    match tls {
        None => conversations.spawn(conn::serve(edge, stream, arrival, TcpStream::readable)),
        Some(tls) => conversations.spawn(conn::serve_tls(edge, stream, arrival, tls)),
    };
}

/// A socket that can not be told so is one that has hung up already.
fn prepare(stream: &TcpStream, edge: &Edge) {
    drop(stream.set_nodelay(true));
    let patience = Some(edge.options.client_timeout);
    drop(SockRef::from(stream).set_tcp_user_timeout(patience));
}

enum Accepted {
    Tcp(TcpStream, SocketAddr),
    Unix(UnixStream),
}

/// Lets go of conversations that are over while it waits: after a thousand clients at once perhaps
/// nobody comes for hours, and each would keep the memory of its task.
async fn next_client(listener: &Listener, conversations: &mut JoinSet<()>) -> io::Result<Accepted> {
    loop {
        tokio::select! {
            biased;
            accepted = accept_one(listener) => return accepted,
            Some(_) = conversations.join_next() => {}
        }
    }
}

async fn accept_one(listener: &Listener) -> io::Result<Accepted> {
    Ok(match listener {
        Listener::Tcp(listener) => {
            let (stream, from) = listener.accept().await?;
            Accepted::Tcp(stream, from)
        }
        Listener::Unix(listener) => Accepted::Unix(listener.accept().await?.0),
    })
}

/// Errors of one connection are nobody else's; errors of the machine pass.
async fn pause(error: &io::Error, metrics: &ListenerMetrics) {
    const EMFILE: i32 = 24;
    const ENFILE: i32 = 23;
    if matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset
    ) {
        metrics.accept_other.inc();
        return;
    }
    if matches!(error.raw_os_error(), Some(EMFILE | ENFILE)) {
        metrics.accept_emfile.inc();
    } else {
        metrics.accept_other.inc();
    }
    tracing::warn!(%error, "a connection can not be accepted; trying again");
    tokio::time::sleep(PAUSE).await;
}

/// The right to accept one connection, taken before it is accepted.
struct Admission {
    permit: crate::hub::limits::TotalPermit,
    is_full: bool,
}

impl Admission {
    /// Waits for a place among `connections`, or for one to say no on.
    async fn wait(edge: &Edge) -> Self {
        loop {
            if let Some(permit) = edge.connections.try_acquire() {
                return Self {
                    permit,
                    is_full: false,
                };
            }
            if let Some(permit) = edge.refusals.try_acquire() {
                return Self {
                    permit,
                    is_full: true,
                };
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// A client has come, perhaps long after no place was found for it: one that has come free
    /// meanwhile is the client's.
    fn renewed(self, edge: &Edge) -> Self {
        if !self.is_full {
            return self;
        }
        match edge.connections.try_acquire() {
            Some(permit) => Self {
                permit,
                is_full: false,
            },
            None => self,
        }
    }
}

fn arrival(
    edge: &Edge,
    metrics: &Arc<ListenerMetrics>,
    peer: Peer,
    admission: Admission,
) -> Arrival {
    let full = Reject::Busy(RejectReason::Connections);
    let refusal = admission.is_full.then_some(full);
    let permit = ConnectionPermit {
        total: admission.permit,
        served: edge.served.acquire(),
        address: None,
        open: GaugeGuard::enter(&metrics.connections),
    };
    Arrival {
        entry: Entry { peer, tls: None },
        refusal,
        permit,
        metrics: Arc::clone(metrics),
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn a_conversation_that_is_over_keeps_no_memory_until_somebody_else_comes() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let listener = Listener::Tcp(listener);
        let mut conversations = JoinSet::new();
        for _ in 0..100 {
            conversations.spawn(async {});
        }
        while !conversations.is_empty() {
            // Nobody comes: dropped where it waits.
            let next = next_client(&listener, &mut conversations);
            assert!(next.now_or_never().is_none());
            tokio::task::yield_now().await;
        }
        let client = TcpStream::connect(address).await.unwrap();
        let accepted = next_client(&listener, &mut conversations).await.unwrap();
        let Accepted::Tcp(_, from) = accepted else {
            panic!("not by TCP");
        };
        assert_eq!(from, client.local_addr().unwrap());
    }
}

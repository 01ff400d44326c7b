//! A handshake: hello, permit, the rest, all under one deadline.
//!
//! Invariant: a permit is held only by a client that has sent its whole hello, so that sockets
//! that say little keep nobody out.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustls::{HandshakeKind, ProtocolVersion, ServerConfig};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout, timeout_at};

use super::{Secured, TlsStream};
use crate::clock;
use crate::delivery::session::Session;
use crate::edge::Options;
use crate::metrics::{HandshakeResult, ListenerMetrics, RejectReason, TlsMetrics};

/// What the handshakes of all listeners share.
#[derive(Debug)]
pub struct Acceptor {
    config: Arc<ServerConfig>,
    /// Handshakes that may go on.
    permits: Semaphore,
    limit: Duration,
}

impl Acceptor {
    pub(super) fn new(config: Arc<ServerConfig>, limits: &Options) -> Arc<Self> {
        Arc::new(Self {
            config,
            permits: Semaphore::new(limits.handshakes),
            limit: limits.handshake_timeout,
        })
    }
}

/// Why a handshake came to nothing.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("it took too long")]
    Timeout,
    #[error("too many handshakes are going on")]
    Busy,
    #[error("the client hung up")]
    Gone(#[source] io::Error),
    #[error("{0}")]
    Refused(#[source] rustls::Error),
}

/// A failure, and the socket of a client that has been told of it.
struct Failed {
    failure: Failure,
    socket: Option<TcpStream>,
}

impl From<Failure> for Failed {
    fn from(failure: Failure) -> Self {
        Self {
            failure,
            socket: None,
        }
    }
}

/// Makes a TLS stream of a connection; `None` if nothing comes of it, which is counted.
pub(in crate::edge) async fn shake(
    acceptor: &Acceptor,
    socket: TcpStream,
    metrics: &ListenerMetrics,
    tls: &TlsMetrics,
) -> Option<(TlsStream, Secured)> {
    let begin = clock::now();
    let deadline = Instant::from_std(begin + acceptor.limit);
    match attempt(acceptor, socket, deadline).await {
        Ok((stream, secured)) => {
            let took = clock::now().saturating_duration_since(begin);
            tls.duration.observe(took.as_secs_f64());
            let facts = stream.session().facts();
            tls.done(
                facts.protocol_version() == Some(ProtocolVersion::TLSv1_3),
                facts.handshake_kind() == Some(HandshakeKind::Resumed),
            );
            Some((stream, secured))
        }
        Err(Failed { failure, socket }) => {
            if matches!(failure, Failure::Busy) {
                metrics.rejects.of(RejectReason::Handshakes).inc();
            }
            tls.failed.of(failure.result()).inc();
            tracing::debug!(error = %failure, "a TLS handshake failed");
            if let Some(socket) = socket {
                linger(socket).await;
            }
            None
        }
    }
}

async fn attempt(
    acceptor: &Acceptor,
    mut socket: TcpStream,
    deadline: Instant,
) -> Result<(TlsStream, Secured), Failed> {
    let hello = timeout_at(deadline, Box::pin(hello(&mut socket))).await;
    let (bytes, server_name) = match hello.map_err(|_| Failure::Timeout)? {
        Ok(hello) => hello,
        Err(failure) => return Err(failure.told(socket)),
    };
    // Half of what is left: who gets a permit must have the time to use it.
    let left = deadline.saturating_duration_since(Instant::from_std(clock::now()));
    let permit = timeout(left / 2, acceptor.permits.acquire()).await;
    // It is never closed.
    let permit = permit.map_err(|_| Failure::Busy)?.ok();
    let session = Session::new(Arc::clone(&acceptor.config)).map_err(Failure::Refused)?;
    let mut stream = TlsStream::new(socket, session);
    let shaken = timeout_at(deadline, Box::pin(stream.shake(&bytes))).await;
    let shaken = shaken.map_err(|_| Failure::Timeout)?;
    drop(permit);
    if let Err(error) = shaken {
        return Err(Failure::from(error).told(stream.into_inner()));
    }
    let secured = Secured::new(server_name, stream.session().facts());
    Ok((stream, secured))
}

/// Reads until the client's hello is complete: all bytes that have come, and the name that it asks
/// for. The session reads them once more; this is how it is known that they are all there.
async fn hello(socket: &mut TcpStream) -> Result<(Vec<u8>, Option<Box<str>>), Failure> {
    let mut reader = rustls::server::Acceptor::default();
    let mut bytes = Vec::new();
    loop {
        let before = bytes.len();
        if socket.read_buf(&mut bytes).await.map_err(Failure::Gone)? == 0 {
            return Err(Failure::Gone(io::ErrorKind::UnexpectedEof.into()));
        }
        let mut fresh = bytes.get(before..).unwrap_or_default();
        while !fresh.is_empty() {
            // A hello of more than 64 KiB is refused here.
            reader
                .read_tls(&mut fresh)
                .map_err(|error| Failure::Refused(rustls::Error::General(error.to_string())))?;
        }
        match reader.accept() {
            Ok(None) => {}
            Ok(Some(accepted)) => {
                let name = accepted.client_hello().server_name().map(Box::from);
                return Ok((bytes, name));
            }
            Err((error, mut alert)) => {
                let mut words = Vec::new();
                drop(alert.write_all(&mut words));
                drop(socket.write_all(&words).await);
                return Err(Failure::Refused(error));
            }
        }
    }
}

/// Closes our side and waits a moment for the client to close its own: were it still talking, a
/// reset would overtake the alert that says why.
async fn linger(mut socket: TcpStream) {
    const PATIENCE: Duration = Duration::from_secs(1);
    let wait = async {
        socket.shutdown().await?;
        let mut forgotten = [0; 512];
        while socket.read(&mut forgotten).await? > 0 {}
        Ok::<_, io::Error>(())
    };
    drop(timeout(PATIENCE, wait).await);
}

impl Failure {
    fn told(self, socket: TcpStream) -> Failed {
        Failed {
            failure: self,
            socket: Some(socket),
        }
    }

    fn result(&self) -> HandshakeResult {
        match self {
            Self::Timeout => HandshakeResult::Timeout,
            Self::Busy => HandshakeResult::Busy,
            Self::Gone(_) => HandshakeResult::Client,
            Self::Refused(
                rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented,
            ) => HandshakeResult::Certificate,
            Self::Refused(_) => HandshakeResult::Error,
        }
    }
}

impl From<io::Error> for Failure {
    /// rustls's own error, or the socket's.
    fn from(error: io::Error) -> Self {
        let refused = error
            .get_ref()
            .and_then(|inner| inner.downcast_ref::<rustls::Error>());
        match refused {
            Some(refused) => Self::Refused(refused.clone()),
            None => Self::Gone(error),
        }
    }
}

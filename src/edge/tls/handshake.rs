//! A handshake: hello, permit, the rest, all under one deadline.
//!
//! Invariant: a permit is held only by a client that has sent its whole hello, so that sockets
//! that say little keep nobody out.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustls::{HandshakeKind, ProtocolVersion};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout, timeout_at};

use super::{Secured, Server, TlsStream};
use crate::clock;
use crate::delivery::session::Session;
use crate::edge::Options;
use crate::metrics::{HandshakeResult, ListenerMetrics, RejectReason, TlsMetrics};

/// What the handshakes of all listeners share.
#[derive(Debug)]
pub struct Acceptor {
    server: Arc<Server>,
    /// Handshakes that may go on.
    permits: Semaphore,
    limit: Duration,
}

impl Acceptor {
    pub(super) fn new(server: Arc<Server>, limits: &Options) -> Arc<Self> {
        Arc::new(Self {
            server,
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

/// A failure, and the client that is to be told of it, if it still listens.
struct Failed {
    failure: Failure,
    told: Option<Told>,
}

enum Told {
    /// By this alert.
    Early(TcpStream, Vec<u8>),
    /// By what the session has to say.
    Late(Box<TlsStream>),
}

impl From<Failure> for Failed {
    fn from(failure: Failure) -> Self {
        Self {
            failure,
            told: None,
        }
    }
}

/// What telling a client why may take.
const LAST_WORDS: Duration = Duration::from_secs(1);

impl Told {
    /// Sends the alert and closes our side, then waits for the client to close its own: were it
    /// still talking, a reset would overtake the alert.
    async fn tell(self) -> io::Result<()> {
        let mut socket = match self {
            Self::Early(mut socket, alert) => {
                socket.write_all(&alert).await?;
                socket
            }
            Self::Late(mut stream) => {
                stream.seal();
                stream.send_out().await?;
                stream.into_inner()
            }
        };
        socket.shutdown().await?;
        let mut forgotten = [0; 512];
        while socket.read(&mut forgotten).await? > 0 {}
        Ok(())
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
        Err(Failed { failure, told }) => {
            if matches!(failure, Failure::Busy) {
                metrics.rejects.of(RejectReason::Handshakes).inc();
            }
            tls.failed.of(failure.result()).inc();
            tracing::debug!(error = %failure, "a TLS handshake failed");
            // Counted before the client can know.
            if let Some(told) = told {
                drop(timeout(LAST_WORDS, told.tell()).await);
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
    let (bytes, server_name) = match hello.map_err(|_| Failure::Timeout)?? {
        Hello::Whole(bytes, name) => (bytes, name),
        Hello::Refused(error, alert) => {
            return Err(Failed {
                failure: Failure::Refused(error),
                told: Some(Told::Early(socket, alert)),
            });
        }
    };
    // Half of what is left: who gets a permit must have the time to use it.
    let left = deadline.saturating_duration_since(Instant::from_std(clock::now()));
    let permit = timeout(left / 2, acceptor.permits.acquire()).await;
    // It is never closed.
    let permit = permit.map_err(|_| Failure::Busy)?.ok();
    let terms = acceptor.server.terms();
    let session = Session::new(Arc::clone(&terms.config)).map_err(Failure::Refused)?;
    let mut stream = TlsStream::new(socket, session);
    let shaken = timeout_at(deadline, Box::pin(stream.shake(&bytes))).await;
    let shaken = shaken.map_err(|_| Failure::Timeout)?;
    let shaken = shaken.map_err(Failure::from).and_then(|()| {
        let confirmed = terms.confirm(stream.session().facts(), clock::wall());
        confirmed.map_err(Failure::Refused)
    });
    drop(permit);
    if let Err(failure) = shaken {
        return Err(Failed {
            failure,
            told: Some(Told::Late(Box::new(stream))),
        });
    }
    let secured = Secured::new(server_name, stream.session().facts());
    Ok((stream, secured))
}

/// What a client has begun with.
enum Hello {
    /// All bytes that have come, and the name that is asked for.
    Whole(Vec<u8>, Option<Box<str>>),
    /// Why it is none, and the alert that says so.
    Refused(rustls::Error, Vec<u8>),
}

/// Reads until the client's hello is complete. The session reads them once more; this is how it is known that they are all there.
async fn hello(socket: &mut TcpStream) -> Result<Hello, Failure> {
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
                return Ok(Hello::Whole(bytes, name));
            }
            Err((error, mut alert)) => {
                let mut words = Vec::new();
                drop(alert.write_all(&mut words));
                return Ok(Hello::Refused(error, words));
            }
        }
    }
}

impl Failure {
    fn result(&self) -> HandshakeResult {
        match self {
            Self::Timeout => HandshakeResult::Timeout,
            Self::Busy => HandshakeResult::Busy,
            Self::Gone(_) => HandshakeResult::Client,
            Self::Refused(
                rustls::Error::InvalidCertificate(_)
                | rustls::Error::InvalidCertRevocationList(_)
                | rustls::Error::NoCertificatesPresented,
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

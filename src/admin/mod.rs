//! The operators' door: metrics, health, topics.
//!
//! Layer 4: may import `hub` (read-only views) and the leaves, never another door. Read-only, on a
//! listener of its own; what it says about a topic shows secrets as digests only.

mod answer;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::drain::DrainWatch;
use crate::hub::Hub;
use crate::metrics::Metrics;
use crate::overload::Overload;

/// Connections at a time: a few scrapers and a person.
const CONNECTIONS: usize = 64;
/// A request head that is not complete by then is nobody's.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// After an accept that failed.
const PAUSE: Duration = Duration::from_millis(50);

/// What operators may look at.
pub struct Admin {
    /// Topics.
    pub hub: Arc<Hub>,
    /// Metrics.
    pub metrics: Arc<Metrics>,
    /// The phase.
    pub drain: DrainWatch,
    /// How short memory is.
    pub overload: Overload,
    /// Whether every shard has been awake lately.
    pub shards_alive: Box<dyn Fn(Instant) -> bool + Send + Sync>,
}

impl std::fmt::Debug for Admin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Admin")
    }
}

/// Listens; only loopback addresses come here, because the configuration takes no others.
pub async fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    TcpListener::bind(address).await
}

/// Goes on listening on a socket that another process has opened.
pub fn adopt(listener: std::net::TcpListener) -> io::Result<TcpListener> {
    listener.set_nonblocking(true)?;
    TcpListener::from_std(listener)
}

/// Answers until dropped; accepts until then, or until a new process does it.
pub async fn serve(admin: Arc<Admin>, listener: TcpListener) {
    let permits = Arc::new(Semaphore::new(CONNECTIONS));
    let mut conversations = JoinSet::new();
    let mut drain = admin.drain.clone();
    loop {
        // Never closed, so that it can not fail.
        let permit = Arc::clone(&permits).acquire_owned().await;
        let accepted = tokio::select! {
            // As in `edge::listen`.
            biased;
            () = drain.accepting_ends() => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                let admin = Arc::clone(&admin);
                conversations.spawn(async move {
                    converse(admin, stream).await;
                    drop(permit);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "the admin listener can not accept; trying again");
                tokio::time::sleep(PAUSE).await;
            }
        }
        while conversations.try_join_next().is_some() {}
    }
    drop(listener);
    while conversations.join_next().await.is_some() {}
}

async fn converse(admin: Arc<Admin>, stream: TcpStream) {
    let service = service_fn(move |request| {
        let response = answer::answer(&admin, &request);
        async move { Ok::<_, std::convert::Infallible>(response) }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service)
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "an admin conversation ended early");
    }
}

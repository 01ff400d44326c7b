//! After a 101: bytes in both directions until either side ends, or nothing moves for too long.
//!
//! Invariant: a tunnel holds its connection's permit; each direction ends by itself (half-close).

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, ReadBuf, copy_bidirectional};

use super::progress::Progress;
use crate::clock;
use crate::metrics::GaugeGuard;

/// A stream of bytes both ways.
pub trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Duplex for S {}

/// The upstream's side, waiting for the client's.
pub(in crate::edge) struct Tunnel {
    pub(in crate::edge) upstream: Box<dyn Duplex>,
    /// What the upstream has sent behind its 101.
    pub(in crate::edge) unread: Bytes,
    /// The longest quiet time.
    pub(in crate::edge) idle: Duration,
    /// Held, never read.
    pub(in crate::edge) open: GaugeGuard,
}

/// Carries bytes; `unread` is what the client has sent behind its request.
pub(in crate::edge) async fn run<S>(client: S, unread: Bytes, tunnel: Tunnel)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let quiet = Progress::new(clock::now());
    let mut client = Watched {
        stream: client,
        quiet: Arc::clone(&quiet),
    };
    let mut upstream = Watched {
        stream: tunnel.upstream,
        quiet: Arc::clone(&quiet),
    };
    let carry = async {
        upstream.write_all(&unread).await?;
        client.write_all(&tunnel.unread).await?;
        copy_bidirectional(&mut client, &mut upstream).await
    };
    let result = tokio::select! {
        // Both sides are dropped, and so closed.
        result = carry => result,
        () = quiet.stands_still(tunnel.idle) => Err(io::ErrorKind::TimedOut.into()),
    };
    match result {
        Ok((up, down)) => tracing::debug!(up, down, "a tunnel ended"),
        Err(error) => tracing::debug!(%error, "a tunnel broke off"),
    }
    drop(tunnel.open);
}

/// A stream whose reads are noted: whatever is written has been read from the other side.
struct Watched<S> {
    stream: S,
    quiet: Arc<Progress>,
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let result = ready!(Pin::new(&mut self.stream).poll_read(cx, into));
        self.quiet.note();
        Poll::Ready(result)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

//! A connection's bytes on their way to and from hyper, which does not bound what it is sent.
//!
//! Invariant: a client that sends more control frames than its budget is told so by a GOAWAY, and
//! no byte of it is read any more.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Instant;

use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::H2Options;
use super::budget::Budget;
use super::frames::Frames;
use crate::clock;

/// A 128th of what a client is sent, it may say about it: a `WINDOW_UPDATE` is 13 bytes.
const SAID_OF_SENT: f64 = 128.0;

/// The client sends more than its budget.
#[derive(Debug, thiserror::Error)]
#[error("the client sends too many control frames")]
struct TooMuch;

/// How the client behaves.
#[derive(Debug)]
pub(super) struct Manners {
    hesitates: Mutex<Option<Instant>>,
    floods: AtomicBool,
}

impl Manners {
    /// Since when it is in the middle of a frame's header, of headers, or of a control frame.
    pub(super) fn hesitates_since(&self) -> Option<Instant> {
        *self.hesitates.lock()
    }

    /// Whether it has sent more than its budget. Of an error on its way through h2 only the words
    /// are left.
    pub(super) fn are_a_flood(&self) -> bool {
        self.floods.load(Ordering::Relaxed)
    }
}

/// The stream, metered.
#[derive(Debug)]
pub(super) struct Wire<S> {
    stream: S,
    frames: Frames,
    budget: Budget,
    manners: Arc<Manners>,
    /// What they say of that, so that it is locked only when that changes.
    hesitates: bool,
}

impl<S> Wire<S> {
    pub(super) fn new(stream: S, options: &H2Options, now: Instant) -> Self {
        let per_second = options.inbound_per_second.into();
        Self {
            stream,
            frames: Frames::new(),
            budget: Budget::new(options.inbound_burst, per_second, now),
            manners: Arc::new(Manners {
                hesitates: Mutex::new(Some(now)),
                floods: false.into(),
            }),
            hesitates: true,
        }
    }

    pub(super) fn manners(&self) -> Arc<Manners> {
        Arc::clone(&self.manners)
    }

    /// Whether the client keeps to its budget with these bytes.
    fn heard(&mut self, bytes: &[u8]) -> bool {
        let cost = self.frames.look(bytes);
        let hesitates = self.frames.is_waiting();
        if hesitates != self.hesitates {
            self.hesitates = hesitates;
            *self.manners.hesitates.lock() = hesitates.then(clock::now);
        }
        #[expect(
            clippy::cast_precision_loss,
            reason = "less than 2^52 bytes are read at once"
        )]
        let cost = cost as f64;
        cost == 0.0 || self.budget.take(cost, clock::now())
    }

    fn sent(&mut self, bytes: usize) {
        #[expect(
            clippy::cast_precision_loss,
            reason = "less than 2^52 bytes are sent at once"
        )]
        self.budget.give_back(bytes as f64 / SAID_OF_SENT);
    }

    /// `ENHANCE_YOUR_CALM`: which streams have been seen, and why there is no more to come.
    fn goaway(&self) -> [u8; 17] {
        const HEAD: [u8; 9] = [0, 0, 8, 7, 0, 0, 0, 0, 0];
        const CALM: [u8; 4] = [0, 0, 0, 0xb];
        let mut frame = [0; 17];
        let newest = self.frames.newest().to_be_bytes();
        let bytes = HEAD.into_iter().chain(newest).chain(CALM);
        for (place, byte) in frame.iter_mut().zip(bytes) {
            *place = byte;
        }
        frame
    }
}

impl<S: AsyncWrite + Unpin> Wire<S> {
    /// As far as the socket takes it at once: who floods is not waited for. It may follow half a
    /// frame of ours, if the client reads nothing, and then means nothing to it either.
    fn say_goodbye(&mut self, cx: &mut Context<'_>) {
        let frame = self.goaway();
        drop(Pin::new(&mut self.stream).poll_write(cx, &frame));
        drop(Pin::new(&mut self.stream).poll_flush(cx));
        drop(Pin::new(&mut self.stream).poll_shutdown(cx));
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Wire<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = into.filled().len();
        ready!(Pin::new(&mut this.stream).poll_read(cx, into))?;
        if this.heard(into.filled().get(before..).unwrap_or_default()) {
            return Poll::Ready(Ok(()));
        }
        this.manners.floods.store(true, Ordering::Relaxed);
        this.say_goodbye(cx);
        Poll::Ready(Err(io::Error::other(TooMuch)))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Wire<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = ready!(Pin::new(&mut this.stream).poll_write(cx, bytes))?;
        this.sent(written);
        Poll::Ready(Ok(written))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = ready!(Pin::new(&mut this.stream).poll_write_vectored(cx, parts))?;
        this.sent(written);
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}

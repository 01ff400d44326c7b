//! A client's TLS stream, for as long as it is in a conversation.
//!
//! Invariant: the session can leave with its socket at any moment: what it holds of a record that
//! is not complete, and what it has not sent, goes with it; plaintext that nobody has read does not.

use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::delivery::Socket;
use crate::delivery::session::{Phase, RECORD, Scratch, Session};
use crate::edge::h2;

/// Read at once: a request is smaller, an upload gains nothing by more.
const READ: usize = 8 << 10;

/// TLS over TCP.
#[derive(Debug)]
pub(in crate::edge) struct TlsStream {
    socket: TcpStream,
    session: Box<Session>,
    /// Plaintext that nobody has read …
    plain: Vec<u8>,
    /// … behind so many bytes.
    given: usize,
    phase: Phase,
}

impl TlsStream {
    /// One whose handshake begins.
    pub(super) fn new(socket: TcpStream, session: Box<Session>) -> Self {
        Self {
            socket,
            session,
            plain: Vec::new(),
            given: 0,
            phase: Phase::Handshake,
        }
    }

    pub(super) fn session(&self) -> &Session {
        &self.session
    }

    /// Whether HTTP/2 has been agreed on.
    pub(in crate::edge) fn speaks_h2(&self) -> bool {
        self.session.facts().alpn_protocol() == Some(h2::ALPN)
    }

    pub(super) fn into_inner(self) -> TcpStream {
        self.socket
    }

    /// Goes on with what has been read from the socket, to the end of the handshake.
    pub(super) async fn shake(&mut self, hello: &[u8]) -> io::Result<()> {
        self.hear(hello)?;
        loop {
            self.send_out().await?;
            if self.phase != Phase::Handshake {
                return Ok(());
            }
            poll_fn(|cx| self.poll_hear(cx)).await?;
        }
    }

    /// Says goodbye, if there is nothing worse to say.
    pub(super) fn seal(&mut self) {
        self.session.seal();
    }

    /// Sends what is unsent; after a failure that is the alert that says why.
    pub(super) async fn send_out(&mut self) -> io::Result<()> {
        poll_fn(|cx| self.poll_out(cx)).await
    }

    /// Leaves the runtime.
    pub(in crate::edge) fn into_socket(self) -> io::Result<Socket> {
        if self.phase != Phase::Open {
            return Err(io::ErrorKind::NotConnected.into());
        }
        Ok(Socket::from_tls(self.socket.into_std()?, self.session))
    }

    fn hear(&mut self, bytes: &[u8]) -> io::Result<()> {
        let plain = &mut self.plain;
        let heard = self
            .session
            .receive(bytes, |part| plain.extend_from_slice(part));
        self.phase = heard.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        Ok(())
    }

    /// Waits for something from the wire.
    fn poll_hear(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.socket.poll_read_ready(cx))?;
        let mut buffer = [0; READ];
        let read = loop {
            match self.socket.try_read(&mut buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    ready!(self.socket.poll_read_ready(cx))?;
                }
                other => break other?,
            }
        };
        if read == 0 {
            // Without a goodbye this may be anybody's cut.
            return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
        }
        Poll::Ready(self.hear(buffer.get(..read).unwrap_or_default()))
    }

    /// Sends what is unsent.
    fn poll_out(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            let socket = &self.socket;
            match self.session.flush(|rest| socket.try_write(rest)).1 {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    ready!(self.socket.poll_write_ready(cx))?;
                }
                other => return Poll::Ready(other),
            }
        }
    }
}

impl AsyncRead for TlsStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        loop {
            let unread = this.plain.get(this.given..).unwrap_or_default();
            if !unread.is_empty() {
                let part = unread.len().min(into.remaining());
                into.put_slice(unread.get(..part).unwrap_or_default());
                this.given += part;
                return Poll::Ready(Ok(()));
            }
            this.plain = Vec::new();
            this.given = 0;
            if this.phase == Phase::Goodbye {
                return Poll::Ready(Ok(()));
            }
            let heard = ready!(this.poll_hear(cx));
            if !this.session.is_clear() {
                // An alert, or nothing that could not wait for the next write.
                drop(this.poll_out(cx));
            }
            heard?;
        }
    }
}

impl AsyncWrite for TlsStream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        ready!(this.poll_out(cx))?;
        let part = bytes.get(..bytes.len().min(RECORD)).unwrap_or_default();
        if part.is_empty() {
            return Poll::Ready(Ok(0));
        }
        // Made for the moment: a connection that waits for its next request keeps none.
        let mut scratch = Scratch::for_plain(part.len());
        let record = this.session.encrypt(part, &mut scratch)?;
        let written = match this.socket.try_write(record) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
            other => other?,
        };
        if let Some(rest) = record.get(written..).filter(|rest| !rest.is_empty()) {
            this.session.keep(rest);
        }
        Poll::Ready(Ok(part.len()))
    }

    /// HTTP/2 has a frame's header and its payload in two places: one record of both.
    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut full = parts.iter().filter(|part| !part.is_empty());
        let (first, second) = (full.next(), full.next());
        if second.is_none() {
            return self.poll_write(cx, first.map_or(&[][..], |part| part));
        }
        let mut record = Vec::with_capacity(
            parts
                .iter()
                .map(|part| part.len())
                .sum::<usize>()
                .min(RECORD),
        );
        for part in parts {
            let room = RECORD - record.len();
            record.extend_from_slice(part.get(..room).unwrap_or(part));
        }
        self.poll_write(cx, &record)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().poll_out(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.session.seal();
        ready!(this.poll_out(cx))?;
        Pin::new(&mut this.socket).poll_shutdown(cx)
    }
}

//! A detached client socket, TCP or Unix.

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::time::Duration;

use mio::event::Source;
use mio::net::{TcpStream, UnixStream};
use mio::{Interest, Registry, Token};
use socket2::SockRef;

use super::ShardOptions;

/// A non-blocking socket that a shard owns.
#[derive(Debug)]
pub enum Socket {
    /// TCP.
    Tcp(TcpStream),
    /// A Unix socket.
    Unix(UnixStream),
    /// Panics when written to: a fault in our own code.
    #[cfg(test)]
    Faulty(UnixStream),
}

impl Socket {
    /// Takes over a non-blocking TCP socket.
    pub fn from_tcp(socket: std::net::TcpStream) -> Self {
        Self::Tcp(TcpStream::from_std(socket))
    }

    /// Takes over a non-blocking Unix socket.
    pub fn from_unix(socket: OwnedFd) -> Self {
        Self::Unix(UnixStream::from_std(socket.into()))
    }

    /// Bounds what the kernel keeps for the peer. A peer that takes nothing for `stall` is ended by
    /// the kernel too, should the shard's own timer not see it.
    pub(super) fn bound(&self, options: &ShardOptions, stall: Duration) -> io::Result<()> {
        let Self::Tcp(socket) = self else {
            return Ok(());
        };
        let socket = SockRef::from(socket);
        socket.set_tcp_nodelay(true)?;
        socket.set_tcp_notsent_lowat(options.unsent_bytes)?;
        socket.set_tcp_user_timeout(Some(stall))?;
        if options.send_buffer > 0 {
            socket.set_send_buffer_size(options.send_buffer)?;
        }
        Ok(())
    }

    pub(super) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        // Both at once and for good: edges come only when something changes, so a socket that is
        // never full costs no further call.
        let interest = Interest::READABLE | Interest::WRITABLE;
        match self {
            Self::Tcp(socket) => socket.register(registry, token, interest),
            Self::Unix(socket) => socket.register(registry, token, interest),
            #[cfg(test)]
            Self::Faulty(socket) => socket.register(registry, token, interest),
        }
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        uninterrupted(|| match self {
            Self::Tcp(socket) => socket.write(bytes),
            Self::Unix(socket) => socket.write(bytes),
            #[cfg(test)]
            Self::Faulty(_) if !bytes.starts_with(b"HTTP") => panic!("a fault of our own"),
            #[cfg(test)]
            Self::Faulty(socket) => socket.write(bytes),
        })
    }

    pub(super) fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        uninterrupted(|| match self {
            Self::Tcp(socket) => socket.read(into),
            Self::Unix(socket) => socket.read(into),
            #[cfg(test)]
            Self::Faulty(socket) => socket.read(into),
        })
    }

    pub(super) fn take_error(&self) -> io::Result<Option<io::Error>> {
        match self {
            Self::Tcp(socket) => socket.take_error(),
            Self::Unix(socket) => socket.take_error(),
            #[cfg(test)]
            Self::Faulty(socket) => socket.take_error(),
        }
    }

    /// Says goodbye: what has been written still arrives.
    pub(super) fn finish(&mut self) {
        // Nothing can be done about a peer that is gone already.
        drop(match self {
            Self::Tcp(socket) => socket.shutdown(Shutdown::Write),
            Self::Unix(socket) => socket.shutdown(Shutdown::Write),
            #[cfg(test)]
            Self::Faulty(socket) => socket.shutdown(Shutdown::Write),
        });
    }
}

/// Tries again what a signal has interrupted.
fn uninterrupted(mut call: impl FnMut() -> io::Result<usize>) -> io::Result<usize> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}

//! A detached client socket: TCP or Unix, plain or with TLS.

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::time::Duration;

use mio::event::Source;
use mio::net::{TcpStream, UnixStream};
use mio::{Interest, Registry, Token};
use socket2::SockRef;

use super::ShardOptions;
use super::session::{Scratch, Session};
use super::tls::TlsSocket;

/// A non-blocking socket that a shard owns.
#[derive(Debug)]
pub enum Socket {
    /// TCP.
    Tcp(TcpStream),
    /// A Unix socket.
    Unix(UnixStream),
    /// TLS over TCP.
    Tls(TlsSocket),
    /// Something happens when an event is written to it.
    #[cfg(test)]
    Staged(UnixStream, OnWrite),
}

/// What happens to a staged socket.
#[cfg(test)]
pub struct OnWrite(pub Box<dyn FnMut() + Send>);

#[cfg(test)]
impl std::fmt::Debug for OnWrite {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OnWrite")
    }
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

    /// Takes over a non-blocking TCP socket with its session, whose handshake is over.
    pub fn from_tls(socket: std::net::TcpStream, session: Box<Session>) -> Self {
        Self::Tls(TlsSocket::new(TcpStream::from_std(socket), session))
    }

    /// Bounds what the kernel keeps for the peer. A peer that takes nothing for `stall` is ended by
    /// the kernel too, should the shard's own timer not see it.
    pub(super) fn bound(&self, options: &ShardOptions, stall: Duration) -> io::Result<()> {
        let socket = match self {
            Self::Tcp(socket) => SockRef::from(socket),
            Self::Tls(tls) => SockRef::from(&tls.socket),
            Self::Unix(_) => return Ok(()),
            #[cfg(test)]
            Self::Staged(..) => return Ok(()),
        };
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
            Self::Tls(tls) => tls.socket.register(registry, token, interest),
            #[cfg(test)]
            Self::Staged(socket, _) => socket.register(registry, token, interest),
        }
    }

    /// Writes as far as the socket takes; with TLS, bytes count once they are encrypted, see
    /// [`Socket::is_clear`].
    pub(super) fn write(&mut self, bytes: &[u8], scratch: &mut Scratch) -> io::Result<usize> {
        uninterrupted(|| match self {
            Self::Tcp(socket) => socket.write(bytes),
            Self::Unix(socket) => socket.write(bytes),
            Self::Tls(tls) => tls.write(bytes, scratch),
            #[cfg(test)]
            Self::Staged(socket, on_write) => {
                if !bytes.starts_with(b"HTTP") {
                    (on_write.0)();
                }
                socket.write(bytes)
            }
        })
    }

    /// Whether nothing that counts as written waits for the socket.
    pub(super) fn is_clear(&self) -> bool {
        match self {
            Self::Tls(tls) => tls.is_clear(),
            Self::Tcp(_) | Self::Unix(_) => true,
            #[cfg(test)]
            Self::Staged(..) => true,
        }
    }

    /// Writes what counts as written and waits; whether anything of it went out.
    pub(super) fn flush(&mut self) -> (bool, io::Result<()>) {
        match self {
            Self::Tls(tls) => tls.flush(),
            Self::Tcp(_) | Self::Unix(_) => (false, Ok(())),
            #[cfg(test)]
            Self::Staged(..) => (false, Ok(())),
        }
    }

    /// Reads and forgets.
    pub(super) fn discard(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        uninterrupted(|| match self {
            Self::Tcp(socket) => socket.read(buffer),
            Self::Unix(socket) => socket.read(buffer),
            Self::Tls(tls) => tls.discard(buffer),
            #[cfg(test)]
            Self::Staged(socket, _) => socket.read(buffer),
        })
    }

    /// Nothing is written any more; what TLS has to say about that goes out with the next
    /// [`Socket::flush`].
    pub(super) fn seal(&mut self) {
        if let Self::Tls(tls) = self {
            tls.seal();
        }
    }

    pub(super) fn take_error(&self) -> io::Result<Option<io::Error>> {
        match self {
            Self::Tcp(socket) => socket.take_error(),
            Self::Unix(socket) => socket.take_error(),
            Self::Tls(tls) => tls.socket.take_error(),
            #[cfg(test)]
            Self::Staged(socket, _) => socket.take_error(),
        }
    }

    /// Says goodbye: what has been written still arrives.
    pub(super) fn finish(&mut self) {
        // Nothing can be done about a peer that is gone already.
        drop(match self {
            Self::Tcp(socket) => socket.shutdown(Shutdown::Write),
            Self::Unix(socket) => socket.shutdown(Shutdown::Write),
            Self::Tls(tls) => tls.finish(),
            #[cfg(test)]
            Self::Staged(socket, _) => socket.shutdown(Shutdown::Write),
        });
    }
}

/// Tries again what a signal has interrupted.
pub(super) fn uninterrupted(mut call: impl FnMut() -> io::Result<usize>) -> io::Result<usize> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}

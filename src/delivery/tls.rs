//! A socket that speaks TLS: each batch is a run of records, and what the kernel does not take of
//! the last one is kept until it does.
//!
//! Layer 3. Invariant: bytes count as written once they are encrypted; at most one record of them
//! is still on its way.

use std::io::{self, Read as _, Write as _};
use std::net::Shutdown;

use mio::net::TcpStream;

use super::session::{Phase, RECORD, Scratch, Session};
use super::socket::uninterrupted;

/// A TCP socket with its session.
#[derive(Debug)]
pub struct TlsSocket {
    pub(super) socket: TcpStream,
    session: Box<Session>,
}

impl TlsSocket {
    pub(super) fn new(socket: TcpStream, session: Box<Session>) -> Self {
        Self { socket, session }
    }

    /// Encrypts and writes, record by record, until the socket is full. Gives the plaintext bytes
    /// that are out or kept: they must not be given again.
    pub(super) fn write(&mut self, plain: &[u8], scratch: &mut Scratch) -> io::Result<usize> {
        if !self.session.is_clear() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let mut taken = 0;
        for part in plain.chunks(RECORD) {
            let record = self.session.encrypt(part, scratch)?;
            taken += part.len();
            let written = match uninterrupted(|| self.socket.write(record)) {
                Ok(written) => written,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
                Err(error) => return Err(error),
            };
            if let Some(rest) = record.get(written..).filter(|rest| !rest.is_empty()) {
                self.session.keep(rest);
                break;
            }
        }
        Ok(taken)
    }

    pub(super) fn is_clear(&self) -> bool {
        self.session.is_clear()
    }

    #[cfg(test)]
    pub(super) fn kept(&self) -> usize {
        self.session.kept()
    }

    /// Writes what is kept; whether anything of it went out.
    pub(super) fn flush(&mut self) -> (bool, io::Result<()>) {
        let socket = &mut self.socket;
        self.session
            .flush(|rest| uninterrupted(|| socket.write(rest)))
    }

    /// Reads, and forgets what is in it; how many bytes came over the wire. A goodbye is told as
    /// an aborted connection: whoever says it wants nothing more.
    pub(super) fn discard(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = uninterrupted(|| self.socket.read(buffer))?;
        if read == 0 {
            return Ok(0);
        }
        let heard = self
            .session
            .receive(buffer.get(..read).unwrap_or_default(), |_| {});
        if !self.session.is_clear() {
            // An alert; nothing depends on it.
            drop(self.flush());
        }
        match heard {
            Ok(Phase::Open | Phase::Handshake) => Ok(read),
            Ok(Phase::Goodbye) => Err(io::ErrorKind::ConnectionAborted.into()),
            Err(error) => Err(io::Error::new(io::ErrorKind::InvalidData, error)),
        }
    }

    /// What follows the stream's last byte: goes out with the next [`TlsSocket::flush`].
    pub(super) fn seal(&mut self) {
        self.session.seal();
    }

    pub(super) fn finish(&mut self) -> io::Result<()> {
        self.seal();
        drop(self.flush());
        self.socket.shutdown(Shutdown::Write)
    }
}

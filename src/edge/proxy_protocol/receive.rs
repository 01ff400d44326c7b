//! Takes a header from a socket, and nothing else.
//!
//! Looks first (`MSG_PEEK`), then takes exactly what belongs to the header: TLS, hyper and a shard
//! get a socket from which nothing is missing, and no buffer has to go with it.

use std::future::Future;
use std::io;
use std::os::fd::AsFd;

use rustix::net::{RecvFlags, recv};
use tokio::io::Interest;
use tokio::net::{TcpStream, UnixStream};

use super::{Fault, LONGEST, Parsed, Source, parse};

/// A socket below everything that is spoken over it.
pub(in crate::edge) trait Raw: AsFd + Sync {
    /// Does this once there is something to read, and again if there was not.
    fn when_readable<T>(
        &self,
        io: impl FnMut() -> io::Result<T> + Send,
    ) -> impl Future<Output = io::Result<T>> + Send;
}

impl Raw for TcpStream {
    async fn when_readable<T>(&self, io: impl FnMut() -> io::Result<T> + Send) -> io::Result<T> {
        self.async_io(Interest::READABLE, io).await
    }
}

impl Raw for UnixStream {
    async fn when_readable<T>(&self, io: impl FnMut() -> io::Result<T> + Send) -> io::Result<T> {
        self.async_io(Interest::READABLE, io).await
    }
}

/// Why there is no header.
#[derive(Debug, thiserror::Error)]
pub(in crate::edge) enum Failure {
    /// Something else came.
    #[error("{0}")]
    Malformed(#[from] Fault),
    /// Not all of it came in time.
    #[error("the PROXY header did not come in time: have the proxy send one")]
    Timeout,
    /// The connection has ended in the middle of it.
    #[error("the connection ended within its PROXY header")]
    Cut,
    /// Nothing was said at all: a look whether the port is open.
    #[error("the connection ended before its first byte")]
    Nothing,
    /// The socket broke.
    #[error("the peer hung up")]
    Gone(#[from] io::Error),
}

/// Takes the header.
pub(in crate::edge) async fn receive<S: Raw>(socket: &S) -> Result<Source, Failure> {
    let mut header = vec![0; LONGEST];
    let mut held = 0;
    loop {
        let room = header.get_mut(held..).unwrap_or_default();
        let seen = get(socket, room, RecvFlags::PEEK).await?;
        if seen == 0 {
            return Err(if held == 0 {
                Failure::Nothing
            } else {
                Failure::Cut
            });
        }
        let known = header.get(..held + seen).unwrap_or_default();
        let parsed = parse(known);
        let end = match parsed {
            Parsed::Incomplete => known.len(),
            Parsed::Done { length, .. } => length,
            Parsed::Malformed(fault) => return Err(fault.into()),
        };
        let ours = header.get_mut(held..end).unwrap_or_default();
        held += get(socket, ours, RecvFlags::empty()).await?;
        if let Parsed::Done { source, .. } = parsed
            && held == end
        {
            return Ok(source);
        }
    }
}

async fn get<S: Raw>(socket: &S, into: &mut [u8], flags: RecvFlags) -> io::Result<usize> {
    let attempt = || Ok(recv(socket, &mut *into, flags)?.0);
    socket.when_readable(attempt).await
}

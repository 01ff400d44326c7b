//! What a client reads from: a socket, or TLS over one.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::sync::Arc;
use std::time::Duration;

use mio::net::TcpStream;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, HandshakeKind};
use socket2::{Domain, Socket, Type};

/// One address has 28,232 ephemeral ports, and a closed connection keeps its port for a minute.
const SOURCE_ADDRESSES: usize = 64;

const CONNECT_PATIENCE: Duration = Duration::from_secs(5);

/// The socket of the `nth` connection.
///
/// Blocking: on loopback a connect is one system call as long as the backlog has room.
pub(super) fn connect(
    target: SocketAddrV4,
    nth: usize,
    receive_buffer: Option<usize>,
) -> io::Result<Socket> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    if let Some(bytes) = receive_buffer {
        socket.set_recv_buffer_size(bytes)?;
    }
    let host = (nth % SOURCE_ADDRESSES) as u8 + 1;
    let from = SocketAddr::from((Ipv4Addr::new(127, 0, 1, host), 0));
    socket.bind(&from.into())?;
    socket.connect_timeout(&SocketAddr::V4(target).into(), CONNECT_PATIENCE)?;
    Ok(socket)
}

#[derive(Debug)]
pub(super) struct Link {
    /// For the registry; whoever else reads or writes here does so past TLS.
    pub(super) socket: TcpStream,
    tls: Option<Box<ClientConnection>>,
    is_emptied: bool,
}

impl Link {
    /// Sends the request; over TLS, begins the handshake, which goes on with each read and is
    /// followed by the request.
    pub(super) fn ask(
        socket: Socket,
        tls: Option<&Arc<ClientConfig>>,
        request: &[u8],
    ) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        let mut link = Self {
            socket: TcpStream::from_std(socket.into()),
            tls: tls.map(begin).transpose()?,
            is_emptied: false,
        };
        link.send(request)?;
        Ok(link)
    }

    /// All of it: what a client says is little beside the room of its socket.
    pub(super) fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.tls {
            None => self.socket.write_all(bytes),
            Some(tls) => {
                tls.writer().write_all(bytes)?;
                flush(tls, &mut self.socket)
            }
        }
    }

    /// Whether the last read has left nothing in the socket, so that the next edge is still to come.
    pub(super) fn is_emptied(&self) -> bool {
        self.is_emptied
    }

    pub(super) fn is_shaking_hands(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.is_handshaking())
    }

    /// `None` without TLS, and until it is settled.
    pub(super) fn handshake(&self) -> Option<HandshakeKind> {
        self.tls.as_ref()?.handshake_kind()
    }

    pub(super) fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let mut socket = Gauge {
            socket: &mut self.socket,
            is_emptied: &mut self.is_emptied,
        };
        let Some(tls) = &mut self.tls else {
            return socket.read(into);
        };
        loop {
            match tls.reader().read(into) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                other => return other,
            }
            if tls.read_tls(&mut socket)? == 0 {
                return Ok(0);
            }
            tls.process_new_packets().map_err(io::Error::other)?;
            flush(tls, socket.socket)?;
        }
    }
}

/// Notes whether a read was short: TLS reads in pieces of its own, whose size it does not tell.
struct Gauge<'a> {
    socket: &'a mut TcpStream,
    is_emptied: &'a mut bool,
}

impl Read for Gauge<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let length = self.socket.read(into)?;
        *self.is_emptied = length < into.len();
        Ok(length)
    }
}

fn begin(config: &Arc<ClientConfig>) -> io::Result<Box<ClientConnection>> {
    let name = ServerName::try_from("localhost").map_err(io::Error::other)?;
    let mut tls = ClientConnection::new(Arc::clone(config), name).map_err(io::Error::other)?;
    // Many streams are asked for at once, and all of that waits here for the handshake.
    tls.set_buffer_limit(None);
    Ok(Box::new(tls))
}

fn flush(tls: &mut ClientConnection, socket: &mut TcpStream) -> io::Result<()> {
    while tls.wants_write() {
        match tls.write_tls(socket) {
            // A peer that takes nothing gets the rest with what is said next.
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            written => written?,
        };
    }
    Ok(())
}

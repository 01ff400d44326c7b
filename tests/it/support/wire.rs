//! A client's connection: a socket, with TLS over it or without, and HTTP/2 over that.

use std::io::{self, ErrorKind, Read, Write};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection};
use socket2::Socket;

use super::http2::Http2;
use super::patience::patience;

/// What bytes go through.
pub(crate) struct Wire {
    pub(super) socket: Socket,
    tls: Option<Box<ClientConnection>>,
    /// It has its own TLS.
    http2: Option<Box<Http2>>,
    /// Whether the other side's end was said in TLS, and so was no cut.
    has_goodbye: bool,
}

impl Wire {
    pub(super) fn plain(socket: Socket) -> Self {
        Self {
            socket,
            tls: None,
            http2: None,
            has_goodbye: false,
        }
    }

    /// Speaks HTTP/2 by TLS, whatever is written.
    #[track_caller]
    pub(super) fn http2(socket: Socket, config: Arc<ClientConfig>) -> Self {
        let http2 = Http2::connect(socket.try_clone().unwrap(), config);
        Self::plain(socket).with(http2)
    }

    fn with(mut self, http2: Http2) -> Self {
        self.http2 = Some(Box::new(http2));
        self
    }

    /// For another request of the same connection.
    pub(super) fn beside(&self) -> Self {
        let http2 = self.http2.as_ref().expect("a connection with HTTP/2");
        Self::plain(self.socket.try_clone().unwrap()).with(http2.beside())
    }

    /// Gives up: a request of HTTP/2, or else the connection.
    pub(super) fn reset(self) {
        match self.http2 {
            Some(http2) => http2.reset(),
            None => self.socket.set_linger(Some(Duration::ZERO)).unwrap(),
        }
    }

    /// Shakes hands; an error is the reason why that failed.
    pub(super) fn secure(
        mut socket: Socket,
        config: Arc<ClientConfig>,
        name: &str,
    ) -> io::Result<Self> {
        let name = ServerName::try_from(name.to_owned()).unwrap();
        let mut tls = ClientConnection::new(config, name).unwrap();
        socket.set_read_timeout(Some(patience())).unwrap();
        while tls.is_handshaking() {
            tls.complete_io(&mut socket)?;
        }
        // With TLS 1.3 the client's last word may still be to send.
        while tls.wants_write() {
            tls.write_tls(&mut socket)?;
        }
        Ok(Self {
            socket,
            tls: Some(Box::new(tls)),
            http2: None,
            has_goodbye: false,
        })
    }

    /// What has been agreed.
    pub(crate) fn tls(&mut self) -> &mut ClientConnection {
        self.tls.as_mut().expect("a connection with TLS")
    }

    /// These bytes as records, which are not sent.
    pub(crate) fn encrypted(&mut self, bytes: &[u8]) -> Vec<u8> {
        let tls = self.tls();
        tls.writer().write_all(bytes).unwrap();
        let mut records = Vec::new();
        while tls.wants_write() {
            tls.write_tls(&mut records).unwrap();
        }
        records
    }

    /// Sends bytes as they are.
    pub(crate) fn send_raw(&mut self, bytes: &[u8]) {
        self.socket.write_all(bytes).unwrap();
    }

    /// Says that nothing more will be said; the socket stays open.
    pub(crate) fn say_goodbye(&mut self) {
        self.tls().send_close_notify();
        let records = self.encrypted(&[]);
        self.send_raw(&records);
    }

    /// Whether a TLS connection has ended without a goodbye: anybody may have cut it.
    pub(crate) fn is_cut(&self) -> bool {
        if let Some(http2) = &self.http2 {
            return http2.is_cut();
        }
        self.tls.is_some() && !self.has_goodbye
    }

    pub(super) fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        if let Some(http2) = &mut self.http2 {
            return http2.write_all(bytes);
        }
        let Some(tls) = &mut self.tls else {
            return self.socket.write_all(bytes);
        };
        for part in bytes.chunks(16 << 10) {
            tls.writer().write_all(part)?;
            while tls.wants_write() {
                tls.write_tls(&mut self.socket)?;
            }
        }
        Ok(())
    }

    /// Receives what comes within this time: `Ok(0)` is the end.
    pub(crate) fn read(&mut self, into: &mut [u8], time: Duration) -> io::Result<usize> {
        if let Some(http2) = &mut self.http2 {
            return http2.read(into, time);
        }
        self.socket.set_read_timeout(Some(time)).unwrap();
        let Some(tls) = &mut self.tls else {
            return self.socket.read(into);
        };
        loop {
            match tls.reader().read(into) {
                Ok(0) => {
                    self.has_goodbye = true;
                    return Ok(0);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                other => return other,
            }
            if tls.read_tls(&mut self.socket)? == 0 {
                return Ok(0);
            }
            let heard = tls.process_new_packets();
            while tls.wants_write() {
                tls.write_tls(&mut self.socket)?;
            }
            heard.map_err(io::Error::other)?;
        }
    }
}

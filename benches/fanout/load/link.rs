//! What a client reads from: a socket, or TLS over one.

use std::io::{self, ErrorKind, Read, Write};
use std::sync::Arc;

use mio::net::TcpStream;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, SignatureScheme};
use socket2::Socket;

#[derive(Debug)]
pub(super) struct Link {
    pub(super) socket: TcpStream,
    tls: Option<Box<ClientConnection>>,
}

impl Link {
    /// Sends the request through a blocking socket, over TLS if there is a configuration for it.
    pub(super) fn ask(
        mut socket: Socket,
        tls: Option<&Arc<ClientConfig>>,
        request: &[u8],
    ) -> io::Result<Self> {
        let tls = match tls {
            None => {
                socket.send(request)?;
                None
            }
            Some(config) => Some(Box::new(shake(&mut socket, config, request)?)),
        };
        socket.set_nonblocking(true)?;
        let socket = TcpStream::from_std(socket.into());
        Ok(Self { socket, tls })
    }

    /// Whether a read that does not fill its buffer has emptied the socket.
    pub(super) fn is_emptied_by_a_short_read(&self) -> bool {
        self.tls.is_none()
    }

    pub(super) fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let Some(tls) = &mut self.tls else {
            return self.socket.read(into);
        };
        loop {
            match tls.reader().read(into) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                other => return other,
            }
            if tls.read_tls(&mut self.socket)? == 0 {
                return Ok(0);
            }
            tls.process_new_packets().map_err(io::Error::other)?;
        }
    }
}

fn shake(
    socket: &mut Socket,
    config: &Arc<ClientConfig>,
    request: &[u8],
) -> io::Result<ClientConnection> {
    let name = ServerName::try_from("localhost").map_err(io::Error::other)?;
    let mut tls = ClientConnection::new(Arc::clone(config), name).map_err(io::Error::other)?;
    while tls.is_handshaking() {
        tls.complete_io(socket)?;
    }
    tls.writer().write_all(request)?;
    while tls.wants_write() {
        tls.write_tls(socket)?;
    }
    Ok(tls)
}

/// Believes whoever answers, and resumes nothing: each client is somebody new.
pub(super) fn tls_config() -> io::Result<Arc<ClientConfig>> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anyone(provider)))
        .with_no_client_auth();
    config.resumption = rustls::client::Resumption::disabled();
    Ok(Arc::new(config))
}

#[derive(Debug)]
struct Anyone(Arc<CryptoProvider>);

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

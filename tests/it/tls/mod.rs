//! TLS to clients: certificates, versions, resumption, identities, and how it all ends.

mod certificates;
mod clients;
mod endings;
mod floods;
mod handshakes;
mod http;
mod key_exchange;
mod refused;
mod resumption;
mod revoked;
mod scanners;
mod swap;
mod versions;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme, SupportedProtocolVersion};
use tempfile::TempDir;

use crate::support::pki::Identity;
use crate::support::way::{authority, client_config, tls_table};
use crate::support::{Client, Gateway, Get, Upstream};

const EVENTS: &str =
    "[[route]]\nname = \"events\"\npath = \"/events\"\nupstream = \"{upstream}/events\"\n";

/// A gateway with the certificate of `localhost`, its upstream, and the folder of its files.
struct Stage {
    gateway: Gateway,
    upstream: Upstream,
    folder: TempDir,
}

// === impl Stage ===

impl Stage {
    /// With more keys in `[tls]`, and what follows the route.
    fn new(keys: &str, rest: &str) -> Self {
        Self::with(keys, rest, |_| {})
    }

    /// Likewise, with more files.
    fn with(keys: &str, rest: &str, files: impl FnOnce(&Path)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let upstream = Upstream::live();
        let table = tls_table(folder.path());
        files(folder.path());
        let keys = keys.replace("{folder}", folder.path().to_str().unwrap());
        let toml = format!("{table}{keys}\n{EVENTS}{rest}\n");
        Self {
            gateway: Gateway::start(&toml, &upstream),
            upstream,
            folder,
        }
    }

    fn address(&self) -> SocketAddr {
        self.gateway.tls_address()
    }

    /// Comes by TLS, and must get in.
    #[track_caller]
    fn connect(&self, config: &Arc<ClientConfig>) -> Client {
        Client::secure(self.address(), config, "localhost").unwrap()
    }

    /// An event stream from `/events`.
    #[track_caller]
    fn subscribe(&self, config: &Arc<ClientConfig>) -> Client {
        subscribe(self.connect(config))
    }

    fn handshakes(&self, version: &str, resumed: &str, result: &str) -> f64 {
        self.gateway.metric(&format!(
            "fantail_tls_handshakes_total{{listener=\"127.0.0.1:0\",result=\"{result}\",\
             resumed=\"{resumed}\",version=\"{version}\"}}"
        ))
    }
}

#[track_caller]
fn subscribe(mut client: Client) -> Client {
    let get = Get::new("/events").header("Accept", "text/event-stream");
    client.send(get.bytes());
    client.read_head();
    assert_eq!(client.status, 200, "{}", client.head);
    client
}

/// Like [`client_config`], with these versions only.
fn config_of(versions: &[&'static SupportedProtocolVersion]) -> ClientConfig {
    ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(crate::support::way::trust())
        .with_no_client_auth()
}

/// A client that believes whoever can sign by one of these schemes.
fn believing(schemes: &[SignatureScheme]) -> Arc<ClientConfig> {
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Believing(schemes.to_vec())))
        .with_no_client_auth();
    Arc::new(config)
}

/// The certificate that a client gets for this name.
fn served(address: SocketAddr, config: &Arc<ClientConfig>, name: &str) -> CertificateDer<'static> {
    let mut client = Client::secure(address, config, name).unwrap();
    let chain = client.wire().tls().peer_certificates().unwrap();
    chain[0].clone()
}

fn is_of(served: &CertificateDer<'_>, identity: &Identity) -> bool {
    *served == identity.chain()[0]
}

#[derive(Debug)]
struct Believing(Vec<SignatureScheme>);

impl ServerCertVerifier for Believing {
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
        self.0.clone()
    }
}

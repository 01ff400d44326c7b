//! The source against upstreams that speak TLS, well or badly.

mod refused;

use std::io;

use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion, version};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::*;
use crate::metrics::UpstreamReason;
use crate::pki::{Authority, Identity, replace};
use crate::source::http::HttpSource;
use crate::source::{Feed, Options, Source, Step};
use crate::sse::Item;
use crate::topic_key::TopicKey;

/// What any single wait may take at most; reached only by a test that fails.
const PATIENCE: Duration = Duration::from_secs(10);

const EVENT: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: a\n\n";

const VALID: (i32, i32) = (2020, 2500);

/// An authority, a folder, and a certificate of a server.
struct Stage {
    authority: Authority,
    folder: TempDir,
    server: Identity,
}

/// An upstream that a test plays by hand.
struct Upstream {
    listener: TcpListener,
    port: u16,
    acceptor: TlsAcceptor,
}

// === impl Stage ===

impl Stage {
    /// For a server of this name.
    fn new(name: &str) -> Self {
        Self::with(name, VALID)
    }

    fn with(name: &str, years: (i32, i32)) -> Self {
        Self::of(Authority::new("CA"), name, years)
    }

    fn of(authority: Authority, name: &str, years: (i32, i32)) -> Self {
        let server = authority.issue_in(name, years);
        let folder = tempfile::tempdir().unwrap();
        Self {
            authority,
            folder,
            server,
        }
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        replace(self.folder.path(), name, text)
    }

    /// Trusts the authority.
    fn settings(&self) -> Settings {
        Settings {
            ca: Some(self.file("ca.pem", &self.authority.pem())),
            ..Settings::default()
        }
    }

    /// Likewise, and has a certificate of its own.
    fn identified(&self) -> Settings {
        let ours = self.authority.issue("fantail");
        Settings {
            cert: Some(self.file("client.pem", &ours.cert)),
            key: Some(self.file("client.key", &ours.key)),
            ..self.settings()
        }
    }

    async fn upstream(&self) -> Upstream {
        self.speaking(&[&version::TLS12, &version::TLS13]).await
    }

    async fn speaking(&self, versions: &[&'static SupportedProtocolVersion]) -> Upstream {
        let config = ServerConfig::builder_with_protocol_versions(versions).with_no_client_auth();
        let (chain, secret) = (self.server.chain(), self.server.secret());
        Upstream::start(config.with_single_cert(chain, secret).unwrap()).await
    }

    /// Wants a certificate of its own authority.
    async fn demanding(&self) -> Upstream {
        let mut roots = RootCertStore::empty();
        let pem = self.authority.pem();
        let ca = Identity {
            cert: pem,
            key: String::new(),
        };
        roots.add(ca.chain().remove(0)).unwrap();
        let verifier = WebPkiClientVerifier::builder(roots.into()).build().unwrap();
        let config = ServerConfig::builder().with_client_cert_verifier(verifier);
        let (chain, secret) = (self.server.chain(), self.server.secret());
        Upstream::start(config.with_single_cert(chain, secret).unwrap()).await
    }
}

// === impl Upstream ===

impl Upstream {
    async fn start(mut config: ServerConfig) -> Self {
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        Self {
            listener,
            port,
            acceptor: TlsAcceptor::from(Arc::new(config)),
        }
    }

    /// Reads the next request. Where there is none, the other side's end is awaited, so that what
    /// was last said to it is not lost in a reset.
    async fn accept(&self) -> io::Result<(Box<TlsStream<TcpStream>>, String)> {
        let (socket, _) = self.listener.accept().await?;
        let accepted = self.acceptor.accept(socket).into_fallible();
        let mut stream = match Box::pin(accepted).await {
            Ok(stream) => Box::new(stream),
            Err((error, mut socket)) => {
                drop(socket.read_to_end(&mut Vec::new()).await);
                return Err(error);
            }
        };
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            request.push(stream.read_u8().await?);
        }
        Ok((stream, String::from_utf8(request).unwrap()))
    }

    /// Answers one request, and ends the connection as one should.
    async fn answer(&self, response: &str) -> io::Result<String> {
        let (mut stream, request) = self.accept().await?;
        stream.write_all(response.as_bytes()).await?;
        stream.shutdown().await?;
        Ok(request)
    }
}

fn source(url: &str, tls: Option<Settings>) -> HttpSource {
    let options = Options {
        tls: tls.map(|settings| Arc::new(Client::new(settings).unwrap())),
        ..Options::default()
    };
    HttpSource::new(TopicKey::new(url, vec![]), options.into())
}

/// Opens `host` at the upstream's port; what came of it, and what the upstream saw.
async fn opened(
    upstream: &Upstream,
    host: &str,
    tls: Option<Settings>,
) -> (Result<Box<dyn Feed>, Error>, io::Result<String>) {
    let source = source(&format!("https://{host}:{}/a", upstream.port), tls);
    // Dropped with its connection, for which the upstream may wait.
    let asked = async { source.open(None).await };
    let both = async { tokio::join!(asked, upstream.answer(EVENT)) };
    timeout(PATIENCE, both).await.unwrap()
}

/// The only event, and a clean end.
async fn read(feed: Result<Box<dyn Feed>, Error>) {
    let mut feed = feed.unwrap();
    let mut data = Vec::new();
    while let Step::Items { items, .. } = feed.next().await.unwrap() {
        data.extend(items.into_iter().filter_map(|item| match item {
            Item::Event(event) => Some(event.data),
            _ => None,
        }));
    }
    assert_eq!(data, ["a"]);
}

#[tokio::test]
async fn an_upstream_of_a_trusted_authority_is_asked_by_its_name() {
    let stage = Stage::new("localhost");
    for version in [&version::TLS12, &version::TLS13] {
        let upstream = stage.speaking(&[version]).await;
        let url = format!("https://localhost:{}/a?b", upstream.port);
        let source = source(&url, Some(stage.settings()));
        let served = async {
            let (mut stream, request) = upstream.accept().await.unwrap();
            let tls = stream.get_ref().1;
            assert_eq!(tls.server_name(), Some("localhost"));
            assert_eq!(tls.alpn_protocol(), Some(&b"http/1.1"[..]));
            stream.write_all(EVENT.as_bytes()).await.unwrap();
            stream.shutdown().await.unwrap();
            request
        };
        let (feed, request) = tokio::join!(source.open(None), served);
        let host = format!("\r\nHost: localhost:{}\r\n", upstream.port);
        assert!(request.starts_with("GET /a?b HTTP/1.1\r\n") && request.contains(&host));
        read(feed).await;
    }
}

#[tokio::test]
async fn an_address_is_verified_as_an_address() {
    let stage = Stage::new("127.0.0.1");
    let upstream = stage.upstream().await;
    let (feed, _) = opened(&upstream, "127.0.0.1", Some(stage.settings())).await;
    read(feed).await;
}

#[tokio::test]
async fn another_name_may_be_asked_for() {
    let stage = Stage::new("events.example.com");
    let upstream = stage.upstream().await;
    let settings = Settings {
        server_name: Some("events.example.com".into()),
        ..stage.settings()
    };
    let (feed, _) = opened(&upstream, "127.0.0.1", Some(settings)).await;
    read(feed).await;
}

#[tokio::test]
async fn an_upstream_that_wants_a_certificate_gets_ours() {
    let stage = Stage::new("localhost");
    let upstream = stage.demanding().await;
    let (feed, _) = opened(&upstream, "localhost", Some(stage.identified())).await;
    read(feed).await;
}

#[tokio::test]
async fn whoever_answers_is_believed_only_if_it_is_said_so() {
    let stage = Stage::with("other.example.com", (2020, 2021));
    let upstream = stage.upstream().await;
    let insecure = Settings {
        insecure: true,
        ..Settings::default()
    };
    let (feed, _) = opened(&upstream, "localhost", Some(insecure)).await;
    read(feed).await;
}

#[tokio::test]
async fn a_redirect_within_the_origin_keeps_what_the_route_says() {
    let stage = Stage::new("localhost");
    let upstream = stage.demanding().await;
    let url = format!("https://localhost:{}/a", upstream.port);
    let source = source(&url, Some(stage.identified()));
    let served = async {
        let moved = "HTTP/1.1 302 X\r\nLocation: /b\r\n\r\n";
        upstream.answer(moved).await.unwrap();
        upstream.answer(EVENT).await.unwrap()
    };
    let (feed, request) = tokio::join!(source.open(None), served);
    assert!(request.starts_with("GET /b "));
    read(feed).await;
}

#[test]
fn clients_are_equal_if_they_were_configured_alike() {
    let stage = Stage::new("localhost");
    let client = |settings| Client::new(settings).unwrap();
    assert_eq!(client(stage.settings()), client(stage.settings()));
    assert_ne!(client(stage.settings()), client(stage.identified()));
    let shown = format!("{:?}", client(stage.identified()));
    assert!(
        shown.contains("client.key") && !shown.contains("PRIVATE"),
        "{shown}"
    );
}

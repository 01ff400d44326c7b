//! A server that says exactly the bytes of a script, at the script's pace.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use rustls::server::Acceptor;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tokio_rustls::LazyConfigAcceptor;

/// One step of an answer. After the last one the connection is closed.
#[derive(Clone, Debug)]
pub(super) enum Say {
    Bytes(Vec<u8>),
    /// Pacing.
    Wait(u64),
    /// Until the visitor leaves.
    Hold,
}

/// What a visitor asked.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) method: String,
    pub(super) path: String,
    head: String,
}

impl Asked {
    /// A header of the request; empty if it was not sent.
    pub(super) fn header(&self, name: &str) -> &str {
        let named = |line: &&str| {
            let own = line.split(':').next().unwrap_or_default();
            own.eq_ignore_ascii_case(name)
        };
        let line = self.head.lines().skip(1).find(named);
        line.and_then(|line| line.split_once(':'))
            .map_or("", |(_, value)| value.trim())
    }
}

/// Who has to wait for whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lock {
    Nobody,
    /// Whoever sends a cookie, as with PHP's sessions.
    Session,
    /// Everybody: one worker.
    Everybody,
}

pub(super) type Script = fn(&Asked) -> Vec<Say>;

type Served = Pin<Box<dyn Future<Output = std::io::Result<()>> + Send>>;

/// The server; it ends with this.
#[derive(Debug)]
pub(super) struct Backend {
    pub(super) address: SocketAddr,
    _task: JoinSet<()>,
}

impl Backend {
    pub(super) async fn start(script: Script) -> Self {
        Self::locked(script, Lock::Nobody).await
    }

    /// One that speaks TLS.
    pub(super) async fn secure(script: Script, config: ServerConfig) -> Self {
        Self::secure_for(script, config.clone(), config).await
    }

    /// Likewise, with another configuration for who offers HTTP/2.
    pub(super) async fn secure_for(
        script: Script,
        http2: ServerConfig,
        others: ServerConfig,
    ) -> Self {
        let configs = [Arc::new(http2), Arc::new(others)];
        Self::serve(move |stream| {
            let [http2, others] = configs.clone();
            Box::pin(async move {
                let hello = LazyConfigAcceptor::new(Acceptor::default(), stream).await?;
                let is_http2 = |name| name == b"h2";
                let offered = hello.client_hello().alpn();
                let offers = offered.is_some_and(|mut names| names.any(is_http2));
                let config = if offers { http2 } else { others };
                let mut stream = match hello.into_stream(config).into_fallible().await {
                    Ok(stream) => stream,
                    Err((_, mut stream)) => return linger(&mut stream).await,
                };
                answer(&mut stream, script, Lock::Nobody, &Mutex::new(())).await?;
                stream.shutdown().await
            })
        })
        .await
    }

    /// One that answers `hello` to TLS and `plain` to HTTP.
    pub(super) async fn raw(hello: &'static [u8], plain: &'static [u8]) -> Self {
        Self::serve(move |mut stream| {
            Box::pin(async move {
                let mut bytes = [0; 4096];
                let length = stream.read(&mut bytes).await?;
                // What is asked in plain text gives nothing away.
                let is_plain = bytes[..length].starts_with(b"GET / HTTP/1.1\r\n");
                let answer = if is_plain { plain } else { hello };
                stream.write_all(answer).await?;
                stream.shutdown().await?;
                linger(&mut stream).await
            })
        })
        .await
    }

    pub(super) async fn locked(script: Script, lock: Lock) -> Self {
        let mutex = Arc::new(Mutex::new(()));
        Self::serve(move |mut stream| {
            let mutex = Arc::clone(&mutex);
            Box::pin(async move { answer(&mut stream, script, lock, &mutex).await })
        })
        .await
    }

    async fn serve(visit: impl Fn(TcpStream) -> Served + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut task = JoinSet::new();
        task.spawn(async move {
            let mut visitors = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                stream.set_nodelay(true).unwrap();
                let served = visit(stream);
                visitors.spawn(async move {
                    // A visitor may leave whenever it likes.
                    drop(served.await);
                });
            }
        });
        Self {
            address,
            _task: task,
        }
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(super) fn secure_url(&self, path: &str) -> String {
        format!("https://localhost:{}{path}", self.address.port())
    }
}

/// Until the visitor has read all that was said, and left.
async fn linger(stream: &mut TcpStream) -> std::io::Result<()> {
    stream.read_to_end(&mut Vec::new()).await.map(drop)
}

async fn answer(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    script: Script,
    lock: Lock,
    mutex: &Mutex<()>,
) -> std::io::Result<()> {
    let asked = read(stream).await?;
    let waits = match lock {
        Lock::Nobody => false,
        Lock::Session => !asked.header("cookie").is_empty(),
        Lock::Everybody => true,
    };
    let _turn = if waits {
        Some(mutex.lock().await)
    } else {
        None
    };
    for say in script(&asked) {
        match say {
            Say::Bytes(bytes) => {
                stream.write_all(&bytes).await?;
                stream.flush().await?;
            }
            Say::Wait(millis) => tokio::time::sleep(Duration::from_millis(millis)).await,
            Say::Hold => {
                stream.read_u8().await?;
            }
        }
    }
    Ok(())
}

async fn read(stream: &mut (impl AsyncRead + Unpin)) -> std::io::Result<Asked> {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\n") {
        bytes.push(stream.read_u8().await?);
    }
    let head = String::from_utf8_lossy(&bytes).into_owned();
    let mut words = head.split(' ').map(str::to_owned);
    let (method, path) = (words.next().unwrap(), words.next().unwrap());
    Ok(Asked { method, path, head })
}

//! A server that says exactly the bytes of a script, at the script's pace.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Mutex;
use tokio::task::JoinSet;

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

    pub(super) async fn locked(script: Script, lock: Lock) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut task = JoinSet::new();
        task.spawn(async move {
            let mutex = Arc::new(Mutex::new(()));
            let mut visitors = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let mutex = Arc::clone(&mutex);
                visitors.spawn(async move {
                    // A visitor may leave whenever it likes.
                    drop(answer(stream, script, lock, &mutex).await);
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
}

async fn answer(
    mut stream: TcpStream,
    script: Script,
    lock: Lock,
    mutex: &Mutex<()>,
) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let asked = read(&mut stream).await?;
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
            Say::Bytes(bytes) => stream.write_all(&bytes).await?,
            Say::Wait(millis) => tokio::time::sleep(Duration::from_millis(millis)).await,
            Say::Hold => {
                stream.read_u8().await?;
            }
        }
    }
    Ok(())
}

async fn read(stream: &mut TcpStream) -> std::io::Result<Asked> {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\n") {
        bytes.push(stream.read_u8().await?);
    }
    let head = String::from_utf8_lossy(&bytes).into_owned();
    let mut words = head.split(' ').map(str::to_owned);
    let (method, path) = (words.next().unwrap(), words.next().unwrap());
    Ok(Asked { method, path, head })
}

//! HTTP/2 for the tests' clients. It takes a request as HTTP/1.1 writes it and gives the answer's
//! head so, with the body as it is: a test need not know by which protocol its client came.

use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use h2::client::{Builder, ResponseFuture, SendRequest};
use h2::{Reason, RecvStream, SendStream};
use http::{Request, Response};
use rustls::ClientConfig;
use socket2::Socket;
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::patience::patience;

/// What a stream may send ahead of its reader is HTTP/2's own 64 KiB; all of them together this.
const CONNECTION_WINDOW: u32 = 1 << 20;

/// One request at a time of a connection that others may share.
pub(super) struct Http2 {
    link: Arc<Link>,
    /// Written, and not understood yet.
    written: Vec<u8>,
    body: Framing,
    sending: Option<SendStream<Bytes>>,
    answer: Answer,
    ready: Bytes,
}

/// A connection; it is closed when nobody has it any more.
struct Link {
    requests: SendRequest<Bytes>,
    driver: JoinHandle<()>,
    is_left_alone: AtomicBool,
}

/// How the body of the request that is being written ends.
enum Framing {
    /// There is none: the next bytes are another request's.
    None,
    Length(usize),
    Chunked,
}

enum Answer {
    NotAsked,
    Awaited(ResponseFuture),
    Begun(RecvStream),
    /// By `END_STREAM`, or by whatever else.
    Over {
        is_whole: bool,
    },
}

// === impl Http2 ===

impl Http2 {
    /// Shakes hands, and must get HTTP/2.
    #[track_caller]
    pub(super) fn connect(socket: Socket, config: Arc<ClientConfig>) -> Self {
        socket.set_nonblocking(true).unwrap();
        let (requests, driver) = runtime().block_on(async {
            let socket = TcpStream::from_std(socket.into()).unwrap();
            let name = "localhost".try_into().unwrap();
            let tls = TlsConnector::from(config).connect(name, socket).await;
            let tls = tls.unwrap();
            assert_eq!(tls.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
            let mut builder = Builder::new();
            builder
                .enable_push(false)
                .initial_connection_window_size(CONNECTION_WINDOW);
            let (requests, connection) = Box::pin(builder.handshake(tls)).await.unwrap();
            // How a connection ends shows in its streams.
            let connection = Box::pin(connection);
            let driver = tokio::spawn(async { drop(connection.await) });
            (requests, driver)
        });
        let is_left_alone = AtomicBool::new(false);
        Self::on(Arc::new(Link {
            requests,
            driver,
            is_left_alone,
        }))
    }

    fn on(link: Arc<Link>) -> Self {
        Self {
            link,
            written: Vec::new(),
            body: Framing::None,
            sending: None,
            answer: Answer::NotAsked,
            ready: Bytes::new(),
        }
    }

    /// For another request of the same connection.
    pub(super) fn beside(&self) -> Self {
        Self::on(Arc::clone(&self.link))
    }

    /// Gives the request up, and lets the connection be.
    pub(super) fn reset(mut self) {
        if let Some(stream) = &mut self.sending {
            stream.send_reset(Reason::CANCEL);
        }
        // Aborted with its last handle it would not get to say so; it ends by itself too.
        self.link.is_left_alone.store(true, Ordering::SeqCst);
    }

    /// Whether the answer has ended otherwise than by `END_STREAM`.
    pub(super) fn is_cut(&self) -> bool {
        matches!(self.answer, Answer::Over { is_whole: false })
    }

    pub(super) fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.written.extend(bytes);
        loop {
            let (data, is_last) = match &mut self.body {
                Framing::None => match part(&self.written, b"\r\n\r\n") {
                    Some(head) => {
                        let text = String::from_utf8_lossy(&self.written[..head]).into_owned();
                        self.written.drain(..head + 4);
                        self.begin(&text)?;
                        continue;
                    }
                    None => return Ok(()),
                },
                Framing::Length(_) if self.written.is_empty() => return Ok(()),
                Framing::Length(left) => {
                    let taken = self.written.len().min(*left);
                    *left -= taken;
                    let is_last = *left == 0;
                    (self.written.drain(..taken).collect(), is_last)
                }
                Framing::Chunked => match chunk(&mut self.written) {
                    Some(data) => {
                        let is_last = data.is_empty();
                        (data, is_last)
                    }
                    None => return Ok(()),
                },
            };
            if is_last {
                self.body = Framing::None;
            }
            self.put(data, is_last)?;
        }
    }

    /// Asks what this head asks.
    fn begin(&mut self, head: &str) -> io::Result<()> {
        let mut lines = head.split("\r\n");
        let mut words = lines.next().unwrap().split(' ');
        let (method, target) = (words.next().unwrap(), words.next().unwrap());
        let headers: Vec<(&str, &str)> = lines.filter_map(|line| line.split_once(": ")).collect();
        let value = |name: &str| {
            let mut named = headers.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name));
            named.next().map(|(_, value)| *value)
        };
        let host = value("host").unwrap();
        let uri = format!("https://{host}{target}");
        let request = Request::builder().method(method).uri(uri);
        let of_hop = ["host", "connection", "transfer-encoding"];
        let request = headers
            .iter()
            .filter(|(name, _)| !of_hop.contains(&&*name.to_ascii_lowercase()))
            .fold(request, |request, (name, value)| {
                request.header(*name, *value)
            });
        self.body = match value("content-length").map(|text| text.parse().unwrap()) {
            None if value("transfer-encoding").is_some() => Framing::Chunked,
            None | Some(0) => Framing::None,
            Some(length) => Framing::Length(length),
        };
        let has_none = matches!(self.body, Framing::None);
        self.answer = Answer::Over { is_whole: false };
        let asked = runtime().block_on(async {
            let mut requests = self.link.requests.clone().ready().await?;
            requests.send_request(request.body(()).unwrap(), has_none)
        });
        let (answer, stream) = asked.map_err(io::Error::other)?;
        self.answer = Answer::Awaited(answer);
        self.sending = Some(stream);
        Ok(())
    }

    /// Sends a piece of the body, as fast as it is taken.
    fn put(&mut self, data: Vec<u8>, is_last: bool) -> io::Result<()> {
        let stream = self.sending.as_mut().expect("a request");
        let mut data = Bytes::from(data);
        runtime().block_on(async {
            while !data.is_empty() {
                stream.reserve_capacity(data.len());
                let room = timeout(patience(), poll_fn(|cx| stream.poll_capacity(cx))).await?;
                let room = room
                    .ok_or(ErrorKind::BrokenPipe)?
                    .map_err(io::Error::other)?;
                let next = data.split_to(room.min(data.len()));
                let is_end = is_last && data.is_empty();
                stream.send_data(next, is_end).map_err(io::Error::other)?;
                if is_end {
                    return Ok(());
                }
            }
            if is_last {
                stream.send_data(data, true).map_err(io::Error::other)?;
            }
            Ok(())
        })
    }

    /// Receives what comes within this time: `Ok(0)` is the end.
    pub(super) fn read(&mut self, into: &mut [u8], time: Duration) -> io::Result<usize> {
        while self.ready.is_empty() {
            let is_sending = !matches!(self.body, Framing::None);
            let next = async { timeout(time, self.answer.next(is_sending)).await };
            match runtime().block_on(next)? {
                Some(bytes) => self.ready = bytes,
                None if self.is_cut() => return Err(ErrorKind::ConnectionReset.into()),
                None => return Ok(0),
            }
        }
        let taken = self.ready.split_to(into.len().min(self.ready.len()));
        into[..taken.len()].copy_from_slice(&taken);
        Ok(taken.len())
    }
}

// === impl Link ===

impl Drop for Link {
    fn drop(&mut self) {
        if !self.is_left_alone.load(Ordering::SeqCst) {
            self.driver.abort();
        }
    }
}

// === impl Answer ===

impl Answer {
    /// The head, and then piece by piece the body; `None` = the end.
    async fn next(&mut self, is_sending: bool) -> Option<Bytes> {
        let (is_whole, error) = match self {
            Self::NotAsked => panic!("an answer before a request"),
            Self::Over { .. } => return None,
            Self::Awaited(answer) => match answer.await {
                Ok(answer) => {
                    let head = written(&answer);
                    *self = Self::Begun(answer.into_body());
                    return Some(head);
                }
                Err(error) => (false, Some(error)),
            },
            Self::Begun(body) => match body.data().await {
                Some(Ok(bytes)) => {
                    // Taken when it is read, and not when it comes.
                    drop(body.flow_control().release_capacity(bytes.len()));
                    return Some(bytes);
                }
                Some(Err(error)) => (false, Some(error)),
                None => (true, None),
            },
        };
        // The rest of a request whose answer is complete is not wanted (RFC 9113, section 8.1).
        let is_enough = error.and_then(|error| error.reason()) == Some(Reason::NO_ERROR);
        let is_begun = matches!(self, Self::Begun(_));
        let is_whole = is_whole || (is_begun && is_sending && is_enough);
        *self = Self::Over { is_whole };
        None
    }
}

/// The head of an answer as HTTP/1.1 writes it.
fn written(answer: &Response<RecvStream>) -> Bytes {
    let mut head = format!("HTTP/2.0 {}\r\n", answer.status()).into_bytes();
    for (name, value) in answer.headers() {
        head.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
    }
    head.extend(b"\r\n");
    head.into()
}

/// Takes a whole chunk; one of nothing is the last.
fn chunk(written: &mut Vec<u8>) -> Option<Vec<u8>> {
    let line = part(written, b"\r\n")?;
    let size = std::str::from_utf8(&written[..line]).unwrap();
    let size = usize::from_str_radix(size, 16).unwrap();
    let end = line + 2 + size;
    (written.len() >= end + 2).then(|| {
        let rest = written.split_off(end + 2);
        let chunk = std::mem::replace(written, rest);
        chunk[line + 2..end].to_vec()
    })
}

/// How many bytes stand before this mark.
fn part(bytes: &[u8], mark: &[u8]) -> Option<usize> {
    bytes.windows(mark.len()).position(|bytes| bytes == mark)
}

/// Of all clients: it reads what comes for them, up to what their windows allow.
fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| Runtime::new().unwrap())
}

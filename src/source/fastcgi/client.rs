//! One FastCGI conversation: one connection, one request, one response.
//!
//! Layer 2: may import the source's own error. Invariants: nothing is spawned, so that dropping a
//! [`Client`] closes the connection; bytes that were read are decoded or kept in it before anything
//! else is awaited; only an end that the application has told is an end.

use std::future::poll_fn;
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::response::Parts;
use tokio::io::{AsyncRead, AsyncWriteExt, ReadBuf};
use tokio::net::UnixStream;
use tokio::time::timeout;

use super::cgi::Head;
use super::record::{Decoder, Part, Verdict};
use super::stderr::Stderr;
use super::target::Address;
use crate::source::Error;
use crate::source::body::Chunks;
use crate::source::connect::{self, Place, Stream};
use crate::topic_key::TopicKey;

/// Read at once: what php-fpm sends for a `flush()` is less as a rule.
const READ_BYTES: usize = 8 << 10;

pub(super) struct Client {
    stream: Box<dyn Stream>,
    decoder: Decoder,
    /// Read, and not decoded yet.
    input: Bytes,
    /// Decoded with the head, and behind it.
    body: Bytes,
    stderr: Stderr,
    is_over: bool,
}

impl Client {
    /// A fresh connection.
    pub(super) async fn connect(
        address: &Address,
        limit: Duration,
        key: TopicKey,
    ) -> Result<Self, Error> {
        let stream: Box<dyn Stream> = match address {
            Address::Tcp { host, port } => {
                let (own, port) = (host, *port);
                Box::new(connect::connect(&Place { host, port, own }, limit).await?)
            }
            Address::Unix(path) => Box::new(unix(path, limit).await?),
        };
        Ok(Self {
            stream,
            decoder: Decoder::default(),
            input: Bytes::new(),
            body: Bytes::new(),
            stderr: Stderr::new(key),
            is_over: false,
        })
    }

    /// Sends the request and waits for the response's head, of at most `head_bytes`.
    pub(super) async fn ask(&mut self, request: &[u8], head_bytes: usize) -> Result<Parts, Error> {
        self.stream.write_all(request).await.map_err(Error::Cut)?;
        let mut head = Head::new(head_bytes);
        while let Some(piece) = poll_fn(|cx| self.poll_stdout(cx)).await {
            let whole = head
                .push(piece?)
                .map_err(|why| cut(io::ErrorKind::InvalidData, why))?;
            if let Some((parts, body)) = whole {
                self.body = body;
                return Ok(parts);
            }
        }
        let words = "the script ended before its response's head";
        Err(cut(io::ErrorKind::UnexpectedEof, words))
    }

    /// The script's next output; `None` = it is complete.
    fn poll_stdout(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Error>>> {
        while !self.is_over {
            match self.decoder.next(&mut self.input) {
                Ok(Some(Part::Stdout(piece))) => return Poll::Ready(Some(Ok(piece))),
                Ok(Some(Part::Stderr(piece))) => self.stderr.note(&piece),
                Ok(Some(Part::End(verdict))) => {
                    self.is_over = true;
                    if let Verdict::Refused(why) = verdict {
                        return Poll::Ready(Some(Err(refused(why))));
                    }
                }
                Ok(None) => {
                    if let Err(e) = ready!(self.poll_read(cx)) {
                        return Poll::Ready(Some(Err(Error::Cut(e))));
                    }
                }
                Err(why) => {
                    return Poll::Ready(Some(Err(cut(io::ErrorKind::InvalidData, why))));
                }
            }
        }
        Poll::Ready(None)
    }

    /// Reads into the empty `input`; an end of the connection is too early here.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // On the stack, so that a quiet topic holds no buffer.
        let mut space = [0; READ_BYTES];
        let mut buffer = ReadBuf::new(&mut space);
        ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buffer))?;
        if buffer.filled().is_empty() {
            let words = "it was closed before the response was complete";
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::UnexpectedEof, words)));
        }
        self.input = Bytes::copy_from_slice(buffer.filled());
        Poll::Ready(Ok(()))
    }
}

impl Chunks for Client {
    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Error>>> {
        if self.body.is_empty() {
            return self.poll_stdout(cx);
        }
        Poll::Ready(Some(Ok(std::mem::take(&mut self.body))))
    }
}

async fn unix(path: &Path, limit: Duration) -> Result<UnixStream, Error> {
    timeout(limit, UnixStream::connect(path))
        .await
        .map_err(|_| Error::Timeout("connect"))?
        .map_err(Error::Connect)
}

fn cut(kind: io::ErrorKind, why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::Cut(io::Error::new(kind, why))
}

/// As good as a connection that is refused: later it may be taken.
fn refused(why: &'static str) -> Error {
    Error::Connect(io::Error::new(io::ErrorKind::ConnectionRefused, why))
}

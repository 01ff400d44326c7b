//! One HTTP/1.1 conversation: one request, one response.
//!
//! Layer 2: hyper behind the few calls that are needed. Invariant: the connection is driven only
//! while somebody waits for it, and dropped with its [`Wire`]; no task is spawned, so none is left.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Empty;
use hyper::body::{Body, Incoming};
use hyper::client::conn::http1::{Builder, Connection, SendRequest};
use hyper_util::rt::TokioIo;

use crate::source::Error;
use crate::source::body::Chunks;
use crate::source::connect::Stream;

/// hyper refuses to work with a smaller buffer.
const SMALLEST_BUFFER: usize = 8192;

type Io = TokioIo<Box<dyn Stream>>;

pub(super) struct Wire {
    connection: Pin<Box<Connection<Io, Empty<Bytes>>>>,
    /// A connection that is done must not be polled again.
    done: bool,
    /// Kept, because hyper takes its drop for the wish to end the connection.
    sender: SendRequest<Empty<Bytes>>,
}

/// A conversation whose head has come.
pub(super) struct Exchange {
    pub(super) wire: Wire,
    pub(super) body: Incoming,
}

impl Wire {
    /// A conversation whose response head is at most `head_bytes` long.
    pub(super) async fn new(stream: Box<dyn Stream>, head_bytes: usize) -> Result<Self, Error> {
        let (sender, connection) = Builder::new()
            .max_buf_size(head_bytes.max(SMALLEST_BUFFER))
            .max_header_size(head_bytes)
            // As people write them: header names are case-insensitive, old backends are not always.
            .title_case_headers(true)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(Error::broken)?;
        Ok(Self {
            connection: Box::pin(connection),
            done: false,
            sender,
        })
    }

    /// Sends the request and waits for the response's head.
    pub(super) async fn send(
        &mut self,
        request: Request<Empty<Bytes>>,
    ) -> Result<Response<Incoming>, Error> {
        let mut response = pin!(self.sender.send_request(request));
        poll_fn(|cx| {
            if let Poll::Ready(response) = response.as_mut().poll(cx) {
                return Poll::Ready(response);
            }
            drive(&mut self.connection, &mut self.done, cx);
            response.as_mut().poll(cx)
        })
        .await
        .map_err(Error::broken)
    }

    /// The next bytes of the body; `None` is an end that the framing promised.
    fn poll_data(
        &mut self,
        body: &mut Incoming,
        cx: &mut Context<'_>,
    ) -> Poll<Option<hyper::Result<Bytes>>> {
        if let Poll::Ready(data) = poll_body(body, cx) {
            return Poll::Ready(data);
        }
        // Asked first, the body has told the connection that it wants more.
        drive(&mut self.connection, &mut self.done, cx);
        poll_body(body, cx)
    }
}

impl Chunks for Exchange {
    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Error>>> {
        let data = self.wire.poll_data(&mut self.body, cx);
        data.map(|data| data.map(|result| result.map_err(Error::broken)))
    }
}

fn drive<C: Future>(connection: &mut Pin<Box<C>>, done: &mut bool, cx: &mut Context<'_>) {
    // Whatever ends the connection is told to the response or to its body as well.
    *done = *done || connection.as_mut().poll(cx).is_ready();
}

fn poll_body(body: &mut Incoming, cx: &mut Context<'_>) -> Poll<Option<hyper::Result<Bytes>>> {
    loop {
        match Pin::new(&mut *body).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                Ok(data) if data.is_empty() => {}
                Ok(data) => return Poll::Ready(Some(Ok(data))),
                Err(_trailers) => {}
            },
            Poll::Ready(Some(Err(e))) => return Poll::Ready(Some(Err(e))),
            Poll::Ready(None) => return Poll::Ready(None),
            Poll::Pending => return Poll::Pending,
        }
    }
}

//! One HTTP/1.1 connection to an upstream, driven by whoever waits for it.
//!
//! Layer 2: hyper behind the few calls that are needed. Invariant: the connection is driven only
//! while somebody waits for it, and dropped with its [`Wire`]; no task is spawned, so none is left.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use hyper::body::{Body, Frame, Incoming};
use hyper::client::conn::http1::{Builder, Connection, SendRequest};
use hyper_util::rt::TokioIo;

use super::connect::Stream;

/// hyper refuses to work with a smaller buffer.
const SMALLEST_BUFFER: usize = 8192;

type Io = TokioIo<Box<dyn Stream>>;

/// A connection; `B` is the body of its requests.
pub(super) struct Wire<B: Body + 'static> {
    /// `None` once it has been let go, because it was done and somebody still waited for it.
    connection: Option<Pin<Box<Connection<Io, B>>>>,
    /// A connection that is done must not be polled again.
    done: bool,
    /// Kept, because hyper takes its drop for the wish to end the connection.
    sender: SendRequest<B>,
}

impl<B> Wire<B>
where
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    /// A connection on which a response's head is at most `head_bytes` long.
    pub(super) async fn new(stream: Box<dyn Stream>, head_bytes: usize) -> hyper::Result<Self> {
        let (sender, connection) = Builder::new()
            .max_buf_size(head_bytes.max(SMALLEST_BUFFER))
            .max_header_size(head_bytes)
            // As people write them: header names are case-insensitive, old backends are not always.
            .title_case_headers(true)
            .handshake(TokioIo::new(stream))
            .await?;
        Ok(Self {
            connection: Some(Box::pin(connection)),
            done: false,
            sender,
        })
    }

    /// Sends the request and waits for the response's head.
    pub(super) async fn send(&mut self, request: Request<B>) -> hyper::Result<Response<Incoming>> {
        let mut response = pin!(self.sender.send_request(request));
        let (connection, done) = (&mut self.connection, &mut self.done);
        poll_fn(|cx| {
            if let Poll::Ready(response) = response.as_mut().poll(cx) {
                return Poll::Ready(response);
            }
            drive(connection, done, cx);
            if let Poll::Ready(response) = response.as_mut().poll(cx) {
                return Poll::Ready(response);
            }
            if *done {
                // Should it have ended without a word about the request, its drop is one.
                *connection = None;
                return response.as_mut().poll(cx);
            }
            Poll::Pending
        })
        .await
    }

    /// The next frame of a response's body; `None` is an end that the framing promised.
    pub(super) fn poll_frame(
        &mut self,
        body: &mut Incoming,
        cx: &mut Context<'_>,
    ) -> Poll<Option<hyper::Result<Frame<Bytes>>>> {
        if let Poll::Ready(frame) = Pin::new(&mut *body).poll_frame(cx) {
            return Poll::Ready(frame);
        }
        // Asked first, the body has told the connection that it wants more.
        drive(&mut self.connection, &mut self.done, cx);
        if let Poll::Ready(frame) = Pin::new(&mut *body).poll_frame(cx) {
            return Poll::Ready(frame);
        }
        if self.done {
            // Nothing more will come, and nobody else would say so.
            self.connection = None;
            return Pin::new(body).poll_frame(cx);
        }
        Poll::Pending
    }

    /// Whether the last exchange is over and another request may follow.
    pub(super) fn poll_reusable(&mut self, cx: &mut Context<'_>) -> bool {
        drive(&mut self.connection, &mut self.done, cx);
        !self.done && self.sender.is_ready()
    }

    /// Drives the connection to its end, whoever reads the response's body.
    pub(super) async fn run(mut self) {
        self.finish().await;
    }

    /// The stream behind a 101, and what has been read of it.
    pub(super) async fn into_stream(mut self) -> Option<(Box<dyn Stream>, Bytes)> {
        self.finish().await;
        let parts = Pin::into_inner(self.connection?).into_parts();
        Some((parts.io.into_inner(), parts.read_buf))
    }

    async fn finish(&mut self) {
        poll_fn(|cx| {
            drive(&mut self.connection, &mut self.done, cx);
            if self.done {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
    }
}

/// Whatever ends the connection is told to the response or to its body as well.
fn drive<B>(
    connection: &mut Option<Pin<Box<Connection<Io, B>>>>,
    done: &mut bool,
    cx: &mut Context<'_>,
) where
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let poll = |connection: &mut Pin<Box<Connection<Io, B>>>| {
        connection.poll_without_shutdown(cx).is_ready()
    };
    *done = *done || connection.as_mut().is_none_or(poll);
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http_body_util::Empty;

    use super::*;

    /// Between the look at a kept connection and the request on it there is time to end.
    #[tokio::test]
    async fn a_request_on_a_connection_that_has_just_ended_is_told_so() {
        let (ours, theirs) = tokio::io::duplex(1024);
        let mut wire: Wire<Empty<Bytes>> = Wire::new(Box::new(ours), 1024).await.unwrap();
        let is_reusable = poll_fn(|cx| Poll::Ready(wire.poll_reusable(cx))).await;
        assert!(is_reusable);
        drop(theirs);
        let request = Request::new(Empty::new());
        let sent = tokio::time::timeout(Duration::from_secs(10), wire.send(request)).await;
        assert!(
            sent.expect("an answer, or a word that there is none")
                .is_err()
        );
    }
}

//! An answer's body, which gives its connection back when it is over.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};

use super::BodyError;
use super::pool::{Connection, Pool};

/// Dropped before its end, it closes its connection.
pub(super) struct Answer {
    body: Incoming,
    /// `None` once it has been given back, or if it runs by itself.
    connection: Option<Connection>,
    pool: Arc<Pool>,
}

impl Answer {
    pub(super) fn new(body: Incoming, connection: Option<Connection>, pool: &Arc<Pool>) -> Self {
        Self {
            body,
            connection,
            pool: Arc::clone(pool),
        }
    }

    /// Gives the connection back once nothing more will come.
    pub(super) fn settle(&mut self, cx: &mut Context<'_>, is_over: bool) {
        if (is_over || self.body.is_end_stream())
            && let Some(connection) = self.connection.take()
        {
            self.pool.give_back(connection, cx);
        }
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        let frame = ready!(match &mut this.connection {
            Some(connection) => connection.poll_frame(&mut this.body, cx),
            None => Pin::new(&mut this.body).poll_frame(cx),
        });
        this.settle(cx, frame.is_none());
        Poll::Ready(frame.map(|frame| frame.map_err(Into::into)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

//! A conversation whose head has come: the bytes of a feed's body.

use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::Empty;
use hyper::body::Incoming;

use crate::source::Error;
use crate::source::body::Chunks;
use crate::source::wire::Wire;

/// One request's response; the connection closes with it.
pub(super) struct Exchange {
    pub(super) wire: Wire<Empty<Bytes>>,
    pub(super) body: Incoming,
}

impl Chunks for Exchange {
    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Error>>> {
        loop {
            match self.wire.poll_frame(&mut self.body, cx) {
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(data) if data.is_empty() => {}
                    Ok(data) => return Poll::Ready(Some(Ok(data))),
                    Err(_trailers) => {}
                },
                Poll::Ready(Some(Err(error))) => {
                    return Poll::Ready(Some(Err(Error::broken(error))));
                }
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Pending => return Poll::Pending,
            }
        }
    }
}

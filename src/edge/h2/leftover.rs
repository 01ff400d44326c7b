//! What is left of a request's body when nobody wants it any more.
//!
//! The answer may come before the body has: a 413, a login page. hyper then says `RST_STREAM`, as
//! RFC 9113 (section 8.1) allows, and curl before version 8 throws the answer away. So the rest is
//! read for a while, and clients stop by themselves. Invariant: never more than `MOST`, never longer
//! than `LONGEST`.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http_body_util::BodyExt as _;
use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use tokio::runtime::Handle;
use tokio::time::timeout;

/// What a fast client has under way, many times over.
const MOST: usize = 1 << 20;
const LONGEST: Duration = Duration::from_secs(2);

/// A request's body.
#[derive(Debug)]
pub(super) struct Asked(Option<Incoming>);

impl Asked {
    pub(super) fn new(body: Incoming) -> Self {
        Self(Some(body))
    }
}

impl Body for Asked {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match &mut self.0 {
            Some(body) => Pin::new(body).poll_frame(cx),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.0.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.0.as_ref().map(Body::size_hint).unwrap_or_default()
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        let left = self.0.take().filter(|body| !body.is_end_stream());
        // Without a runtime everything is about to end.
        if let (Some(body), Ok(runtime)) = (left, Handle::try_current()) {
            drop(runtime.spawn(timeout(LONGEST, forget(body))));
        }
    }
}

async fn forget(mut body: Incoming) {
    let mut left = MOST;
    while let Some(Ok(frame)) = body.frame().await {
        let read = frame.data_ref().map_or(0, Bytes::len);
        match left.checked_sub(read) {
            Some(rest) => left = rest,
            None => return,
        }
    }
}

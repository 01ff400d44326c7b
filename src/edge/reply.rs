//! What hyper is given to answer with: bytes of ours, an upstream's body as it comes, or a stream.

use std::pin::Pin;
use std::task::{Context, Poll};

use http::Response;
use http_body_util::Full;
use hyper::body::{Body as HttpBody, Bytes, Frame, SizeHint};

use super::proxy::{Body, BodyError};
use crate::delivery::body::Body as StreamBody;

/// An answer that is no detached stream.
pub(super) type Reply = Response<ReplyBody>;

/// Its body.
#[derive(Debug)]
pub(super) enum ReplyBody {
    /// Ours.
    Full(Full<Bytes>),
    /// An upstream's.
    Passed(Body),
    /// A subscriber's, where it stays in its connection.
    Stream(Box<StreamBody>),
}

impl Default for ReplyBody {
    fn default() -> Self {
        Self::Full(Full::default())
    }
}

impl From<Bytes> for ReplyBody {
    fn from(bytes: Bytes) -> Self {
        Self::Full(Full::new(bytes))
    }
}

impl HttpBody for ReplyBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match self.get_mut() {
            Self::Full(body) => Pin::new(body)
                .poll_frame(cx)
                .map_err(|never| match never {}),
            Self::Passed(body) => Pin::new(body).poll_frame(cx),
            Self::Stream(body) => body
                .poll_give(cx)
                .map(|bytes| Some(Ok(Frame::data(bytes?)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Full(body) => body.is_end_stream(),
            Self::Passed(body) => body.is_end_stream(),
            Self::Stream(body) => body.is_over(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Full(body) => body.size_hint(),
            Self::Passed(body) => body.size_hint(),
            Self::Stream(_) => SizeHint::default(),
        }
    }
}

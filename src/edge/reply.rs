//! What hyper is given to answer with: bytes of ours, or an upstream's body as it comes.

use std::pin::Pin;
use std::task::{Context, Poll};

use http::Response;
use http_body_util::Full;
use hyper::body::{Body as HttpBody, Bytes, Frame, SizeHint};

use super::proxy::{Body, BodyError};

/// An answer that is no detached stream.
pub(super) type Reply = Response<ReplyBody>;

/// Its body.
#[derive(Debug)]
pub(super) enum ReplyBody {
    /// Ours.
    Full(Full<Bytes>),
    /// An upstream's.
    Passed(Body),
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
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Full(body) => body.is_end_stream(),
            Self::Passed(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Full(body) => body.size_hint(),
            Self::Passed(body) => body.size_hint(),
        }
    }
}

//! A request's body on its way to the upstream: streamed, bounded in size and in idle time.
//!
//! Invariant: not more than one frame is held; the client is read only as fast as the upstream takes.

use std::error::Error;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tokio::time::{Sleep, sleep};

use super::progress::Progress;
use super::{Body, BodyError};
use crate::edge::Options;

/// Why a body is not passed on any further.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum BodyFault {
    /// More than `body_bytes`.
    #[error("the body is larger than `body_bytes`")]
    TooLarge,
    /// Nothing for `body_timeout`.
    #[error("the client sent nothing for `body_timeout`")]
    TooSlow,
}

/// Our own fault in a chain of errors, if it was one.
pub(super) fn fault_in(error: &(dyn Error + 'static)) -> Option<BodyFault> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(fault) = error.downcast_ref::<BodyFault>() {
            return Some(*fault);
        }
        next = error.source();
    }
    None
}

/// hyper's body under the bounds.
pub(super) struct RequestBody<B> {
    body: B,
    /// What may still come; `None` = anything.
    left: Option<u64>,
    limit: Duration,
    /// Set while the client is waited for.
    idle: Option<Pin<Box<Sleep>>>,
    progress: Arc<Progress>,
}

impl<B> RequestBody<B>
where
    B: HttpBody<Data = Bytes, Error = hyper::Error> + Send + Unpin + 'static,
{
    pub(super) fn new(body: B, options: &Options, progress: &Arc<Progress>) -> Self {
        Self {
            body,
            left: (options.body_bytes != 0).then_some(options.body_bytes),
            limit: options.body_timeout,
            idle: None,
            progress: Arc::clone(progress),
        }
    }

    pub(super) fn boxed(self) -> Body {
        self.boxed_unsync()
    }

    fn count(&mut self, frame: &Frame<Bytes>) -> Result<(), BodyFault> {
        let (Some(left), Some(data)) = (&mut self.left, frame.data_ref()) else {
            return Ok(());
        };
        let length = u64::try_from(data.len()).unwrap_or(u64::MAX);
        *left = left.checked_sub(length).ok_or(BodyFault::TooLarge)?;
        Ok(())
    }
}

impl<B> HttpBody for RequestBody<B>
where
    B: HttpBody<Data = Bytes, Error = hyper::Error> + Send + Unpin + 'static,
{
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        let Poll::Ready(frame) = Pin::new(&mut this.body).poll_frame(cx) else {
            let limit = this.limit;
            let idle = this.idle.get_or_insert_with(|| Box::pin(sleep(limit)));
            ready!(idle.as_mut().poll(cx));
            return Poll::Ready(Some(Err(BodyFault::TooSlow.into())));
        };
        this.idle = None;
        this.progress.note();
        Poll::Ready(frame.map(|frame| {
            let frame = frame?;
            this.count(&frame)?;
            Ok(frame)
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

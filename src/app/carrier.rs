//! The edge's way to an upstream for ordinary requests: the source's pool, counted.
//!
//! A seam: the edge must not know the source, nor the source the edge.

use std::sync::Arc;

use http::Request;

use crate::edge::{Body, Carriage, Carried, Carrier, CarryError};
use crate::metrics::{UpstreamMetrics, UpstreamReason};
use crate::source::Options;
use crate::source::forward::{ForwardError, Forwarded, Forwarder};

/// To one route's upstream.
#[derive(Debug)]
pub(super) struct Pool {
    forwarder: Forwarder,
    metrics: Arc<UpstreamMetrics>,
}

impl Pool {
    /// `None` if the upstream is no web server.
    pub(super) fn new(
        origin: &str,
        options: Arc<Options>,
        metrics: Arc<UpstreamMetrics>,
    ) -> Option<Self> {
        let forwarder = Forwarder::new(origin, options)?;
        Some(Self { forwarder, metrics })
    }

    fn fault(&self, error: ForwardError) -> CarryError {
        let reason = error.reason();
        if let Some(reason) = reason {
            self.metrics.errors.of(reason).inc();
            tracing::warn!(%error, "an ordinary request got no answer");
        }
        match (reason, error) {
            (Some(UpstreamReason::Timeout), _) => CarryError::TooSlow,
            (_, ForwardError::Body(cause)) => CarryError::Body(cause.into()),
            (Some(reason), _) => CarryError::Upstream(reason.label()),
            (None, _) => CarryError::Upstream(UpstreamReason::Reset.label()),
        }
    }
}

impl Carrier for Pool {
    fn carry(&self, request: Request<Body>) -> Carried<'_> {
        Box::pin(async move {
            match self.forwarder.send(request).await {
                Ok(Forwarded::Answer(answer)) => Ok(answer.map(Carriage::Body)),
                Ok(Forwarded::Switched(head, switched)) => Ok(head.map(|()| {
                    let unread = switched.unread.clone();
                    Carriage::Stream(Box::new(switched.into_stream()), unread)
                })),
                Err(error) => Err(self.fault(error)),
            }
        })
    }
}

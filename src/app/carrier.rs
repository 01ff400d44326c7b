//! The edge's way to an upstream for ordinary requests: the source's pool, counted.
//!
//! A seam: the edge must not know the source, nor the source the edge.

use std::sync::Arc;

use http::Request;

use crate::edge::{Body, Carried, Carrier, CarryError};
use crate::metrics::{UpstreamMetrics, UpstreamReason};
use crate::source::Options;
use crate::source::forward::{ForwardError, Forwarder};

/// To one route's upstream.
#[derive(Debug)]
pub(super) struct Pool {
    forwarder: Forwarder,
    metrics: Arc<UpstreamMetrics>,
}

impl Pool {
    pub(super) fn new(options: Arc<Options>, metrics: Arc<UpstreamMetrics>) -> Self {
        let forwarder = Forwarder::new(options);
        Self { forwarder, metrics }
    }

    fn fault(&self, error: ForwardError) -> CarryError {
        let reason = error.reason();
        if let Some(reason) = reason {
            self.metrics.errors.of(reason).inc();
            tracing::warn!(%error, "an ordinary request got no answer");
        }
        match (reason, error) {
            (Some(UpstreamReason::Timeout), _) => CarryError::TooSlow,
            (_, ForwardError::Body(cause)) => CarryError::Body(cause),
            (Some(reason), _) => CarryError::Upstream(reason.label()),
            (None, _) => CarryError::Upstream(UpstreamReason::Reset.label()),
        }
    }
}

impl Carrier for Pool {
    fn carry(&self, request: Request<Body>) -> Carried<'_> {
        Box::pin(async move {
            let sent = self.forwarder.send(request).await;
            sent.map_err(|error| self.fault(error))
        })
    }
}

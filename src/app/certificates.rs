//! The certificates of the TLS listeners, and who clients have to be, while the program runs:
//! watched, replaced, told.
//!
//! Invariant: what can not be used is said and counted, and changes nothing.

use std::sync::Arc;

use tokio::time::MissedTickBehavior;

use crate::clock;
use crate::edge::tls::{self, Server};
use crate::metrics::Metrics;

/// What is looked after.
#[derive(Debug)]
pub(super) struct Certificates {
    server: Arc<Server>,
    /// The names of the listeners that use them.
    listeners: Vec<String>,
    metrics: Arc<Metrics>,
}

impl Certificates {
    pub(super) fn new(
        server: Arc<Server>,
        listeners: Vec<String>,
        metrics: &Arc<Metrics>,
    ) -> Arc<Self> {
        // Both series exist from the start.
        metrics.certificate_reloads(true);
        metrics.certificate_reloads(false);
        let certificates = Self {
            server,
            listeners,
            metrics: Arc::clone(metrics),
        };
        certificates.tell_expiry();
        Arc::new(certificates)
    }

    /// Looks at the files that have changed, or at all.
    pub(super) async fn look(self: &Arc<Self>, forced: bool) {
        let this = Arc::clone(self);
        // Files block.
        let looked = tokio::task::spawn_blocking(move || this.refresh(forced)).await;
        if looked.is_err() {
            tracing::error!("looking at the certificates has panicked");
        }
    }

    fn refresh(&self, forced: bool) {
        let refreshed = self.server.refresh(forced, clock::wall());
        let reloads = |are_good| self.metrics.certificate_reloads(are_good);
        reloads(true).inc_by(refreshed.replaced as u64);
        reloads(false).inc_by(refreshed.faults.len() as u64);
        for fault in &refreshed.faults {
            tracing::error!(
                error = %fault,
                key = fault.key,
                "a changed file of [tls] can not be used; the one in use stays"
            );
        }
        if refreshed.replaced > 0 {
            tracing::info!(
                certificates = refreshed.replaced,
                "certificates were read again"
            );
            self.tell_expiry();
        }
    }

    fn tell_expiry(&self) {
        self.metrics.forget_certificates();
        for listener in &self.listeners {
            for shown in self.server.certificates() {
                let gauge = self.metrics.certificate_expiry(listener, &shown.name);
                gauge.set(shown.expiry);
            }
        }
        let mut lists = self.server.revocation_lists();
        // Of an authority's lists the first to expire is the one to tell.
        lists.sort_by_key(|list| std::cmp::Reverse(list.expiry));
        for list in lists {
            let gauge = self.metrics.revocation_list_expiry(&list.name);
            gauge.set(list.expiry);
        }
    }
}

/// Looks again and again, until the program is over.
pub(super) async fn watch(certificates: Arc<Certificates>) {
    let begin = tokio::time::Instant::now() + tls::WATCH;
    let mut rounds = tokio::time::interval_at(begin, tls::WATCH);
    rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        rounds.tick().await;
        certificates.look(false).await;
    }
}

//! The metrics of a TLS listener.

use prometheus::{Histogram, IntCounter, IntGauge, IntGaugeVec, Opts, Registry};

use super::family::{ByLabel, Family, registered};
use super::labels::HandshakeResult;

/// Handles of one listener's handshakes.
#[derive(Debug)]
pub struct TlsMetrics {
    /// Handshakes that are done: TLS 1.2 anew and resumed, then 1.3 likewise.
    done: [IntCounter; 4],
    /// Those that came to nothing, by [`HandshakeResult`].
    pub failed: ByLabel<IntCounter>,
    /// From the first byte to the end of the handshake.
    pub duration: Histogram,
}

#[derive(Debug)]
pub(super) struct Families {
    handshakes: Family<IntCounter>,
    duration: Family<Histogram>,
    /// Not a [`Family`]: a certificate that is replaced by one of another name leaves none behind.
    pub(super) expiry: IntGaugeVec,
    /// Likewise.
    pub(super) lists: IntGaugeVec,
    pub(super) reloads: Family<IntCounter>,
}

const SECONDS: [f64; 8] = [1e-3, 5e-3, 2.5e-2, 0.1, 0.25, 1.0, 2.5, 10.0];

impl TlsMetrics {
    /// One that is done.
    pub fn done(&self, is_newest: bool, is_resumed: bool) {
        let place = usize::from(is_newest) * 2 + usize::from(is_resumed);
        if let Some(counter) = self.done.get(place) {
            counter.inc();
        }
    }
}

impl Families {
    pub(super) fn new(r: &Registry) -> Self {
        Self {
            handshakes: Family::counter(
                r,
                "fantail_tls_handshakes_total",
                "TLS handshakes.",
                &["listener", "version", "resumed", "result"],
            ),
            duration: Family::histogram(
                r,
                (
                    "fantail_tls_handshake_duration_seconds",
                    "First byte to the end of the handshake.",
                ),
                &["listener"],
                &SECONDS,
            ),
            expiry: gauges(
                r,
                "fantail_tls_certificate_expiry_timestamp_seconds",
                "When a certificate in use expires, Unix time.",
                &["listener", "name"],
            ),
            lists: gauges(
                r,
                "fantail_tls_revocation_list_expiry_timestamp_seconds",
                "When a revocation list in use expires, and its authority's clients are refused, Unix time.",
                &["issuer"],
            ),
            reloads: Family::counter(
                r,
                "fantail_tls_certificate_reloads_total",
                "Files of certificates and revocation lists that were looked at again because they had changed.",
                &["result"],
            ),
        }
    }

    pub(super) fn resolve(&self, listener: &str) -> TlsMetrics {
        let done = |version, resumed| self.handshakes.with(&[listener, version, resumed, "ok"]);
        TlsMetrics {
            done: [
                done("1.2", "no"),
                done("1.2", "yes"),
                done("1.3", "no"),
                done("1.3", "yes"),
            ],
            failed: self.handshakes.by_label(
                &[listener, "none", "no"],
                HandshakeResult::ALL,
                HandshakeResult::label,
            ),
            duration: self.duration.with(&[listener]),
        }
    }

    pub(super) fn expiry(&self, listener: &str, name: &str) -> IntGauge {
        self.expiry.with_label_values(&[listener, name])
    }
}

fn gauges(r: &Registry, name: &str, help: &str, labels: &[&str]) -> IntGaugeVec {
    registered(r, IntGaugeVec::new(Opts::new(name, help), labels))
}

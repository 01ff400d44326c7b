//! Whether a connection that has been accepted has a place, and whose it is.
//!
//! Invariant: limits for each address count the client: the peer, or whom a proxy names in a
//! PROXY header. Behind a trusted proxy that names nobody, clients are counted by their requests.

use tokio::time::timeout;

use super::Edge;
use super::client::Peer;
use super::conn::Arrival;
use super::proxy_protocol::{Failure, Raw, Source, receive};
use super::reject::Reject;
use crate::clock;
use crate::hub::limits::{AddressPermit, ClientAddr};
use crate::metrics::RejectReason;

impl Edge {
    /// Judges a connection, once it is known whose it is; `is_told` = a trusted proxy says that
    /// first. `false` = nothing comes of it.
    pub(super) async fn admit<S: Raw>(
        &self,
        socket: &S,
        arrival: &mut Arrival,
        is_told: bool,
    ) -> bool {
        let peer = arrival.entry.peer;
        if is_told && peer.is_trusted(&self.options) {
            match self.named(socket).await {
                Ok(Source::Client(address)) => {
                    arrival.entry.peer = Peer::Address(address.to_canonical());
                }
                Ok(Source::Peer) => {}
                Err(failure) => {
                    tracing::debug!(?peer, error = %failure, "a connection was refused");
                    if failure.is_refusal() {
                        arrival
                            .metrics
                            .rejects
                            .of(RejectReason::ProxyProtocol)
                            .inc();
                    }
                    return false;
                }
            }
        }
        if arrival.refusal.is_none() {
            match self.judge(arrival.entry.peer) {
                Ok(permit) => arrival.permit.address = permit,
                Err(reject) => arrival.refusal = Some(reject),
            }
        }
        true
    }

    /// Whom the header names. It has the time of a first byte: a proxy sends it at once.
    async fn named<S: Raw>(&self, socket: &S) -> Result<Source, Failure> {
        // Boxed, so that connections without one do not carry its size.
        let header = Box::pin(receive(socket));
        timeout(self.options.first_byte_timeout, header)
            .await
            .unwrap_or(Err(Failure::Timeout))
    }

    /// Whether this connection is served only to be refused; else its address's permit.
    fn judge(&self, peer: Peer) -> Result<Option<AddressPermit>, Reject> {
        let now = clock::now();
        let client = match peer {
            // Its clients are counted one by one, once their requests name them.
            _ if peer.is_trusted(&self.options) => None,
            Peer::Local => None,
            Peer::Address(address) => Some(ClientAddr::new(address)),
        };
        // First, so that who comes too fast does not use up what everybody else may come by.
        if client.is_some_and(|client| !self.accepts_of_address.try_take(client, now)) {
            return Err(Reject::TooMany(RejectReason::Rate));
        }
        if !self.accepts.try_take(now) {
            return Err(Reject::Busy(RejectReason::Rate));
        }
        let Some(client) = client else {
            return Ok(None);
        };
        let permit = self.per_address.try_acquire(client);
        permit
            .map(Some)
            .ok_or(Reject::TooMany(RejectReason::Address))
    }
}

impl Failure {
    /// Whether somebody has been refused: who says nothing and leaves only looks whether the port
    /// is open, as balancers do.
    fn is_refusal(&self) -> bool {
        match self {
            Self::Malformed(_) | Self::Timeout | Self::Cut => true,
            Self::Nothing | Self::Gone(_) => false,
        }
    }
}

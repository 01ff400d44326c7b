//! One subscriber: a socket, a place in the log, and the bytes owed of the frame in flight.

use std::time::Instant;

use bytes::Bytes;

use super::socket::Socket;
use crate::hub::Subscription;
use crate::hub::limits::{AddressPermit, TotalPermit};
use crate::log::Cursor;
use crate::metrics::{EndReason, GaugeGuard};

/// What moves with a connection, and is given back when it closes.
#[derive(Debug)]
pub struct ConnectionPermit {
    /// One of `connections`.
    pub total: TotalPermit,
    /// One of those that are being served.
    pub served: TotalPermit,
    /// One of `connections_per_address`.
    pub address: Option<AddressPermit>,
    /// The listener's gauge.
    pub open: GaugeGuard,
}

/// Where a subscriber reads next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// With all others at the topic's live edge; its index in their list.
    AtEdge(usize),
    /// At a place of its own: its socket is full, or it has not caught up yet.
    Behind(Cursor),
}

/// What a shard keeps for a subscriber.
#[derive(Debug)]
pub(super) struct Subscriber {
    pub(super) socket: Socket,
    /// Which audience of the shard it belongs to.
    pub(super) audience: usize,
    pub(super) standing: Standing,
    /// The rest of the frame (or other line) in flight; goes out before anything else.
    pub(super) owed: Bytes,
    /// Whether `owed` is the rest of a frame, to be counted once it is out.
    pub(super) owes_frame: bool,
    /// Whether the last write found the socket full.
    pub(super) blocked: bool,
    /// Why the stream ends, once `owed` is out.
    pub(super) ending: Option<EndReason>,
    /// Whether the client has closed its side.
    pub(super) half_closed: bool,
    /// How wide the spread was when it was told its `retry:` (its doublings).
    pub(super) retry_step: u8,
    /// Bytes that it has sent.
    pub(super) inbound: u32,
    /// The one of its timer entries that counts.
    pub(super) timer: u32,
    pub(super) born: Instant,
    /// When its socket last took a byte, beyond what its topic's passes say.
    pub(super) progress: Instant,
    /// When its stream ends: `max_age` or drain.
    pub(super) until: Option<(Instant, EndReason)>,
    /// Held, never read: giving it back is leaving.
    pub(super) subscription: Subscription,
    /// Held, never read.
    pub(super) permit: ConnectionPermit,
}

impl Subscriber {
    /// Whether nothing is half written, so that a line of our own may be put in.
    pub(super) fn is_at_boundary(&self) -> bool {
        self.owed.is_empty()
    }

    /// Gives back what it holds, then closes its socket.
    pub(super) fn say_goodbye(self) {
        let Self {
            mut socket,
            ending,
            subscription,
            permit,
            ..
        } = self;
        drop((subscription, permit));
        if ending.is_some() {
            // What a client sent and nobody read would turn the goodbye into a reset.
            drop(socket.discard(&mut [0; 4096]));
        }
        socket.finish();
    }
}

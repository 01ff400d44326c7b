//! How each hub is published to.

use std::net::SocketAddrV4;

use clap::ValueEnum;
use serde_json::json;

use crate::wire;

/// Where Nchan's configuration lets the source publish.
pub(crate) const PUBLISH_PATH: &str = "/publish";

/// Where Pushpin's control port takes messages.
const CONTROL_PATH: &str = "/publish/";

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Dialect {
    /// A `POST` of its data for each event; many may be under way on one connection.
    Nchan,
    /// One `POST` of JSON for many events; the control port closes after each.
    Pushpin,
}

impl Dialect {
    /// Most events under way at once: the hub's time for them bounds how late the next is sent.
    pub(super) fn most_under_way(self) -> usize {
        match self {
            Self::Nchan => 64,
            Self::Pushpin => 1000,
        }
    }

    /// What to send for these whole frames, and how many answers it will have.
    pub(super) fn requests(self, frames: &[Vec<u8>], hub: SocketAddrV4) -> (Vec<u8>, usize) {
        match self {
            Self::Nchan => {
                let mut all = Vec::new();
                for frame in frames {
                    // Nchan numbers events itself: what it wants is the data.
                    let kind = "text/plain";
                    wire::write_post(&mut all, PUBLISH_PATH, hub, kind, wire::data_of(frame));
                }
                (all, frames.len())
            }
            Self::Pushpin => {
                let items: Vec<_> = frames
                    .iter()
                    .map(|frame| {
                        let content = String::from_utf8_lossy(frame);
                        json!({ "channel": "events", "formats": { "http-stream": { "content": content } } })
                    })
                    .collect();
                let body = json!({ "items": items }).to_string();
                let mut all = Vec::new();
                let kind = "application/json";
                wire::write_post(&mut all, CONTROL_PATH, hub, kind, body.as_bytes());
                (all, 1)
            }
        }
    }
}

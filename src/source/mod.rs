//! Where events come from: a [`Source`] opens a [`Feed`], a feed gives parsed events.
//!
//! Layer 2: may import layer 0, `drain`, `clock`, `metrics`; knows no topic, no log, no subscriber.
//!
//! Contract, for whoever writes another source:
//!
//! * One source stands for one topic key; `open` may be called again after a feed has ended, never
//!   while one is open. Every wait in it has a bound of its own.
//! * `next` gives what has arrived and never waits for more once it has something.
//! * Both futures may be dropped at any await point: a dropped `open` leaves nothing behind, a
//!   dropped `next` loses no byte that a later `next` would have given.
//! * `Ok(Step::Ended)` means that the response said it was complete; anything else that ends a feed
//!   is an [`Error`]. After either, `next` is not called again.
//! * A feed never waits for a subscriber: it is always drained.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use crate::event::{Event, EventId};
use crate::sse::Item;
use crate::topic_key::{RouteId, TopicKey};

mod addresses;
pub mod backoff;
mod body;
pub mod charset;
pub(crate) mod connect;
mod decode;
mod error;
pub mod fastcgi;
pub mod forward;
mod head;
pub mod http;
mod policy;
pub(crate) mod reach;
mod reply;
mod request;
pub mod ticker;
pub mod tls;
mod wire;
mod wrong_type;

pub use addresses::{Address, Addresses};
pub use error::{Answer, Error};

/// A future that a trait object can return.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// One upstream request that can be asked again and again.
pub trait Source: Send + Sync {
    /// Sends the request and waits for the response's head. `resume` is the last event ID that
    /// this upstream itself has sent, to be given back to it as `Last-Event-ID`.
    fn open(&self, resume: Option<EventId>) -> BoxFuture<'_, Result<Box<dyn Feed>, Error>>;
}

/// One open event stream.
pub trait Feed: Send {
    /// What has arrived since the last call.
    fn next(&mut self) -> BoxFuture<'_, Result<Step, Error>>;

    /// What the response's head lets suspect about sharing; see [`Suspicions`].
    fn suspicions(&self) -> Suspicions {
        Suspicions::default()
    }

    /// Whether the response's head lets pages of every origin read it, without credentials.
    fn is_open_to_all(&self) -> bool {
        false
    }

    /// How many lines without a known field name have come so far.
    fn malformed(&self) -> u64 {
        0
    }
}

/// What one read brought.
#[derive(Debug)]
pub enum Step {
    /// Items in the order of the stream, at least one byte of input; may be empty when the bytes
    /// completed nothing.
    Items {
        /// What the bytes completed.
        items: Vec<Item>,
        /// Bytes read, as they came over the wire.
        bytes: usize,
    },
    /// The response ended as its framing promised.
    Ended {
        /// The unfinished last event, where `incomplete_event` says that it counts.
        completed: Option<Event>,
        /// Whether an unfinished event was dropped, as the standard wants.
        dropped: bool,
    },
}

/// Signs in a response's head that its author did not mean it to be shared. The topic key makes
/// them harmless (nothing of a client is sent that is not in the key), but the operator should know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Suspicions {
    /// `Set-Cookie` was sent.
    pub set_cookie: bool,
    /// `Cache-Control: private` was sent.
    pub private: bool,
    /// `Vary` names `Cookie`, `Authorization` or `*`.
    pub vary: bool,
}

/// Builds the source of a topic.
pub trait Sources: Send + Sync {
    /// The source for `key` under the options of `route`.
    fn source(&self, route: RouteId, key: &TopicKey) -> Arc<dyn Source>;
}

/// What to do with an event that the end of the response left without its blank line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Incomplete {
    /// Complete it if the framing ended cleanly, no complete event came in this response, it has
    /// data, and no line looks like an HTML error: the tutorial's ASP page is such a body.
    #[default]
    Auto,
    /// Drop it, as WHATWG HTML 9.2.6 says.
    Strict,
    /// Complete it whenever the framing ended cleanly and it has data.
    Always,
}

/// How a route's upstream is asked and read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// TCP connect; 3 s is two SYN retransmissions.
    pub connect_timeout: Duration,
    /// TLS handshake, for `https` only.
    pub tls_timeout: Duration,
    /// From the request's last byte to the response's head. Backends behind a buffering proxy
    /// withhold the head, so a few seconds more than one would think.
    pub head_timeout: Duration,
    /// No byte for so long is a dead upstream; 0 = never, because quiet upstreams are normal and
    /// TCP keep-alive finds the dead ones.
    pub silence: Duration,
    /// Longest line in bytes; a stream that exceeds it is skipped to the next blank line.
    pub line_bytes: usize,
    /// Longest event in bytes, likewise. 1 MiB: one 20 MiB event blocks `WebKit` for 15 s.
    pub event_bytes: usize,
    /// Longest upstream id that is kept; a longer one counts as none.
    pub id_bytes: usize,
    /// Largest response head. No backend's head comes near 16 KiB.
    pub head_bytes: usize,
    /// What a compressed body may unfold to, as a multiple of itself; see `[limits]`. Text shrinks
    /// to a tenth, a bomb to a thousandth.
    pub decode_ratio: usize,
    /// Redirects followed for one open.
    pub redirects: u8,
    /// See [`Incomplete`].
    pub incomplete: Incomplete,
    /// Overrides the charset that the upstream declares; empty = believe it.
    pub charset: Option<&'static str>,
    /// FastCGI only: the folder of the scripts as the upstream sees it, without a slash at its end.
    pub root: Option<Arc<str>>,
    /// `https` only, and the route's own origin only; `None` = as the machine trusts.
    pub tls: Option<Arc<tls::Client>>,
    /// HTTP only, and the route's own origin only: where to connect, instead of where the URL's
    /// host leads.
    pub addresses: Option<Arc<Addresses>>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(3),
            tls_timeout: Duration::from_secs(5),
            head_timeout: Duration::from_secs(10),
            silence: Duration::ZERO,
            line_bytes: 1 << 20,
            event_bytes: 1 << 20,
            id_bytes: 1 << 10,
            head_bytes: 16 << 10,
            decode_ratio: 100,
            redirects: 5,
            incomplete: Incomplete::Auto,
            charset: None,
            root: None,
            tls: None,
            addresses: None,
        }
    }
}

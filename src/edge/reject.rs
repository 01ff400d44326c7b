//! Every refusal: its status, its words and its soft form. The only file that names a 4xx or 5xx.
//!
//! Invariant: a native `EventSource` never comes back from a non-200 answer, so a request for an
//! event stream gets a status only when it is meant (`trust.md` section 0); "come back later" is
//! said by 200, one long `retry:` and a clean end.

use std::time::Duration;

use crate::metrics::RejectReason;

/// Why a request is not served.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reject {
    /// Malformed or ambiguous; the words say what.
    #[error("{0}")]
    BadRequest(&'static str),
    /// The target or host is not ours.
    #[error("{0}")]
    Host(&'static str),
    /// Head, target, query or number of headers too large.
    #[error("{0}")]
    TooLarge(&'static str),
    /// No route matches.
    #[error("no route of this gateway matches the path")]
    UnknownRoute,
    /// The route does not take this method.
    #[error("this path takes GET, HEAD and OPTIONS")]
    Method,
    /// An ordinary request, which this version does not pass through.
    #[error("this gateway serves event streams only: ask with `Accept: text/event-stream`")]
    NotAStream,
    /// The upstream's own status, passed on.
    #[error("the upstream answered with status {0}")]
    Upstream(u16),
    /// The upstream sent something that is no event stream; the words name the likely cause.
    #[error("the upstream did not send an event stream: {0}")]
    WrongType(Box<str>),
    /// The upstream can not be asked, and the route says `on_upstream_error = "mirror"`.
    #[error("the upstream can not be reached ({0})")]
    BadGateway(&'static str),
    /// Likewise, because it took too long.
    #[error("the upstream took too long")]
    GatewayTimeout,
    /// Full or too fast: come back later.
    #[error("too busy right now ({0})")]
    Busy(RejectReason),
    /// One address has too much: come back later.
    #[error("too many connections or topics from this address")]
    TooMany(RejectReason),
    /// Fantail is stopping: come back later.
    #[error("this gateway is restarting")]
    Draining,
}

/// How a refusal is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// `Retry-After`, where coming back helps.
    pub retry_after: Option<Duration>,
    /// Whether a request that accepts an event stream gets the soft form instead.
    pub soft: bool,
    /// Whether the connection is closed, because what follows on it can not be trusted.
    pub close: bool,
}

const SOON: Duration = Duration::from_secs(10);

impl Reject {
    /// The table.
    pub fn answer(&self) -> Answer {
        let status = |status| Answer { status, retry_after: None, soft: false, close: false };
        let busy = |code| Answer { status: code, retry_after: Some(SOON), soft: true, close: false };
        match self {
            Self::BadRequest(_) => Answer { close: true, ..status(400) },
            Self::Host(_) => Answer { close: true, ..status(421) },
            Self::TooLarge(_) => Answer { close: true, ..status(431) },
            Self::UnknownRoute => status(404),
            Self::Method => status(405),
            Self::NotAStream => status(501),
            Self::Upstream(code) => status(*code),
            Self::WrongType(_) | Self::BadGateway(_) => status(502),
            Self::GatewayTimeout => status(504),
            Self::Busy(_) | Self::Draining => busy(503),
            Self::TooMany(_) => busy(429),
        }
    }

    /// The metric's label.
    pub fn reason(&self) -> RejectReason {
        match self {
            Self::BadRequest(_) => RejectReason::BadRequest,
            Self::Host(_) => RejectReason::Host,
            Self::TooLarge(_) => RejectReason::Head,
            Self::UnknownRoute => RejectReason::UnknownRoute,
            Self::Method => RejectReason::Method,
            Self::NotAStream => RejectReason::NotImplemented,
            Self::Upstream(_)
            | Self::WrongType(_)
            | Self::BadGateway(_)
            | Self::GatewayTimeout => RejectReason::Upstream,
            Self::Busy(reason) | Self::TooMany(reason) => *reason,
            Self::Draining => RejectReason::Draining,
        }
    }
}

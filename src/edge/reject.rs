//! Every refusal: its status, its words and its soft form. The only file that names a 4xx or 5xx.
//!
//! Invariant: a native `EventSource` never comes back from a non-200 answer, so a request for an
//! event stream gets a status only when it is meant (`trust.md` section 0); "come back later" is
//! said by 200, one long `retry:` and a clean end.

use std::time::Duration;

use super::template::ExpandFault;
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
    /// A page of an origin that may not read here, or not with the visitor's cookies.
    #[error("pages of this origin may not open this address")]
    Origin,
    /// An ordinary request to an upstream that serves event streams only.
    #[error("this address serves event streams only: ask with `Accept: text/event-stream`")]
    NotAStream,
    /// The request's body is larger than `body_bytes`.
    #[error("the request's body is too large")]
    BodyTooLarge,
    /// The request's body came too slowly.
    #[error("the request's body did not come in time")]
    BodyTimeout,
    /// The upstream's own status, passed on.
    #[error("the upstream answered with status {0}")]
    Upstream(u16),
    /// The upstream sent something that is no event stream; the words name the likely cause.
    #[error("{0}")]
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
        let status = |status| Answer {
            status,
            retry_after: None,
            soft: false,
            close: false,
        };
        let closing = |code| Answer {
            close: true,
            ..status(code)
        };
        // Who is refused as a connection does not stay: it would keep one of the few places that
        // there are for saying so.
        let busy = |code, reason: &RejectReason| Answer {
            status: code,
            retry_after: Some(SOON),
            soft: true,
            close: matches!(
                reason,
                RejectReason::Connections | RejectReason::Rate | RejectReason::Address
            ),
        };
        match self {
            Self::BadRequest(_) => closing(400),
            Self::Host(_) => closing(421),
            Self::TooLarge(_) => closing(431),
            Self::UnknownRoute => status(404),
            Self::Method => status(405),
            Self::Origin => status(403),
            Self::NotAStream => status(501),
            // The rest of the body would be read as a request.
            Self::BodyTooLarge => closing(413),
            Self::BodyTimeout => closing(408),
            Self::Upstream(code) => status(*code),
            Self::WrongType(_) | Self::BadGateway(_) => status(502),
            Self::GatewayTimeout => status(504),
            Self::Busy(reason) => busy(503, reason),
            Self::Draining => busy(503, &RejectReason::Draining),
            Self::TooMany(reason) => busy(429, reason),
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
            Self::Origin => RejectReason::Cors,
            Self::NotAStream => RejectReason::NotImplemented,
            Self::BodyTooLarge | Self::BodyTimeout => RejectReason::Body,
            Self::Upstream(_) | Self::WrongType(_) | Self::BadGateway(_) | Self::GatewayTimeout => {
                RejectReason::Upstream
            }
            Self::Busy(reason) | Self::TooMany(reason) => *reason,
            Self::Draining => RejectReason::Draining,
        }
    }

    /// The body: what happened, what to do, and what to search for in the log. Never an address or
    /// a header of an upstream.
    pub fn body(&self, request_id: &str) -> String {
        format!("{self}\n{}\nrequest {request_id}\n", self.advice())
    }

    fn advice(&self) -> &'static str {
        match self {
            Self::BadRequest(_) => "Send an unambiguous HTTP request.",
            Self::Host(_) => "Ask for a host that this gateway serves.",
            Self::TooLarge(_) => "Send a shorter request: fewer or smaller cookies, for instance.",
            Self::UnknownRoute => "Check the address, or the `path` of the gateway's routes.",
            Self::Method => "Use GET for an event stream.",
            Self::Origin => "Name the page's origin in the `cors` of the gateway's route.",
            Self::NotAStream => "Open this address with EventSource.",
            Self::BodyTooLarge => "Send less; the limit is the gateway's `body_bytes`.",
            Self::BodyTimeout => "Send it again on a better connection.",
            Self::Upstream(_) => "This is the upstream's own word: look there.",
            Self::WrongType(_) => "Correct what the upstream sends; the log has the details.",
            Self::BadGateway(_) | Self::GatewayTimeout => "Try again; see the gateway's log.",
            Self::Busy(_) | Self::Draining => "Come back in a few seconds.",
            Self::TooMany(_) => "Close what is not needed, then come back.",
        }
    }
}

impl From<ExpandFault> for Reject {
    fn from(fault: ExpandFault) -> Self {
        match fault {
            ExpandFault::Rest(why) => Self::BadRequest(why),
            // As if there were no such path, to the byte: a list of values is nobody's to guess.
            ExpandFault::NoMatch => Self::UnknownRoute,
            ExpandFault::Variable => Self::BadRequest(
                "a part of the path takes only 1 to 64 letters, digits, `.`, `-` and `_`",
            ),
            ExpandFault::Script => Self::BadRequest(
                "this path leads to scripts only: plain names, the last of which ends in `.php`",
            ),
            ExpandFault::Query => {
                Self::BadRequest("a query parameter is not properly percent-encoded")
            }
            ExpandFault::TooLong => Self::TooLarge("the target is too long"),
            ExpandFault::Escaped => Self::BadRequest("the path leads outside of this route"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One of each variant.
    fn all() -> Vec<Reject> {
        vec![
            Reject::BadRequest("words"),
            Reject::Host("words"),
            Reject::TooLarge("words"),
            Reject::UnknownRoute,
            Reject::Method,
            Reject::Origin,
            Reject::NotAStream,
            Reject::BodyTooLarge,
            Reject::BodyTimeout,
            Reject::Upstream(403),
            Reject::WrongType("text before `<?php`".into()),
            Reject::BadGateway("connect"),
            Reject::GatewayTimeout,
            Reject::Busy(RejectReason::Topics),
            Reject::TooMany(RejectReason::Address),
            Reject::Draining,
        ]
    }

    #[test]
    fn every_refusal_has_its_status_and_form() {
        let line = |reject: &Reject| {
            let a = reject.answer();
            let after = a.retry_after.map_or(0, |d| d.as_secs());
            let form = match (a.soft, a.close) {
                (true, _) => "soft",
                (false, true) => "close",
                (false, false) => "",
            };
            let line = format!("{} {after} {form} {}", a.status, reject.reason());
            line.split_whitespace().collect::<Vec<_>>().join(" ")
        };
        let table: Vec<String> = all().iter().map(line).collect();
        let pinned = [
            "400 0 close bad_request",
            "421 0 close host",
            "431 0 close head",
            "404 0 unknown_route",
            "405 0 method",
            "403 0 cors",
            "501 0 not_implemented",
            "413 0 close body",
            "408 0 close body",
            "403 0 upstream",
            "502 0 upstream",
            "502 0 upstream",
            "504 0 upstream",
            "503 10 soft topics",
            "429 10 soft address",
            "503 10 soft draining",
        ];
        assert_eq!(table, pinned);
    }

    #[test]
    fn a_body_says_what_happened_what_to_do_and_which_request() {
        for reject in all() {
            let body = reject.body("r1");
            let lines: Vec<&str> = body.lines().collect();
            assert_eq!((lines.len(), lines[2]), (3, "request r1"), "{body}");
            assert!(lines[0].len() > 4 && lines[1].ends_with('.'), "{body}");
        }
    }
}

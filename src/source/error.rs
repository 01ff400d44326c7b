//! Why an upstream gave no events, and whether that is its last word.

use std::borrow::Cow;
use std::error::Error as _;
use std::io;

use crate::metrics::UpstreamReason;

/// An answer that means something: the upstream works, and this is what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// 204: its author's word for "stop for ever".
    NoContent,
    /// A 4xx, mirrored to those who ask.
    Refused(u16),
    /// A 200 that is no event stream; the words name what came and the likely cause.
    WrongType(Box<str>),
}

impl std::fmt::Display for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NoContent => f.write_str("the upstream answered 204: it wants to be left alone"),
            Self::Refused(status) => write!(f, "the upstream answered with status {status}"),
            Self::WrongType(words) => f.write_str(words),
        }
    }
}

/// Why opening or reading a feed failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The host name gave no address.
    #[error("the upstream's host name can not be resolved: {0}")]
    Resolve(#[source] io::Error),
    /// No address took the connection.
    #[error("the upstream can not be reached: {0}")]
    Connect(#[source] io::Error),
    /// The named part took longer than its timeout.
    #[error("the upstream took too long: {0}")]
    Timeout(&'static str),
    /// The other side is not who it should be, or speaks no TLS.
    #[error("the upstream's TLS failed: {what} ({source})")]
    Tls {
        /// What happened, for whoever runs it.
        what: &'static str,
        /// The library's words.
        source: rustls::Error,
    },
    /// The upstream's last word; nothing is broken.
    #[error("{0}")]
    Answer(Answer),
    /// A status that does not end the topic: 1xx, 3xx that can not be followed, 5xx.
    #[error("the upstream answered with status {0}")]
    Status(u16),
    /// A redirect that is not followed; the words say why.
    #[error("the upstream's redirect is not followed: {0}")]
    Redirect(&'static str),
    /// The body can not be read as text: a coding that is not decoded, an event without end.
    #[error("the upstream's body can not be used: {what}")]
    Body {
        /// What was wrong.
        what: Cow<'static, str>,
        /// The metric's label.
        reason: UpstreamReason,
    },
    /// The connection broke before the response was complete.
    #[error("the upstream's connection broke: {0}")]
    Broken(#[source] hyper::Error),
    /// Likewise, where no hyper is in between.
    #[error("the upstream's connection broke: {0}")]
    Cut(#[source] io::Error),
}

impl Error {
    /// What broke a connection of hyper's.
    pub(super) fn broken(error: hyper::Error) -> Self {
        let io = error.source().and_then(|e| e.downcast_ref::<io::Error>());
        match io.and_then(of_tls) {
            Some(tls) => tls,
            None => Self::Broken(error),
        }
    }

    /// What broke another one.
    pub(super) fn cut(error: io::Error) -> Self {
        of_tls(&error).unwrap_or(Self::Cut(error))
    }

    /// The label under which it is counted.
    pub fn reason(&self) -> UpstreamReason {
        match self {
            Self::Resolve(_) => UpstreamReason::Dns,
            Self::Connect(_) => UpstreamReason::Connect,
            Self::Timeout(_) => UpstreamReason::Timeout,
            Self::Tls { .. } => UpstreamReason::Tls,
            Self::Answer(Answer::WrongType(_)) => UpstreamReason::ContentType,
            Self::Answer(Answer::NoContent | Answer::Refused(_)) | Self::Status(_) => {
                UpstreamReason::Status
            }
            Self::Redirect(_) => UpstreamReason::Redirect,
            Self::Body { reason, .. } => *reason,
            Self::Broken(e) if is_early_end(e) => UpstreamReason::Eof,
            Self::Cut(e) if e.kind() == io::ErrorKind::UnexpectedEof => UpstreamReason::Eof,
            Self::Broken(_) | Self::Cut(_) => UpstreamReason::Reset,
        }
    }
}

fn of_tls(error: &io::Error) -> Option<Error> {
    let error = error.get_ref()?.downcast_ref::<rustls::Error>()?;
    Some(super::tls::failure(error))
}

/// Whether the peer closed in an orderly way, but too early: in the head or in the body.
fn is_early_end(e: &hyper::Error) -> bool {
    let kind = e
        .source()
        .and_then(|source| source.downcast_ref::<io::Error>());
    e.is_incomplete_message() || kind.is_some_and(|e| e.kind() == io::ErrorKind::UnexpectedEof)
}

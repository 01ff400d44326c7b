//! What was seen on the wire: plain data, no opinion.
//!
//! Pure. Invariant: bounded by whoever fills it in (`probe`); nothing in here has been judged.

use std::net::SocketAddr;
use std::time::Duration;

use http::{HeaderMap, HeaderName};

use super::secured::{Inspection, Refusal, Secured};

/// Everything that one run of the doctor has seen.
#[derive(Clone, Debug, Default)]
pub struct Observation {
    /// The URL as it was given.
    pub url: String,
    /// The file of the authority that was given.
    pub ca: Option<String>,
    /// How long the first visit was allowed to look at the body.
    pub looked: Duration,
    /// What was sent along that tells visitors apart: whether a cookie, and which other headers.
    pub credentials: Credentials,
    /// The visit that is looked at in full.
    pub first: Visit,
    /// What the server that it led to shows of its TLS, if it speaks it.
    pub inspection: Option<Inspection>,
    /// A visit that looked longer, if the first one left open which buffer holds events back.
    pub longer: Option<Visit>,
    /// Three visits at the same time, if the first one found a stream.
    pub crowd: Option<Crowd>,
    /// A visit that came back with an id, if the first one saw any.
    pub resumed: Option<Resumed>,
    /// A visit as by a page of another origin, with all of a browser's headers; head only.
    pub foreign: Option<Visit>,
    /// The CORS preflight for it.
    pub preflight: Option<Visit>,
    /// What many streams did to an ordinary page; only if asked for.
    pub workers: Option<Workers>,
}

/// What the person who asked has given to be sent along.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Credentials {
    /// Whether a cookie was given.
    pub cookie: bool,
    /// Names of the other headers.
    pub headers: Vec<String>,
}

impl Credentials {
    /// Whether nothing was given.
    pub fn is_empty(&self) -> bool {
        !self.cookie && self.headers.is_empty()
    }
}

/// One request, its redirects, and what came of it. Times count from when the request was sent.
#[derive(Clone, Debug, Default)]
pub struct Visit {
    /// Redirects that were followed before.
    pub hops: Vec<Hop>,
    /// How long each stage before the request took, at the last of them.
    pub stages: Stages,
    /// Who was reached.
    pub peer: Option<SocketAddr>,
    /// The handshake, if there was one and it came to its end.
    pub secured: Option<Secured>,
    /// The head of the answer.
    pub head: Option<Head>,
    /// When the body came, and in what pieces.
    pub chunks: Vec<Chunk>,
    /// The body, or as much of it as is kept.
    pub body: Vec<u8>,
    /// How it ended.
    pub end: End,
    /// When.
    pub ended: Duration,
}

/// Times of the stages that were come to, however they ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stages {
    /// Until the name had its addresses; `None` if there was no name.
    pub dns: Option<Duration>,
    /// Until somebody took the connection.
    pub tcp: Option<Duration>,
    /// Until the handshake was over.
    pub tls: Option<Duration>,
}

/// One redirect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hop {
    /// Its status.
    pub status: u16,
    /// Where it led.
    pub to: String,
}

/// Status line and headers.
#[derive(Clone, Debug, Default)]
pub struct Head {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// When it came.
    pub after: Duration,
}

/// Bytes of a body that came in one read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// When.
    pub at: Duration,
    /// How many.
    pub bytes: usize,
}

/// How a visit ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum End {
    /// The visitor left while the stream was open.
    #[default]
    Left,
    /// The visitor left because it had as much as it keeps.
    Full,
    /// As the framing promised: last chunk, length, or the end of a connection without either.
    Clean,
    /// Too early: the framing had promised more.
    Cut,
    /// The connection broke.
    Reset,
    /// It never came to a body.
    Failed(Failure),
}

/// Why there was no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The name gave no address.
    Resolve(String),
    /// Nobody took the connection.
    Connect(String),
    /// Likewise, within the time.
    ConnectTimeout,
    /// Connected, but it came to no TLS.
    Tls(Refusal),
    /// Connected, but no head came within the time.
    HeadTimeout,
    /// Connected, but what came is no HTTP answer.
    NoReply(String),
    /// A redirect that leads nowhere.
    Redirect(&'static str),
}

/// Visits at the same time.
#[derive(Clone, Debug, Default)]
pub struct Crowd {
    /// Whether `two` had a cookie to share with `one`.
    pub cookie: bool,
    /// With all that was given, and the cookie that the first visit got.
    pub one: Visit,
    /// Exactly the same, a moment later.
    pub two: Visit,
    /// With nothing.
    pub stranger: Visit,
}

/// A visit with `Last-Event-ID`.
#[derive(Clone, Debug, Default)]
pub struct Resumed {
    /// The id that was sent.
    pub id: String,
    /// Its place among the events of the first visit.
    pub place: usize,
    /// What came.
    pub visit: Visit,
}

/// What many streams did to an ordinary page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Workers {
    /// How many streams were asked for.
    pub asked: usize,
    /// How many of them got an answer.
    pub opened: usize,
    /// How long the site's front page took before; `None`: no answer.
    pub before: Option<Duration>,
    /// And while they were open.
    pub during: Option<Duration>,
}

// === impl Visit ===

impl Visit {
    /// The status, if an answer came.
    pub fn status(&self) -> Option<u16> {
        self.head.as_ref().map(|head| head.status)
    }

    /// A header as text; `None` if it is missing or not ASCII.
    pub fn header(&self, name: &HeaderName) -> Option<&str> {
        let head = self.head.as_ref()?;
        head.headers.get(name)?.to_str().ok()
    }

    /// The type without its parameters, in lower case; empty if there is none.
    pub fn media_type(&self) -> String {
        let value = self.header(&http::header::CONTENT_TYPE).unwrap_or_default();
        let essence = value.split(';').next().unwrap_or_default();
        essence.trim_ascii().to_ascii_lowercase()
    }

    /// Whether it is a 200 of the right type.
    pub fn is_stream(&self) -> bool {
        self.status() == Some(200) && self.media_type() == "text/event-stream"
    }

    /// How the body was coded; `None` for not at all.
    pub fn coding(&self) -> Option<String> {
        let value = self.header(&http::header::CONTENT_ENCODING)?;
        let coding = value.trim_ascii().to_ascii_lowercase();
        (!coding.is_empty() && coding != "identity").then_some(coding)
    }

    /// Whether the server ended it, in whatever way.
    pub fn was_ended(&self) -> bool {
        matches!(self.end, End::Clean | End::Cut | End::Reset)
    }

    /// When the first byte of the body came.
    pub fn first_byte(&self) -> Option<Duration> {
        self.chunks.first().map(|chunk| chunk.at)
    }
}

//! What was seen of TLS: plain data, no opinion.
//!
//! Pure. Invariant: what a certificate says of itself is foreign text, and goes through
//! `finding::shown` before anybody reads it.

use std::time::SystemTime;

use super::certificate::Certificate;

/// A handshake that came to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secured {
    /// `"TLS 1.2"` or `"TLS 1.3"`.
    pub version: &'static str,
    /// Whether the server has chosen HTTP/1.1, the only protocol that it was offered.
    pub chose_http1: bool,
}

/// Why a handshake came to none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The certificate; what about it stands in the [`Inspection`].
    Certificate(String),
    /// It will not speak HTTP/1.1.
    OnlyHttp2,
    /// It speaks TLS 1.0 or 1.1.
    Old,
    /// What came is not TLS.
    NotTls,
    /// It wants to know who asks.
    WantsCertificate,
    /// It does not know the name that was asked for.
    NoSuchName,
    /// Another refusal, in the library's words.
    Alert(String),
    /// No end within the time.
    Timeout,
    /// The connection ended.
    Closed(String),
}

/// What a server shows to anybody, and what a verifier thinks of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inspection {
    /// Its certificate and what it sends along, in its order; empty if it shows none.
    pub chain: Vec<Certificate>,
    /// Whether it chooses HTTP/2 if it is offered both.
    pub prefers_http2: bool,
    /// All that is wrong with the certificate now.
    pub doubts: Vec<Doubt>,
    /// When it ends, if that is soon.
    pub ends: Option<SystemTime>,
    /// Whether it was judged by authorities that were given, which no browser knows.
    pub is_private: bool,
    /// Whether plain HTTP is spoken at this address.
    pub is_plain: bool,
}

/// One thing that is wrong with a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// Its time was over then.
    Expired(SystemTime),
    /// Its time begins then.
    NotYet(SystemTime),
    /// It is for other names than the one that was asked for.
    Name,
    /// Nobody who is trusted has signed it.
    Issuer,
    /// Another one, in the library's words.
    Other(String),
}

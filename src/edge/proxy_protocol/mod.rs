//! The PROXY protocol, versions 1 and 2: who the client is, said by a proxy before the client's own
//! first byte. TLS comes after it.
//!
//! Layer 4: [`parse`] is pure, `receive` reads a socket. Invariants: a header is taken whole and
//! not a byte beyond it, so that what follows sees the connection as if the client had opened it;
//! once bytes have been judged, no byte that follows changes the judgement.

#[cfg(test)]
mod properties;
mod receive;
#[cfg(test)]
mod tests;
mod v1;
mod v2;

use std::net::IpAddr;

pub(super) use receive::{Failure, Raw, receive};

/// The longest header. Addresses take 232 bytes at most; the rest is for what else a proxy says,
/// the longest of which is a client's certificate of one to two KiB.
pub const LONGEST: usize = 4096;

/// Whom a header names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The client that the proxy speaks for.
    Client(IpAddr),
    /// The proxy itself, which looks whether we are there; or a client that has no address.
    Peer,
}

/// What the first bytes of a connection are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parsed {
    /// The beginning of a header, and nothing else.
    Incomplete,
    /// A header, and perhaps what follows it.
    Done {
        /// Whom it names.
        source: Source,
        /// Its bytes.
        length: usize,
    },
    /// No header, whatever follows.
    Malformed(Fault),
}

/// Why bytes are no header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// They begin in neither way.
    #[error("no PROXY header came first: have the proxy send one, or set `proxy_protocol = false`")]
    Absent,
    /// It does not end in time.
    #[error("the PROXY header is longer than {} bytes", LONGEST)]
    TooLong,
    /// A line of version 1 with something missing, wrong or too much; or not ended by CRLF within
    /// 107 bytes.
    #[error("the line of a PROXY header of version 1 is wrong")]
    Line,
    /// Neither 1 nor 2.
    #[error("the PROXY header's version is not known")]
    Version,
    /// Neither LOCAL nor PROXY.
    #[error("the PROXY header's command is not known")]
    Command,
    /// None of the protocol's families and transports.
    #[error("the PROXY header's address family is not known")]
    Family,
    /// No room for the addresses that it claims to have.
    #[error("the PROXY header is too short for its addresses")]
    Short,
}

/// A header that is complete.
type Header = (Source, usize);

/// Looks at the first bytes of a connection.
///
/// ```
/// use fantail::edge::proxy_protocol::{Parsed, Source, parse};
///
/// let bytes = b"PROXY TCP4 203.0.113.9 192.0.2.1 50000 443\r\nGET / HTTP/1.1\r\n";
/// let source = Source::Client("203.0.113.9".parse()?);
/// assert_eq!(parse(bytes), Parsed::Done { source, length: 44 });
/// assert_eq!(parse(&bytes[..43]), Parsed::Incomplete);
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
pub fn parse(bytes: &[u8]) -> Parsed {
    let found = if agree(bytes, &v2::SIGNATURE) {
        v2::parse(bytes)
    } else if agree(bytes, v1::WORD) {
        v1::parse(bytes)
    } else {
        Err(Fault::Absent)
    };
    match found {
        Ok(None) => Parsed::Incomplete,
        Ok(Some((source, length))) => Parsed::Done { source, length },
        Err(fault) => Parsed::Malformed(fault),
    }
}

/// As far as both go.
fn agree(bytes: &[u8], beginning: &[u8]) -> bool {
    bytes.iter().zip(beginning).all(|(a, b)| a == b)
}

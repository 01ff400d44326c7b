//! Version 2: sixteen bytes, addresses, and what else a proxy says (TLVs), which is passed over.
//!
//! Pure. Invariant: the length is judged before anything that it covers is waited for.

use std::net::IpAddr;

use super::{Fault, Header, LONGEST, Source};

/// How it begins: no beginning of HTTP or TLS.
pub(super) const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";

/// Signature, version and command, family and transport, length of the rest.
const FIXED: usize = 16;

/// `None` = not all of it has come.
pub(super) fn parse(bytes: &[u8]) -> Result<Option<Header>, Fault> {
    let Some((fixed, rest)) = bytes.split_first_chunk::<FIXED>() else {
        return Ok(None);
    };
    let [.., command, family, high, low] = *fixed;
    let length = FIXED + usize::from(u16::from_be_bytes([high, low]));
    let is_local = match command {
        0x20 => true,
        0x21 => false,
        _ if command >> 4 == 2 => return Err(Fault::Command),
        _ => return Err(Fault::Version),
    };
    // A local connection's family says nothing.
    let least = if is_local { 0 } else { addresses(family)? };
    if length < FIXED + least {
        return Err(Fault::Short);
    }
    if length > LONGEST {
        return Err(Fault::TooLong);
    }
    if bytes.len() < length {
        return Ok(None);
    }
    let client = match family >> 4 {
        _ if is_local => None,
        1 => rest.first_chunk::<4>().map(|four| IpAddr::from(*four)),
        2 => rest.first_chunk::<16>().map(|six| IpAddr::from(*six)),
        _ => None,
    };
    Ok(Some((client.map_or(Source::Peer, Source::Client), length)))
}

/// How many bytes the addresses of a family take. A datagram has a client as a stream has: a proxy
/// may have taken HTTP/3.
fn addresses(family: u8) -> Result<usize, Fault> {
    match family {
        0x00 => Ok(0),
        0x11 | 0x12 => Ok(12),
        0x21 | 0x22 => Ok(36),
        0x31 | 0x32 => Ok(216),
        _ => Err(Fault::Family),
    }
}

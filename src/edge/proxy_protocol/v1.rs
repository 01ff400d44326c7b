//! Version 1: a line of text.
//!
//! Pure. Invariant: exactly the line of the specification, with one space between its parts; what
//! is lenient here could be read in two ways by the next one.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str;

use super::{Fault, Header, Source};

/// How it begins.
pub(super) const WORD: &[u8] = b"PROXY ";

/// The longest line, its CRLF included: the specification's number.
const LONGEST: usize = 107;

/// `None` = the line is not complete.
pub(super) fn parse(bytes: &[u8]) -> Result<Option<Header>, Fault> {
    let line = bytes.get(..LONGEST).unwrap_or(bytes);
    let end = line.iter().position(|byte| matches!(byte, b'\r' | b'\n'));
    let (text, rest) = line.split_at(end.unwrap_or(line.len()));
    match rest {
        [b'\r', b'\n', ..] => Ok(Some((source(text)?, text.len() + 2))),
        [] | [b'\r'] if line.len() < LONGEST => Ok(None),
        _ => Err(Fault::Line),
    }
}

fn source(line: &[u8]) -> Result<Source, Fault> {
    let unknown = line.strip_prefix(b"PROXY UNKNOWN");
    // What else is said of a client that is not known is not looked at.
    if unknown.is_some_and(|rest| matches!(rest, [] | [b' ', ..])) {
        return Ok(Source::Peer);
    }
    let text = str::from_utf8(line).map_err(|_| Fault::Line)?;
    let fields: Vec<&str> = text.split(' ').collect();
    let ["PROXY", family, source, target, from, to] = *fields else {
        return Err(Fault::Line);
    };
    let address = |text: &str| match family {
        "TCP4" => text.parse::<Ipv4Addr>().ok().map(IpAddr::from),
        "TCP6" => text.parse::<Ipv6Addr>().ok().map(IpAddr::from),
        _ => None,
    };
    match (address(source), address(target)) {
        (Some(client), Some(_)) if is_port(from) && is_port(to) => Ok(Source::Client(client)),
        _ => Err(Fault::Line),
    }
}

/// 0 to 65535, without signs or leading zeros.
fn is_port(text: &str) -> bool {
    text.parse::<u16>()
        .is_ok_and(|port| port.to_string() == text)
}

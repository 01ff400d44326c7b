//! The head of a CGI response: `Status: 404 Not Found`, `Content-Type: …`, a blank line.
//!
//! Layer 2, pure. Invariants: it is read line by line in any cut, and never beyond its bound; what
//! follows the blank line is given back untouched.

use bytes::Bytes;
use http::header::{HeaderMap, HeaderName, HeaderValue, LOCATION};
use http::response::Parts;
use http::{Response, StatusCode};
use memchr::memchr;

/// A head, as far as it has come.
#[derive(Debug)]
pub(super) struct Head {
    status: Option<StatusCode>,
    headers: HeaderMap,
    /// The line that is not complete yet.
    line: Vec<u8>,
    /// Bytes that may still come.
    room: usize,
}

/// The head can not be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum BadHead {
    #[error("the head of the script's response is longer than `upstream_head_bytes`")]
    TooLong,
    #[error("the head of the script's response has a line that is no header")]
    Line,
    #[error("the head of the script's response has a Status that is none")]
    Status,
}

impl Head {
    /// Of at most `limit` bytes.
    pub(super) fn new(limit: usize) -> Self {
        Self {
            status: None,
            headers: HeaderMap::new(),
            line: Vec::new(),
            room: limit,
        }
    }

    /// Takes the next bytes; the head and what is behind it, once it is complete.
    pub(super) fn push(&mut self, mut piece: Bytes) -> Result<Option<(Parts, Bytes)>, BadHead> {
        while let Some(at) = memchr(b'\n', &piece) {
            self.extend(&piece.split_to(at + 1))?;
            let line = std::mem::take(&mut self.line);
            let line = line.strip_suffix(b"\n").unwrap_or(&line);
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if line.is_empty() {
                return Ok(Some((self.finish(), piece)));
            }
            self.field(line)?;
        }
        self.extend(&piece)?;
        Ok(None)
    }

    fn extend(&mut self, bytes: &[u8]) -> Result<(), BadHead> {
        self.room = self.room.checked_sub(bytes.len()).ok_or(BadHead::TooLong)?;
        self.line.extend_from_slice(bytes);
        Ok(())
    }

    fn field(&mut self, line: &[u8]) -> Result<(), BadHead> {
        let colon = memchr(b':', line).ok_or(BadHead::Line)?;
        let (name, value) = line.split_at_checked(colon).ok_or(BadHead::Line)?;
        let value = value.strip_prefix(b":").unwrap_or(value).trim_ascii();
        if name.eq_ignore_ascii_case(b"status") {
            let code = value.split(|b| *b == b' ').next().unwrap_or_default();
            let code = StatusCode::from_bytes(code).map_err(|_| BadHead::Status)?;
            self.status = Some(code);
            return Ok(());
        }
        let name = HeaderName::from_bytes(name).map_err(|_| BadHead::Line)?;
        let value = HeaderValue::from_bytes(value).map_err(|_| BadHead::Line)?;
        match self.headers.try_append(name, value) {
            Ok(_) => Ok(()),
            Err(_) => Err(BadHead::TooLong),
        }
    }

    /// RFC 3875, 6.3.3 and 6.2.3: without a status it is 200, or with a `Location` 302.
    fn finish(&mut self) -> Parts {
        let (mut parts, ()) = Response::new(()).into_parts();
        parts.headers = std::mem::take(&mut self.headers);
        let assumed = if parts.headers.contains_key(LOCATION) {
            StatusCode::FOUND
        } else {
            StatusCode::OK
        };
        parts.status = self.status.unwrap_or(assumed);
        parts
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn read(bytes: &[u8], size: usize) -> Result<(Parts, Vec<u8>), BadHead> {
        let mut head = Head::new(100);
        let mut pieces = bytes.chunks(size);
        for piece in pieces.by_ref() {
            if let Some((parts, rest)) = head.push(Bytes::copy_from_slice(piece))? {
                return Ok((
                    parts,
                    [&rest[..], &pieces.collect::<Vec<_>>().concat()].concat(),
                ));
            }
        }
        panic!("no end of the head")
    }

    #[rstest]
    #[case("Content-Type: a/b\r\n\r\nbody\n\n", 200)]
    #[case("Content-Type: a/b\n\nbody\n\n", 200)]
    #[case("STATUS: 404 Not Found\r\nContent-Type:a/b\r\n\r\nbody\n\n", 404)]
    #[case("Status:204\r\nContent-Type: a/b \r\n\r\nbody\n\n", 204)]
    #[case("Location: /x\r\nContent-Type: a/b\r\n\r\nbody\n\n", 302)]
    #[case(
        "Location: /x\r\nStatus: 201 Made\r\nContent-Type: a/b\r\n\r\nbody\n\n",
        201
    )]
    fn a_head_in_any_cut_is_the_same(#[case] text: &str, #[case] status: u16) {
        for size in 1..=text.len() {
            let (parts, rest) = read(text.as_bytes(), size).unwrap();
            assert_eq!(parts.status, status);
            assert_eq!(parts.headers["content-type"], "a/b");
            assert_eq!(rest, b"body\n\n");
        }
    }

    #[rstest]
    #[case("<br />\n\n", BadHead::Line)]
    #[case("a b: c\n\n", BadHead::Line)]
    #[case("a: \u{1}\n\n", BadHead::Line)]
    #[case(" folded: x\n\n", BadHead::Line)]
    #[case("Status: OK\n\n", BadHead::Status)]
    #[case("Status: 7\n\n", BadHead::Status)]
    #[case(&"x".repeat(101), BadHead::TooLong)]
    #[case(&"a:b\n".repeat(26), BadHead::TooLong)]
    fn a_head_that_is_none_is_named(#[case] text: &str, #[case] why: BadHead) {
        for size in [1, 7, 200] {
            assert_eq!(read(text.as_bytes(), size).map(|_| ()), Err(why));
        }
    }
}

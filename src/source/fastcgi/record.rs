//! Records of FastCGI 1.0: eight bytes of header, content, padding.
//!
//! Layer 2, pure. Invariants: the decoder takes its input in any cut and holds sixteen bytes of it
//! at most, for content is handed on as it comes; what no responder may send is a fault.

use bytes::Bytes;

/// The only request of a connection.
const REQUEST: u16 = 1;
const VERSION: u8 = 1;
const RESPONDER: u8 = 1;
/// Most that one record holds.
pub(super) const CONTENT_BYTES: usize = 0xFFFF;

/// What we send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sent {
    Begin = 1,
    Params = 4,
    Stdin = 5,
}

/// What an application sends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Kind {
    End,
    Stdout,
    Stderr,
    /// About the connection, not about the request.
    #[default]
    Management,
}

/// A piece of the response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// Of the script's output, at least one byte.
    Stdout(Bytes),
    /// Of the script's error stream, at least one byte.
    Stderr(Bytes),
    /// The response is complete, or refused.
    End(Verdict),
}

/// The application's own word about the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// `FCGI_REQUEST_COMPLETE`.
    Complete,
    /// Not taken; the words say why.
    Refused(&'static str),
}

/// The bytes are no FastCGI response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("what came is not FastCGI: {0}")]
pub(super) struct Malformed(&'static str);

/// Bytes in, parts out.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    header: Eight,
    end: Eight,
    kind: Kind,
    /// Bytes of the current record's content that have not come yet.
    content: usize,
    /// Likewise of its padding.
    padding: usize,
}

/// Eight bytes, as far as they have come.
#[derive(Debug, Default)]
struct Eight {
    bytes: [u8; 8],
    len: usize,
}

/// Appends the record that opens a request: a responder, one request per connection.
pub(super) fn begin(out: &mut Vec<u8>) {
    record(Sent::Begin, &[0, RESPONDER, 0, 0, 0, 0, 0, 0], out);
}

/// Appends a record. Content beyond [`CONTENT_BYTES`] is the caller's fault and is cut off.
pub(super) fn record(kind: Sent, content: &[u8], out: &mut Vec<u8>) {
    let content = content.get(..CONTENT_BYTES).unwrap_or(content);
    let [id1, id0] = REQUEST.to_be_bytes();
    let [len1, len0] = u16::try_from(content.len())
        .unwrap_or(u16::MAX)
        .to_be_bytes();
    out.extend([VERSION, kind as u8, id1, id0, len1, len0, 0, 0]);
    out.extend_from_slice(content);
}

// === impl Decoder ===

impl Decoder {
    /// The next part of `input`, which is left with what is behind it; `None` = all is taken.
    pub(super) fn next(&mut self, input: &mut Bytes) -> Result<Option<Part>, Malformed> {
        while !input.is_empty() {
            if self.content > 0 {
                let mut piece = input.split_to(self.content.min(input.len()));
                self.content -= piece.len();
                match self.kind {
                    Kind::Stdout => return Ok(Some(Part::Stdout(piece))),
                    Kind::Stderr => return Ok(Some(Part::Stderr(piece))),
                    Kind::End => {
                        if let Some(body) = self.end.fill(&mut piece) {
                            return Ok(Some(Part::End(verdict(body))));
                        }
                    }
                    Kind::Management => {}
                }
            } else if self.padding > 0 {
                let piece = input.split_to(self.padding.min(input.len()));
                self.padding -= piece.len();
            } else if let Some(header) = self.header.fill(input) {
                self.open(header)?;
            }
        }
        Ok(None)
    }

    fn open(&mut self, header: [u8; 8]) -> Result<(), Malformed> {
        let [version, kind, id1, id0, len1, len0, padding, _reserved] = header;
        if version != VERSION {
            return Err(Malformed("its version is not 1"));
        }
        self.content = u16::from_be_bytes([len1, len0]).into();
        self.padding = padding.into();
        self.kind = match (u16::from_be_bytes([id1, id0]), kind) {
            (REQUEST, 3) if self.content == 8 => Kind::End,
            (REQUEST, 3) => return Err(Malformed("an end of another length")),
            (REQUEST, 6) => Kind::Stdout,
            (REQUEST, 7) => Kind::Stderr,
            (0, _) => Kind::Management,
            (REQUEST, _) => return Err(Malformed("a record that no responder sends")),
            _ => return Err(Malformed("a record of a request that was not made")),
        };
        Ok(())
    }
}

/// The script's own exit status does not matter: what it has printed is complete.
fn verdict([_, _, _, _, protocol, ..]: [u8; 8]) -> Verdict {
    match protocol {
        0 => Verdict::Complete,
        1 => Verdict::Refused("it can not take a second request (FCGI_CANT_MPX_CONN)"),
        2 => Verdict::Refused("it is overloaded (FCGI_OVERLOADED)"),
        3 => Verdict::Refused("it is no responder (FCGI_UNKNOWN_ROLE)"),
        _ => Verdict::Refused("it says why in a number that FastCGI 1.0 does not have"),
    }
}

// === impl Eight ===

impl Eight {
    /// Takes what is missing; the bytes once they are complete.
    fn fill(&mut self, input: &mut Bytes) -> Option<[u8; 8]> {
        let missing = self.bytes.get_mut(self.len..).unwrap_or_default();
        let piece = input.split_to(missing.len().min(input.len()));
        for (slot, byte) in missing.iter_mut().zip(&piece) {
            *slot = *byte;
        }
        self.len += piece.len();
        (self.len == self.bytes.len()).then(|| {
            self.len = 0;
            self.bytes
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    /// A record as an application would send it.
    fn sent(kind: u8, id: u16, content: &[u8], padding: u8) -> Vec<u8> {
        let [len1, len0] = u16::try_from(content.len()).unwrap().to_be_bytes();
        let [id1, id0] = id.to_be_bytes();
        let mut bytes = vec![1, kind, id1, id0, len1, len0, padding, 0];
        bytes.extend(content);
        bytes.resize(bytes.len() + usize::from(padding), 0xEE);
        bytes
    }

    /// Output, errors and end of a response that comes in these pieces.
    type Decoded = (Vec<u8>, Vec<u8>, Option<Verdict>);

    fn decoded<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Result<Decoded, Malformed> {
        let mut decoder = Decoder::default();
        let (mut stdout, mut stderr, mut end) = (Vec::new(), Vec::new(), None);
        for piece in pieces {
            let mut input = Bytes::copy_from_slice(piece);
            while let Some(part) = decoder.next(&mut input)? {
                match part {
                    Part::Stdout(bytes) => stdout.extend(bytes),
                    Part::Stderr(bytes) => stderr.extend(bytes),
                    Part::End(verdict) => end = Some(verdict),
                }
            }
        }
        Ok((stdout, stderr, end))
    }

    #[test]
    fn a_request_is_opened_as_the_standard_says() {
        let mut out = Vec::new();
        begin(&mut out);
        record(Sent::Params, b"ab", &mut out);
        record(Sent::Stdin, b"", &mut out);
        let want: [&[u8]; 3] = [
            &[1, 1, 0, 1, 0, 8, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0],
            &[1, 4, 0, 1, 0, 2, 0, 0, b'a', b'b'],
            &[1, 5, 0, 1, 0, 0, 0, 0],
        ];
        assert_eq!(out, want.concat());
    }

    proptest! {
        #[test]
        fn any_response_in_any_cut_gives_the_same_parts(
            records in prop::collection::vec(
                (0_u8..3, prop::collection::vec(any::<u8>(), 0..40), any::<u8>()),
                0..12,
            ),
            size in 1_usize..50,
        ) {
            let (mut bytes, mut stdout, mut stderr) = (Vec::new(), Vec::new(), Vec::new());
            for (kind, content, padding) in &records {
                match kind {
                    0 => stdout.extend(content),
                    1 => stderr.extend(content),
                    _ => {}
                }
                let (kind, id) = [(6, 1), (7, 1), (10, 0)][usize::from(*kind)];
                bytes.extend(sent(kind, id, content, *padding));
            }
            bytes.extend(sent(3, 1, &[0; 8], 3));
            let want = Ok((stdout, stderr, Some(Verdict::Complete)));
            prop_assert_eq!(&decoded(bytes.chunks(size)), &want);
            prop_assert_eq!(&decoded([&bytes[..]].into_iter()), &want);
        }

        #[test]
        fn no_bytes_make_the_decoder_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _either = decoded(bytes.chunks(3));
        }
    }

    #[rstest]
    #[case(vec![2, 6, 0, 1, 0, 0, 0, 0], "version")]
    #[case(b"HTTP/1.1 400 Bad".to_vec(), "version")]
    #[case(sent(6, 2, b"x", 0), "not made")]
    #[case(sent(1, 1, b"x", 0), "no responder")]
    #[case(sent(11, 1, b"x", 0), "no responder")]
    #[case(sent(3, 1, b"x", 0), "another length")]
    fn what_no_responder_sends_is_a_fault(#[case] bytes: Vec<u8>, #[case] words: &str) {
        let fault = decoded(bytes.chunks(1)).unwrap_err().to_string();
        assert!(fault.contains(words), "{fault}");
    }

    #[test]
    fn a_refusal_is_told_from_a_complete_response_whatever_the_exit_status() {
        let end = |body: [u8; 8]| decoded(sent(3, 1, &body, 0).chunks(5)).unwrap().2;
        assert_eq!(end([0, 0, 0, 255, 0, 0, 0, 0]), Some(Verdict::Complete));
        for status in 1..=4 {
            let refused = end([0, 0, 0, 0, status, 0, 0, 0]);
            assert!(matches!(refused, Some(Verdict::Refused(_))));
        }
    }
}

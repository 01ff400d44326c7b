//! Compressed bodies → bytes, as they stream. Nobody asked for them: Fantail asks for `identity`.
//!
//! Layer 2, pure: `flate2` only. Invariants: where the bytes are cut makes no difference; what the
//! other side has flushed is given at once; no more is kept than the window of deflate, and a step
//! gives no more than its allowance, so that a bomb is defused before it goes off; plain bodies
//! pass uncopied.

mod gzip;
#[cfg(test)]
mod tests;

use std::io;

use flate2::{Decompress, FlushDecompress, Status};

use self::gzip::{Header, Trailer};
use crate::metrics::UpstreamReason;
use crate::source::Error;

/// Bytes decoded at a time, on the stack: a quiet topic holds no buffer.
const PIECE_BYTES: usize = 4 << 10;
/// What a step may always give: an event that is much like those before it, or blank, shrinks
/// better than any ratio, and harms nobody.
const FLOOR_BYTES: usize = 64 << 10;

/// How a body is coded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Coding {
    /// Not at all.
    #[default]
    Identity,
    /// RFC 1952, one or more members.
    Gzip,
    /// RFC 1950, or RFC 1951 alone, which some servers take the name for; so do browsers.
    Deflate,
}

/// The decoder of one response.
#[derive(Debug)]
pub(super) struct Decoder(Option<Box<Inflater>>);

struct Inflater {
    stage: Stage,
    /// Of the current member.
    deflate: Decompress,
    /// What a step may give for each byte it takes, beyond the floor.
    ratio: usize,
    /// What the current step may still give.
    allowance: usize,
}

/// What the next byte belongs to.
enum Stage {
    /// Wrapped as RFC 1950 says or not? Two bytes tell; this is the first.
    Deflate(Option<u8>),
    /// A gzip member's header.
    Header(Header),
    /// Compressed data, with what gzip checks at its end.
    Data(Option<Trailer>),
    /// A gzip member's end.
    Trailer(Trailer),
    /// Behind the end; whatever comes is not looked at.
    Over,
}

// === impl Coding ===

impl Coding {
    /// By its name in `Content-Encoding`, in lower case.
    pub(super) fn named(name: &str) -> Option<Self> {
        match name {
            "identity" => Some(Self::Identity),
            "gzip" | "x-gzip" => Some(Self::Gzip),
            "deflate" => Some(Self::Deflate),
            _ => None,
        }
    }

    /// The decoder for one response that may give `ratio` bytes for each that it takes.
    pub(super) fn decoder(self, ratio: usize) -> Decoder {
        let stage = match self {
            Self::Identity => return Decoder(None),
            Self::Gzip => Stage::Header(Header::first()),
            Self::Deflate => Stage::Deflate(None),
        };
        Decoder(Some(Box::new(Inflater {
            stage,
            deflate: Decompress::new(false),
            ratio,
            allowance: FLOOR_BYTES,
        })))
    }
}

// === impl Decoder ===

impl Decoder {
    /// A step begins: it has an allowance of its own.
    pub(super) fn renew(&mut self) {
        if let Some(inflater) = &mut self.0 {
            inflater.allowance = FLOOR_BYTES;
        }
    }

    /// Gives the next bytes of the body, decoded, to `sink`, in one or more pieces. After an error
    /// it is not called again.
    pub(super) fn feed(&mut self, bytes: &[u8], sink: &mut dyn FnMut(&[u8])) -> Result<(), Error> {
        match &mut self.0 {
            None => {
                sink(bytes);
                Ok(())
            }
            Some(inflater) => inflater.feed(bytes, sink),
        }
    }

    /// The body has ended as its framing promised; has what it holds?
    pub(super) fn finish(&self) -> Result<(), Error> {
        let complete = self
            .0
            .as_ref()
            .is_none_or(|inflater| match &inflater.stage {
                Stage::Over | Stage::Deflate(None) => true,
                Stage::Header(header) => header.is_untouched(),
                Stage::Deflate(Some(_)) | Stage::Data(_) | Stage::Trailer(_) => false,
            });
        if complete {
            return Ok(());
        }
        let words = "its compressed data has no end";
        Err(Error::Cut(io::Error::new(
            io::ErrorKind::UnexpectedEof,
            words,
        )))
    }
}

// === impl Inflater ===

impl Inflater {
    fn feed(&mut self, mut bytes: &[u8], sink: &mut dyn FnMut(&[u8])) -> Result<(), Error> {
        let more = bytes.len().saturating_mul(self.ratio);
        self.allowance = self.allowance.saturating_add(more);
        while !bytes.is_empty() {
            if let Stage::Data(trailer) = &mut self.stage {
                let mut give = |piece: &[u8]| {
                    if let Some(trailer) = trailer {
                        trailer.add(piece);
                    }
                    sink(piece);
                };
                let is_end = inflate(
                    &mut self.deflate,
                    &mut self.allowance,
                    &mut bytes,
                    &mut give,
                )?;
                if is_end {
                    self.stage = trailer.take().map_or(Stage::Over, Stage::Trailer);
                }
            } else if let Some((byte, rest)) = bytes.split_first() {
                bytes = rest;
                self.step(*byte, sink)?;
            }
        }
        Ok(())
    }

    /// Takes one byte outside of compressed data.
    fn step(&mut self, byte: u8, sink: &mut dyn FnMut(&[u8])) -> Result<(), Error> {
        match &mut self.stage {
            Stage::Deflate(None) => self.stage = Stage::Deflate(Some(byte)),
            Stage::Deflate(Some(first)) => {
                let start = [*first, byte];
                self.deflate = Decompress::new(is_zlib(start));
                self.stage = Stage::Data(None);
                // Their share of the allowance they have brought already.
                self.feed_again(&start, sink)?;
            }
            Stage::Header(header) => match header.push(byte).map_err(unreadable)? {
                gzip::Progress::More => {}
                gzip::Progress::Data => {
                    self.deflate.reset(false);
                    self.stage = Stage::Data(Some(Trailer::default()));
                }
                gzip::Progress::Garbage => self.stage = Stage::Over,
            },
            Stage::Trailer(trailer) => {
                if trailer.push(byte).map_err(unreadable)? {
                    self.stage = Stage::Header(Header::next());
                }
            }
            Stage::Data(_) | Stage::Over => {}
        }
        Ok(())
    }

    fn feed_again(&mut self, start: &[u8], sink: &mut dyn FnMut(&[u8])) -> Result<(), Error> {
        let mut bytes = start;
        let end = inflate(&mut self.deflate, &mut self.allowance, &mut bytes, sink)?;
        if end {
            self.stage = Stage::Over;
        }
        Ok(())
    }
}

impl std::fmt::Debug for Inflater {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let allowance = self.allowance;
        write!(f, "Inflater {{ allowance: {allowance} }}")
    }
}

/// Decodes all of `bytes`, or up to the end of the compressed data; whether that has come.
fn inflate(
    deflate: &mut Decompress,
    allowance: &mut usize,
    bytes: &mut &[u8],
    sink: &mut dyn FnMut(&[u8]),
) -> Result<bool, Error> {
    let mut space = [0; PIECE_BYTES];
    loop {
        let before = (deflate.total_in(), deflate.total_out());
        let status = deflate
            .decompress(bytes, &mut space, FlushDecompress::None)
            .map_err(|_| unreadable("its compressed data is damaged"))?;
        let read = difference(deflate.total_in(), before.0);
        let made = difference(deflate.total_out(), before.1);
        *bytes = bytes.get(read..).unwrap_or_default();
        *allowance = allowance.checked_sub(made).ok_or_else(bomb)?;
        if let Some(piece @ [_, ..]) = space.get(..made) {
            sink(piece);
        }
        match status {
            Status::StreamEnd => return Ok(true),
            _ if bytes.is_empty() && made < PIECE_BYTES => return Ok(false),
            _ if read == 0 && made == 0 => {
                return Err(unreadable("its compressed data is damaged"));
            }
            Status::Ok | Status::BufError => {}
        }
    }
}

fn difference(after: u64, before: u64) -> usize {
    usize::try_from(after.saturating_sub(before)).unwrap_or(usize::MAX)
}

/// The check of RFC 1950, 2.2; a deflate block of its own never begins like that.
fn is_zlib([method, flags]: [u8; 2]) -> bool {
    method & 0x0F == 8 && method >> 4 <= 7 && u16::from_be_bytes([method, flags]).is_multiple_of(31)
}

fn bomb() -> Error {
    unreadable("its compressed data unfolds to more than `decode_ratio` allows")
}

fn unreadable(what: &'static str) -> Error {
    Error::Body {
        what: what.into(),
        reason: UpstreamReason::Encoding,
    }
}

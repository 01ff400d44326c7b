//! What stands around the compressed data of a gzip member (RFC 1952), byte by byte.
//!
//! Layer 2, pure. Invariant: nothing of a header is kept, and it is not read for ever.

use flate2::Crc;

const MAGIC: [u8; 2] = [0x1F, 0x8B];
const DEFLATE: u8 = 8;
/// Longest header: file name and comment are a line each.
const HEADER_BYTES: usize = 64 << 10;
/// Bytes before the optional fields.
const FIXED_BYTES: usize = 10;

const FLAG_CHECK: u8 = 2;
const FLAG_EXTRA: u8 = 4;
const FLAG_NAME: u8 = 8;
const FLAG_COMMENT: u8 = 16;
const FLAGS_RESERVED: u8 = 0xE0;

/// A header, as far as it has come.
#[derive(Debug)]
pub(super) struct Header {
    is_first: bool,
    /// Bytes seen.
    at: usize,
    /// Optional fields that are still to come.
    flags: u8,
    field: Field,
}

/// Which part the next byte belongs to.
#[derive(Clone, Copy, Debug)]
enum Field {
    Fixed,
    ExtraLength(Option<u8>),
    Extra(u16),
    Text,
    Check(u8),
}

/// What a byte of a header led to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Progress {
    More,
    /// Compressed data follows.
    Data,
    /// Behind a complete member stands something else.
    Garbage,
}

/// Checksum and length of a member's data, and their comparison with what it says itself.
#[derive(Debug, Default)]
pub(super) struct Trailer {
    crc: Crc,
    at: usize,
    is_wrong: bool,
}

// === impl Header ===

impl Header {
    pub(super) fn first() -> Self {
        Self {
            is_first: true,
            at: 0,
            flags: 0,
            field: Field::Fixed,
        }
    }

    /// Of a further member, which need not be there.
    pub(super) fn next() -> Self {
        Self {
            is_first: false,
            ..Self::first()
        }
    }

    pub(super) fn is_untouched(&self) -> bool {
        self.at == 0
    }

    /// Takes the next byte.
    pub(super) fn push(&mut self, byte: u8) -> Result<Progress, &'static str> {
        let at = self.at;
        self.at += 1;
        if at >= HEADER_BYTES {
            return Err("its gzip header has no end");
        }
        let is_over = match self.field {
            Field::Fixed => match (at, MAGIC.get(at)) {
                (_, Some(magic)) if byte == *magic => false,
                (_, Some(_)) if self.is_first => return Err("it is not gzip, as it claims"),
                (_, Some(_)) => return Ok(Progress::Garbage),
                (2, None) if byte != DEFLATE => return Err("its gzip method is not deflate"),
                (3, None) if byte & FLAGS_RESERVED != 0 => {
                    return Err("its gzip header has unknown flags");
                }
                (3, None) => {
                    self.flags = byte;
                    false
                }
                _ => at + 1 == FIXED_BYTES,
            },
            Field::ExtraLength(None) => {
                self.field = Field::ExtraLength(Some(byte));
                false
            }
            Field::ExtraLength(Some(low)) => self.left(u16::from_le_bytes([low, byte])),
            Field::Extra(left) => self.left(left - 1),
            Field::Text => byte == 0,
            Field::Check(left) => {
                self.field = Field::Check(left.saturating_sub(1));
                left <= 1
            }
        };
        Ok(if is_over {
            self.next_field()
        } else {
            Progress::More
        })
    }

    /// So much of the extra field is still to come; whether that is nothing.
    fn left(&mut self, left: u16) -> bool {
        self.field = Field::Extra(left);
        left == 0
    }

    fn next_field(&mut self) -> Progress {
        for (flag, field) in [
            (FLAG_EXTRA, Field::ExtraLength(None)),
            (FLAG_NAME, Field::Text),
            (FLAG_COMMENT, Field::Text),
            (FLAG_CHECK, Field::Check(2)),
        ] {
            if self.flags & flag != 0 {
                self.flags &= !flag;
                self.field = field;
                return Progress::More;
            }
        }
        Progress::Data
    }
}

// === impl Trailer ===

impl Trailer {
    /// Decoded bytes.
    pub(super) fn add(&mut self, bytes: &[u8]) {
        self.crc.update(bytes);
    }

    /// Takes the next byte behind the data; whether it was the last.
    pub(super) fn push(&mut self, byte: u8) -> Result<bool, &'static str> {
        let right = u64::from(self.crc.amount()) << 32 | u64::from(self.crc.sum());
        let right = right.to_le_bytes();
        self.is_wrong |= right.get(self.at) != Some(&byte);
        self.at += 1;
        let is_last = self.at == right.len();
        if is_last && self.is_wrong {
            return Err("its compressed data is damaged: the checksum is wrong");
        }
        Ok(is_last)
    }
}

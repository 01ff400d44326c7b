//! Takes the framing of chunks out of what has come, in place, wherever it was cut.

#[derive(Debug, Clone, Copy)]
pub(super) enum Chunks {
    /// In the line with the size, which is so far.
    Size(usize),
    /// In the rest of that line: extensions, the end of the line.
    Line(usize),
    /// In the data, of which so much is to come.
    Data(usize),
    /// Behind the data, at the line's end.
    End,
    /// Behind the last chunk, which is empty: nothing that matters comes.
    Over,
}

impl Chunks {
    pub(super) fn new() -> Self {
        Self::Size(0)
    }

    /// Whether the body has ended, though its connection may stay.
    pub(super) fn are_over(self) -> bool {
        matches!(self, Self::Over)
    }

    /// Moves the data to the front; its length.
    pub(super) fn unwrap(&mut self, bytes: &mut [u8]) -> usize {
        let (mut at, mut kept) = (0, 0);
        while let Some(byte) = bytes.get(at).copied() {
            *self = match *self {
                Self::Data(left) => {
                    let length = left.min(bytes.len() - at);
                    bytes.copy_within(at..at + length, kept);
                    kept += length;
                    at += length;
                    if length < left {
                        Self::Data(left - length)
                    } else {
                        Self::End
                    }
                }
                state => {
                    at += 1;
                    state.after(byte)
                }
            };
        }
        kept
    }

    fn after(self, byte: u8) -> Self {
        match self {
            Self::Size(size) => match char::from(byte).to_digit(16) {
                Some(digit) => Self::Size(size.saturating_mul(16) + digit as usize),
                None => Self::Line(size).after(byte),
            },
            Self::Line(0) if byte == b'\n' => Self::Over,
            Self::Line(size) if byte == b'\n' => Self::Data(size),
            Self::End if byte == b'\n' => Self::Size(0),
            Self::Line(_) | Self::End | Self::Data(_) | Self::Over => self,
        }
    }
}

//! Where in which log: epoch, offset, and the token that names both to a client.
//!
//! Layer 0: std and derive macros. Invariant: a token has exactly one spelling, so that reading what was
//! written, and writing what was read, are identities.

use std::fmt;
use std::str::FromStr;

/// One life of a log; random, so that a token from before a restart is never taken for a place in
/// the log of today. 48 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Epoch(u64);

impl Epoch {
    const BITS: u32 = 48;

    /// Keeps the low 48 bits of `random`.
    pub fn new(random: u64) -> Self {
        Self(random & ((1 << Self::BITS) - 1))
    }
}

/// The number of a frame in its log: dense and rising, the first frame is 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Offset(pub u64);

impl Offset {
    /// What stands before the first frame: who has seen this has seen nothing yet, and the next one
    /// is 0. No log grows so long that a frame could have the number.
    pub const BEFORE_FIRST: Self = Self(u64::MAX);

    /// The place right behind this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.wrapping_add(1))
    }

    /// The place right before this one: a token names the frame that was seen last.
    #[must_use]
    pub fn before(self) -> Self {
        Self(self.0.wrapping_sub(1))
    }

    /// How many frames lie from `earlier` (included) to here (not included); 0 if none do.
    pub fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// A place in one log, written as the token `~<epoch>.<offset>`: twelve hexadecimal digits and a
/// decimal number. It is what a frame carries as its id when the upstream's own will not do.
///
/// ```
/// use fantail::position::{Epoch, Offset, Position};
/// let place = Position { epoch: Epoch::new(0xabc), offset: Offset(7) };
/// assert_eq!(place.to_string(), "~000000000abc.7");
/// assert_eq!("~000000000abc.7".parse(), Ok(place));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Position {
    /// Which life of the log.
    pub epoch: Epoch,
    /// Which frame in it.
    pub offset: Offset,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "~{:012x}.{}", self.epoch.0, self.offset.0)
    }
}

/// The text is not a token in its one spelling.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a position token (~, twelve hexadecimal digits, a dot, a decimal number)")]
pub struct NotAToken;

impl FromStr for Position {
    type Err = NotAToken;

    fn from_str(text: &str) -> Result<Self, NotAToken> {
        let (epoch, offset) = text
            .strip_prefix('~')
            .and_then(|rest| rest.split_once('.'))
            .ok_or(NotAToken)?;
        let position = Self {
            epoch: Epoch::new(u64::from_str_radix(epoch, 16).map_err(|_| NotAToken)?),
            offset: Offset(offset.parse().map_err(|_| NotAToken)?),
        };
        // Signs, upper case and leading zeros parse too; only the canonical spelling is a token.
        if position.to_string() == text {
            Ok(position)
        } else {
            Err(NotAToken)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_place_before_the_first_frame_has_a_token_too() {
        let offset = Offset(0).before();
        assert_eq!((offset, offset.next()), (Offset::BEFORE_FIRST, Offset(0)));
        let epoch = Epoch::new(0xabc);
        let token = Position { epoch, offset }.to_string();
        assert_eq!(token, "~000000000abc.18446744073709551615");
    }

    #[test]
    fn other_spellings_are_not_tokens() {
        for text in [
            "",
            "~",
            "~000000000abc",
            "000000000abc.7",
            "~000000000ABC.7",
            "~abc.7",
            "~000000000abc.07",
            "~000000000abc.+7",
            "~000000000abc.-7",
            "~000000000abc.7 ",
            "~1000000000abc.7",
            "~000000000abc.99999999999999999999",
        ] {
            assert_eq!(text.parse::<Position>(), Err(NotAToken), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn a_token_reads_back_as_itself(epoch: u64, offset: u64) {
            let place = Position { epoch: Epoch::new(epoch), offset: Offset(offset) };
            prop_assert_eq!(place.to_string().parse(), Ok(place));
            prop_assert!(place.to_string().len() <= crate::event::EMITTED_ID_BYTES);
        }

        #[test]
        fn any_text_is_a_token_or_refused(text in "~?[0-9a-f.~]{0,24}") {
            if let Ok(place) = text.parse::<Position>() {
                prop_assert_eq!(place.to_string(), text);
            }
        }
    }
}

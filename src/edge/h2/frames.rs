//! What a client's frames cost, seen from their headers alone (RFC 9113, section 4.1).
//!
//! Pure. Invariant: the result does not depend on how the bytes are cut.

const PREFACE: u8 = 24;
const HEAD: usize = 9;
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const CONTINUATION: u8 = 9;
const END_HEADERS: u8 = 0x4;

/// Follows a client's bytes from its preface on.
#[derive(Debug)]
pub(super) struct Frames {
    /// Bytes of the preface that are still to come.
    preface: u8,
    head: [u8; HEAD],
    /// Bytes of it that have come.
    has: usize,
    /// Bytes of the payload that are still to come, and whether it is a body's.
    left: usize,
    is_data: bool,
    /// Whether a request's headers have begun and not ended.
    in_headers: bool,
    /// The newest stream that the client has opened.
    newest: u32,
}

impl Frames {
    pub(super) fn new() -> Self {
        Self {
            preface: PREFACE,
            head: [0; HEAD],
            has: 0,
            left: 0,
            is_data: false,
            in_headers: false,
            newest: 0,
        }
    }

    /// Looks at more bytes: the size of the frames in it that nothing else bounds. Bodies are held
    /// by the windows that we open, headers by what becomes of requests.
    pub(super) fn look(&mut self, mut bytes: &[u8]) -> usize {
        let skipped = bytes.len().min(usize::from(self.preface));
        self.preface -= u8::try_from(skipped).unwrap_or(0);
        bytes = bytes.get(skipped..).unwrap_or_default();
        let mut cost = 0;
        while !bytes.is_empty() {
            if self.left > 0 {
                let part = bytes.len().min(self.left);
                self.left -= part;
                bytes = bytes.get(part..).unwrap_or_default();
                continue;
            }
            let part = bytes.len().min(HEAD - self.has);
            let (taken, rest) = bytes.split_at(part);
            if let Some(place) = self.head.get_mut(self.has..self.has + part) {
                place.copy_from_slice(taken);
            }
            self.has += part;
            bytes = rest;
            if self.has == HEAD {
                cost += self.begin();
            }
        }
        cost
    }

    /// A frame's header is complete.
    fn begin(&mut self) -> usize {
        self.has = 0;
        let [high, middle, low, kind, flags, stream @ ..] = self.head;
        self.left = u32::from_be_bytes([0, high, middle, low]) as usize;
        self.is_data = kind == DATA;
        let stream = u32::from_be_bytes(stream) & 0x7fff_ffff;
        match kind {
            DATA if self.left > 0 => 0,
            HEADERS | CONTINUATION => {
                self.in_headers = flags & END_HEADERS == 0;
                self.newest = self.newest.max(stream);
                0
            }
            _ => HEAD + self.left,
        }
    }

    /// Whether the client is in the middle of something that it should say in one breath.
    pub(super) fn is_waiting(&self) -> bool {
        self.preface > 0 || self.has > 0 || self.in_headers || (self.left > 0 && !self.is_data)
    }

    /// The newest stream that the client has opened.
    pub(super) fn newest(&self) -> u32 {
        self.newest
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn frame(kind: u8, flags: u8, stream: u32, length: usize) -> Vec<u8> {
        let size = u32::try_from(length).unwrap().to_be_bytes();
        let mut frame = vec![size[1], size[2], size[3], kind, flags];
        frame.extend(stream.to_be_bytes());
        frame.resize(HEAD + length, 0xaa);
        frame
    }

    fn after_preface() -> Frames {
        let mut frames = Frames::new();
        assert!(frames.is_waiting());
        assert_eq!(frames.look(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), 0);
        assert!(!frames.is_waiting());
        frames
    }

    #[test]
    fn control_frames_cost_their_size_and_bodies_and_headers_nothing() {
        let mut frames = after_preface();
        for (kind, flags, length, cost) in [
            (4, 0, 36, 45),
            (6, 0, 8, 17),
            (8, 0, 4, 13),
            (2, 0, 5, 14),
            (0xbe, 0, 100, 109),
            (HEADERS, END_HEADERS, 200, 0),
            (DATA, 0, 1000, 0),
            (DATA, 0, 0, 9),
        ] {
            assert_eq!(frames.look(&frame(kind, flags, 5, length)), cost, "{kind}");
            assert!(!frames.is_waiting());
        }
        assert_eq!(frames.newest(), 5);
    }

    #[test]
    fn headers_that_do_not_end_are_waited_for_and_a_body_is_not() {
        let mut frames = after_preface();
        frames.look(&frame(HEADERS, 0, 1, 10));
        assert!(frames.is_waiting());
        frames.look(&frame(CONTINUATION, END_HEADERS, 1, 10));
        assert!(!frames.is_waiting());
        frames.look(frame(DATA, 0, 1, 10).get(..12).unwrap());
        assert!(!frames.is_waiting());
    }

    proptest! {
        #[test]
        fn cuts_change_nothing(
            kinds in prop::collection::vec((0_u8..12, any::<u8>(), 0_usize..40), 1..20),
            cuts in prop::collection::vec(1_usize..30, 1..20),
        ) {
            let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
            for (kind, flags, length) in kinds {
                bytes.extend(frame(kind, flags, 7, length));
            }
            let mut whole = Frames::new();
            let cost = whole.look(&bytes);
            let (mut cut, mut sum, mut rest) = (Frames::new(), 0, &bytes[..]);
            for length in cuts.iter().cycle() {
                let (part, more) = rest.split_at((*length).min(rest.len()));
                sum += cut.look(part);
                rest = more;
                if rest.is_empty() {
                    break;
                }
            }
            prop_assert_eq!(sum, cost);
            prop_assert_eq!(cut.is_waiting(), whole.is_waiting());
        }
    }
}

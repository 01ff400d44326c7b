//! Text in any charset → UTF-8, as it streams.
//!
//! Layer 2, pure: `encoding_rs` only. Invariants: UTF-8 passes untouched and uncopied; where the
//! bytes are cut makes no difference; exactly one byte-order mark is dropped, by whoever decodes.

use encoding_rs::{CoderResult, Decoder, Encoding, UTF_8};

/// Bytes decoded at a time: bounds the buffer that a feed keeps, at three times as much.
const PIECE_BYTES: usize = 4 << 10;

/// A charset by one of the labels of the WHATWG Encoding Standard.
///
/// ```
/// use fantail::source::charset::Charset;
/// assert!(Charset::named("GB2312").is_some());
/// assert!(Charset::named("no-such").is_none());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Charset(&'static Encoding);

impl Charset {
    /// The charset that browsers understand by this label, in any case.
    pub fn named(label: &str) -> Option<Self> {
        Encoding::for_label_no_replacement(label.as_bytes()).map(Self)
    }

    /// The decoder for one response.
    pub fn text(self) -> Text {
        Text(if self.0 == UTF_8 {
            None
        } else {
            Some(Box::new(Transcoder {
                // A byte-order mark beats the label, as in browsers.
                decoder: self.0.new_decoder(),
                utf8: String::new(),
                at_start: true,
            }))
        })
    }
}

impl Default for Charset {
    /// The one that an event stream has if nobody says otherwise.
    fn default() -> Self {
        Self(UTF_8)
    }
}

/// The text of one response; `None` is UTF-8, whose mark and faults are the parser's.
#[derive(Debug)]
pub struct Text(Option<Box<Transcoder>>);

struct Transcoder {
    decoder: Decoder,
    utf8: String,
    at_start: bool,
}

impl std::fmt::Debug for Transcoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Transcoder({})", self.decoder.encoding().name())
    }
}

impl Text {
    /// Gives the next bytes of the body as UTF-8 to `sink`, in one or more pieces.
    pub fn feed(&mut self, bytes: &[u8], sink: &mut dyn FnMut(&[u8])) {
        match &mut self.0 {
            None => sink(bytes),
            Some(transcoder) => {
                for piece in bytes.chunks(PIECE_BYTES) {
                    transcoder.feed(piece, false, sink);
                }
            }
        }
    }

    /// The body has ended: a character cut in half becomes U+FFFD.
    pub fn finish(&mut self, sink: &mut dyn FnMut(&[u8])) {
        if let Some(transcoder) = &mut self.0 {
            transcoder.feed(&[], true, sink);
        }
    }
}

impl Transcoder {
    fn feed(&mut self, mut bytes: &[u8], last: bool, sink: &mut dyn FnMut(&[u8])) {
        loop {
            let room = self.decoder.max_utf8_buffer_length(bytes.len());
            self.utf8.reserve(room.unwrap_or(PIECE_BYTES));
            let (result, read, _) = self.decoder.decode_to_string(bytes, &mut self.utf8, last);
            self.give(sink);
            bytes = bytes.get(read..).unwrap_or_default();
            if result == CoderResult::InputEmpty {
                return;
            }
        }
    }

    fn give(&mut self, sink: &mut dyn FnMut(&[u8])) {
        if self.utf8.is_empty() {
            return;
        }
        if std::mem::take(&mut self.at_start) {
            // The decoder has dropped its mark. The parser drops this one instead of a second,
            // which is text.
            sink("\u{FEFF}".as_bytes());
        }
        sink(self.utf8.as_bytes());
        self.utf8.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn decoded(label: &str, pieces: &[&[u8]]) -> String {
        let mut text = Charset::named(label).unwrap().text();
        let mut out = Vec::new();
        for piece in pieces {
            text.feed(piece, &mut |utf8| out.extend_from_slice(utf8));
        }
        text.finish(&mut |utf8| out.extend_from_slice(utf8));
        String::from_utf8(out).unwrap()
    }

    #[rstest]
    #[case("gb2312", b"data: \xC4\xE3\xBA\xC3\r\n\r\n", "data: 你好\r\n\r\n")]
    #[case("GBK", b"data: \xC4\xE3\n\n", "data: 你\n\n")]
    #[case("big5", b"data: \xA7A\n\n", "data: 你\n\n")]
    #[case("windows-1252", b"data: \x80 5\n\n", "data: € 5\n\n")]
    #[case("iso-8859-1", b"data: \x93x\x94\n\n", "data: “x”\n\n")]
    #[case("utf-16le", b"\xFF\xFEd\0:\0x\0\n\0", "d:x\n")]
    #[case("utf-16", b"\xFE\xFF\0d\0:\0x\0\n", "d:x\n")]
    #[case("gbk", b"\xEF\xBB\xBFdata: \xE4\xBD\xA0\n", "data: 你\n")]
    #[case("gbk", b"data: \xC4", "data: \u{FFFD}")]
    fn text_cut_anywhere_decodes_as_a_whole(
        #[case] label: &str,
        #[case] bytes: &[u8],
        #[case] want: &str,
    ) {
        let want = format!("\u{FEFF}{want}");
        for cut in 0..=bytes.len() {
            let (head, tail) = bytes.split_at(cut);
            assert_eq!(decoded(label, &[head, tail]), want, "{label} cut at {cut}");
        }
        let single: Vec<_> = bytes.chunks(1).collect();
        assert_eq!(decoded(label, &single), want, "{label} byte by byte");
    }

    #[test]
    fn utf8_is_handed_through_in_place() {
        let bytes = b"\xEF\xBB\xBFdata: \xFF";
        let mut text = Charset::named(" utf8 ").unwrap().text();
        let mut seen = Vec::new();
        text.feed(bytes, &mut |utf8| seen.push(utf8.as_ptr_range()));
        text.finish(&mut |_| unreachable!());
        assert_eq!(seen, [bytes.as_ptr_range()]);
    }

    #[test]
    fn only_the_first_mark_is_dropped() {
        assert_eq!(
            decoded("utf-16le", &[b"\xFF\xFE\xFF\xFEx\0"]),
            "\u{FEFF}\u{FEFF}x"
        );
    }

    #[test]
    fn an_unknown_or_dangerous_label_has_no_charset() {
        for label in ["", "klingon", "iso-2022-kr", "replacement"] {
            assert_eq!(Charset::named(label), None, "{label}");
        }
    }

    #[test]
    fn long_text_is_decoded_in_bounded_pieces() {
        let bytes = b"\xC4\xE3".repeat(100_000);
        let mut text = Charset::named("gbk").unwrap().text();
        let (mut total, mut longest) = (0, 0);
        text.feed(&bytes, &mut |utf8| {
            total += utf8.len();
            longest = longest.max(utf8.len());
        });
        assert_eq!(total, 3 + 300_000);
        assert!(longest <= 3 * PIECE_BYTES + 64, "{longest}");
    }
}

//! Bytes in any cut → items: the incremental parser of one response.
//!
//! Layer 0: may import `event` and memchr only. Invariants: what comes out depends on the
//! bytes alone, never on how they were cut; no byte is looked at twice for a line end; what is held
//! back stays within [`Limits`], whatever comes in.
//!
//! What it costs, with an event limit of L and lines as long: a line that ends in the bytes at hand
//! is read from there; one that does not is held, but from 64 KiB on its value goes straight into
//! the data of its event, or, if its field is unknown, nowhere. So there is one copy of an event's
//! data, and it becomes the event's own `String`:
//!
//! ```text
//! L (data) + 64 KiB (line) + 128 KiB (what smaller buffers have left) + the bytes at hand
//! ```
//!
//! Two things are not in it: an `event` line of that length, which is held in full beside the data,
//! and data that is not UTF-8, which grows when it is mended.

mod block;
mod buffer;

use std::mem;
use std::time::Duration;

use memchr::memchr2;

use self::block::{Block, TooLarge, is_unknown};
use self::buffer::{KEPT_CAPACITY_BYTES, give_back, make_room};
use crate::event::Event;

/// As much of a line as tells whether it is `data`, and what follows its colon.
const LONGEST_NAME: usize = b"data: ".len();
/// The UTF-8 byte order mark, dropped once at the very start.
const BOM: &[u8] = b"\xEF\xBB\xBF";

/// What one or more lines said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// A complete event.
    Event(Event),
    /// The reconnection time that the upstream wishes; takes effect at once, saturates.
    Retry(Duration),
    /// An event or line above its limit was passed over up to the next blank line, which is where
    /// this item stands in the stream.
    Oversize {
        /// How many bytes were passed over: the data that had been buffered, then everything from
        /// the line that broke the limit up to the blank line.
        bytes: u64,
    },
    /// The first line of this response without a known field name: a sample for the log.
    Unknown(String),
}

/// Bounds on what a parser holds back.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Longest line in bytes, without its end; comments are exempt, for they are never held.
    pub line: usize,
    /// Longest data of one event in bytes as received.
    pub event: usize,
    /// Longest id in bytes; the line of a longer one counts as absent.
    pub id: usize,
}

/// What the end of the response left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tail {
    /// The event that a blank line would have dispatched now.
    pub pending: Option<Event>,
    /// How many events were dispatched before.
    pub complete_events: u64,
    /// Whether an unknown line began with `<`, as an error page put into the stream does.
    pub looks_like_html: bool,
}

/// The part of the current line that came in before the bytes at hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line {
    /// None: these bytes begin the line.
    Fresh,
    /// It is in the line buffer.
    Held,
    /// So many bytes came, and the value, which is long, is in the block.
    Open(usize),
    /// So many bytes came, of which a sample is in the line buffer.
    Sampled(usize),
    /// It was let go: a comment, or a line being passed over.
    Dropped,
}

/// The parser of one response; a new response needs a new one, because byte order mark and last
/// event ID begin afresh.
///
/// ```
/// use fantail::sse::{Item, Limits, Parser};
/// let mut parser = Parser::new(Limits { line: 1024, event: 1024, id: 128 });
/// let mut items = Vec::new();
/// parser.feed(b"data: he", &mut items);
/// parser.feed(b"llo\n\n", &mut items);
/// assert!(matches!(&items[..], [Item::Event(event)] if event.data == "hello"));
/// ```
#[derive(Debug)]
pub struct Parser {
    limits: Limits,
    /// A line that is longer than this is not held as a whole. At least [`LONGEST_NAME`].
    long_line: usize,
    /// Whether a byte order mark may still come; what has come of it is in the line buffer.
    at_start: bool,
    /// The last byte was a CR, which has ended its line already: an LF now belongs to it.
    skip_lf: bool,
    state: Line,
    line: Vec<u8>,
    block: Block,
    skipped: Option<u64>,
    events: u64,
}

impl Parser {
    /// A parser at the start of a response.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            long_line: KEPT_CAPACITY_BYTES,
            at_start: true,
            skip_lf: false,
            state: Line::Fresh,
            line: Vec::new(),
            block: Block::default(),
            skipped: None,
            events: 0,
        }
    }

    /// Takes the next bytes of the body and appends what they complete to `out`, in stream order.
    pub fn feed(&mut self, bytes: &[u8], out: &mut Vec<Item>) {
        let mut bytes = self.pass_bom(bytes);
        while let Some((&first, rest)) = bytes.split_first() {
            if mem::take(&mut self.skip_lf) && first == b'\n' {
                self.count_skipped(1);
                bytes = rest;
            } else if let Some((head, end, rest)) = cut_line(bytes) {
                self.skip_lf = end == b'\r';
                self.end_line(head, out);
                bytes = rest;
            } else {
                self.hold(bytes);
                return;
            }
        }
    }

    /// How many bytes the ongoing skip has passed over so far; 0 outside of one.
    pub fn skipped(&self) -> u64 {
        self.skipped.unwrap_or(0)
    }

    /// How many lines had no known field name so far.
    pub fn malformed(&self) -> u64 {
        self.block.malformed()
    }

    /// How many bytes of memory the parser's buffers own now.
    pub fn held_bytes(&self) -> usize {
        self.line.capacity() + self.block.held_bytes()
    }

    /// The body has ended, with or without an end to its last line.
    pub fn finish(mut self) -> Tail {
        // Only an event is wanted now; a reconnection time without a line end does not count.
        self.end_held(&mut Vec::new());
        Tail {
            complete_events: self.events,
            looks_like_html: self.block.looks_like_html(),
            pending: if self.skipped.is_none() {
                self.block.take_event()
            } else {
                None
            },
        }
    }

    /// Holds the bytes of a byte order mark in the line buffer until they prove to be one or not.
    fn pass_bom<'a>(&mut self, mut bytes: &'a [u8]) -> &'a [u8] {
        while self.at_start {
            let Some((byte, rest)) = bytes.split_first() else {
                break;
            };
            if BOM.get(self.line.len()) != Some(byte) {
                self.at_start = false;
                break;
            }
            self.line.push(*byte);
            self.state = Line::Held;
            bytes = rest;
            if self.line == BOM {
                self.line.clear();
                self.state = Line::Fresh;
                self.at_start = false;
            }
        }
        bytes
    }

    fn end_line(&mut self, head: &[u8], out: &mut Vec<Item>) {
        match (self.state, head.first()) {
            (Line::Fresh, None) => return self.blank_line(out),
            (Line::Fresh, Some(&first)) if self.wants(first) && head.len() <= self.limits.line => {
                self.field_line(head, out);
            }
            _ => {
                self.hold(head);
                self.end_held(out);
            }
        }
        self.state = Line::Fresh;
        self.count_skipped(1);
    }

    /// Takes bytes of a line whose end is not known to be allowed yet.
    fn hold(&mut self, bytes: &[u8]) {
        if let (Line::Fresh, Some(&first)) = (self.state, bytes.first()) {
            self.state = if self.wants(first) {
                Line::Held
            } else {
                Line::Dropped
            };
        }
        let before = match self.state {
            Line::Held => self.line.len(),
            Line::Open(length) | Line::Sampled(length) => length,
            Line::Fresh | Line::Dropped => return self.count_skipped(bytes.len()),
        };
        let length = before.saturating_add(bytes.len());
        if length > self.limits.line || self.keep(bytes, length).is_err() {
            self.begin_skip(length);
        }
    }

    /// Keeps the next bytes of a line, which are of `length` with what came before.
    fn keep(&mut self, bytes: &[u8], length: usize) -> Result<(), TooLarge> {
        match self.state {
            Line::Open(_) => {
                self.state = Line::Open(length);
                self.block.data(bytes, self.limits.event)?;
            }
            Line::Sampled(_) => self.state = Line::Sampled(length),
            _ if length <= self.long_line => self.push(bytes),
            _ => return self.keep_long(bytes, length),
        }
        Ok(())
    }

    /// Likewise, where the line becomes a long one with them.
    fn keep_long(&mut self, bytes: &[u8], length: usize) -> Result<(), TooLarge> {
        let rest = self.push_up_to(LONGEST_NAME, bytes);
        if self.block.open(&self.line, self.limits)? {
            self.line.clear();
            self.state = Line::Open(length);
            return self.block.data(rest, self.limits.event);
        }
        let rest = self.push_up_to(self.long_line, rest);
        if is_unknown(&self.line) {
            self.state = Line::Sampled(length);
        } else {
            self.push(rest);
        }
        Ok(())
    }

    /// Fills the line buffer to this length, and gives the bytes that have no room there.
    fn push_up_to<'a>(&mut self, length: usize, bytes: &'a [u8]) -> &'a [u8] {
        let room = length.saturating_sub(self.line.len());
        let (head, rest) = bytes.split_at(room.min(bytes.len()));
        self.push(head);
        rest
    }

    fn push(&mut self, bytes: &[u8]) {
        make_room(&mut self.line, bytes.len(), self.limits.line);
        self.line.extend_from_slice(bytes);
    }

    /// What was held of a line is all of it, or all that is wanted.
    fn end_held(&mut self, out: &mut Vec<Item>) {
        match self.state {
            Line::Held | Line::Sampled(_) => {
                let mut line = mem::take(&mut self.line);
                self.field_line(&line, out);
                line.clear();
                self.line = line;
            }
            Line::Open(_) => self.block.close(),
            Line::Fresh | Line::Dropped => {}
        }
    }

    /// Whether a line that begins like this has to be kept until its end.
    fn wants(&self, first: u8) -> bool {
        first != b':' && self.skipped.is_none()
    }

    fn blank_line(&mut self, out: &mut Vec<Item>) {
        if let Some(bytes) = self.skipped.take() {
            out.push(Item::Oversize { bytes });
        } else if let Some(event) = self.block.take_event() {
            self.events += 1;
            out.push(Item::Event(event));
        }
        give_back(&mut self.line);
        self.block.end();
    }

    fn field_line(&mut self, line: &[u8], out: &mut Vec<Item>) {
        if let Err(TooLarge) = self.block.field(line, self.limits, out) {
            self.begin_skip(line.len());
        }
    }

    /// Lets go of the event at hand, which `line_bytes` of the current line have made too large.
    fn begin_skip(&mut self, line_bytes: usize) {
        self.skipped = Some(0);
        self.count_skipped(self.block.data_bytes());
        self.count_skipped(line_bytes);
        give_back(&mut self.line);
        self.block.discard();
        self.state = Line::Dropped;
    }

    fn count_skipped(&mut self, bytes: usize) {
        if let Some(skipped) = &mut self.skipped {
            *skipped = skipped.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
        }
    }
}

/// The first line, its end and what follows; `None` if no line ends here.
fn cut_line(bytes: &[u8]) -> Option<(&[u8], u8, &[u8])> {
    let (head, tail) = bytes.split_at_checked(memchr2(b'\r', b'\n', bytes)?)?;
    let (&end, rest) = tail.split_first()?;
    Some((head, end, rest))
}

#[cfg(test)]
mod naive;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;

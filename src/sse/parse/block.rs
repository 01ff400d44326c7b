//! Lines → event: what the fields between two blank lines mean.
//!
//! Layer 0: may import `event` and memchr only. Invariants: the data never outgrows its limit; the
//! last event ID outlives the block, everything else ends with it.

use std::mem;
use std::time::Duration;

use memchr::memchr;

use super::buffer::{KEPT_CAPACITY_BYTES, give_back, make_room};
use super::{Item, Limits};
use crate::event::{Event, EventId, EventName};

/// Longest sample of an unknown line, in bytes: enough to recognise an error page in a log line.
const SAMPLE_BYTES: usize = 200;

/// The line was not taken, because the event's data would exceed its limit.
#[derive(Debug)]
pub(super) struct TooLarge;

/// The buffers of the standard, filled line by line.
#[derive(Debug, Default)]
pub(super) struct Block {
    /// Every data line ends in LF here, so that empty means "no data line", not "empty data".
    data: Vec<u8>,
    /// Where in it the value of a line begins whose end has not come.
    open: Option<usize>,
    name: Option<EventName>,
    id: Option<String>,
    own_id: bool,
    malformed: u64,
    looks_like_html: bool,
}

impl Block {
    /// Takes a whole line that is neither blank nor a comment.
    pub(super) fn field(
        &mut self,
        line: &[u8],
        limits: Limits,
        out: &mut Vec<Item>,
    ) -> Result<(), TooLarge> {
        let (name, value) = split(line);
        match name {
            b"data" => {
                self.data(value, limits.event)?;
                self.close();
            }
            b"event" => self.name(value),
            b"id" => self.id(value, limits.id),
            b"retry" => out.extend(milliseconds(value).map(Item::Retry)),
            _ => self.unknown(line, out),
        }
        Ok(())
    }

    /// Takes the beginning of a long line, if it is one of data: its value goes on with
    /// [`data`](Self::data), up to [`close`](Self::close). Whether it is one.
    pub(super) fn open(&mut self, line: &[u8], limits: Limits) -> Result<bool, TooLarge> {
        let (name, value) = split(line);
        if name != b"data" {
            return Ok(false);
        }
        self.open = Some(self.data.len());
        self.data(value, limits.event).map(|()| true)
    }

    /// Appends a value, or a part of it.
    pub(super) fn data(&mut self, value: &[u8], limit: usize) -> Result<(), TooLarge> {
        if self.data.len().saturating_add(value.len()) > limit {
            return Err(TooLarge);
        }
        make_room(&mut self.data, value.len() + 1, limit.saturating_add(1));
        self.data.extend_from_slice(value);
        Ok(())
    }

    /// The line of the last value has ended.
    pub(super) fn close(&mut self) {
        self.open = None;
        self.data.push(b'\n');
    }

    /// The event that a blank line dispatches now.
    pub(super) fn take_event(&mut self) -> Option<Event> {
        let (_, data) = self.data.split_last()?;
        let data = if data.len() <= KEPT_CAPACITY_BYTES {
            String::from_utf8_lossy(data).into_owned()
        } else {
            self.take_data()
        };
        Some(Event {
            id: self.id.as_deref().and_then(EventId::new),
            own_id: self.own_id,
            name: self.name.take(),
            data,
        })
    }

    /// Moves a large one out, for a copy would be as large again.
    fn take_data(&mut self) -> String {
        let mut data = mem::take(&mut self.data);
        data.pop();
        if data.capacity() / 2 > data.len() {
            data.shrink_to_fit();
        }
        String::from_utf8(data)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
    }

    /// Lets go of what would be dispatched; the block goes on.
    pub(super) fn discard(&mut self) {
        self.name = None;
        self.open = None;
        give_back(&mut self.data);
    }

    /// A blank line has ended the block. The id stays: it is the last event ID from here on.
    pub(super) fn end(&mut self) {
        self.discard();
        self.own_id = false;
    }

    /// Bytes in the data buffer, but for those of a line that has not ended.
    pub(super) fn data_bytes(&self) -> usize {
        self.open.unwrap_or(self.data.len())
    }

    /// Memory owned.
    pub(super) fn held_bytes(&self) -> usize {
        let name = self.name.as_ref().map_or(0, |name| name.as_str().len());
        self.data.capacity() + name + self.id.as_ref().map_or(0, String::capacity)
    }

    /// Lines of unknown field name since the start of the response.
    pub(super) fn malformed(&self) -> u64 {
        self.malformed
    }

    /// Whether one of them began with `<`.
    pub(super) fn looks_like_html(&self) -> bool {
        self.looks_like_html
    }

    fn name(&mut self, value: &[u8]) {
        let text = String::from_utf8_lossy(value);
        // NUL is legal in a type but not in an `EventName`; any other name than `message` keeps
        // the event away from handlers that were not meant to see it.
        self.name = if memchr(0, value).is_some() {
            EventName::new(&text.replace('\0', "\u{FFFD}"))
        } else {
            EventName::new(&text).filter(|name| name.as_str() != "message")
        };
    }

    fn id(&mut self, value: &[u8], limit: usize) {
        // Replacement never shortens, so a raw value above the limit needs no decoding.
        if value.len() > limit || memchr(0, value).is_some() {
            return;
        }
        let text = String::from_utf8_lossy(value);
        if text.len() <= limit {
            let id = self.id.get_or_insert_default();
            id.clear();
            id.push_str(&text);
            self.own_id = true;
        }
    }

    fn unknown(&mut self, line: &[u8], out: &mut Vec<Item>) {
        self.looks_like_html |= line.trim_ascii_start().starts_with(b"<");
        if self.malformed == 0 {
            out.push(Item::Unknown(sample(line)));
        }
        self.malformed += 1;
    }
}

/// The name of a line's field and its value.
fn split(line: &[u8]) -> (&[u8], &[u8]) {
    match memchr(b':', line).and_then(|at| line.split_at_checked(at)) {
        Some((name, [_, b' ', value @ ..] | [_, value @ ..])) => (name, value),
        _ => (line, &[]),
    }
}

/// Whether nothing but a sample of a line is wanted that begins so.
pub(super) fn is_unknown(line: &[u8]) -> bool {
    !matches!(split(line).0, b"data" | b"event" | b"id" | b"retry")
}

/// The value of a `retry` line if it is all digits.
fn milliseconds(value: &[u8]) -> Option<Duration> {
    if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let count = value.iter().fold(0_u64, |sum, digit| {
        sum.saturating_mul(10)
            .saturating_add(u64::from(digit - b'0'))
    });
    Some(Duration::from_millis(count))
}

/// The beginning of a line as text, cut between characters.
fn sample(line: &[u8]) -> String {
    // Four bytes more than wanted, so that a character broken here lies behind the cut below.
    let head = line.get(..SAMPLE_BYTES + 4).unwrap_or(line);
    let mut text = String::from_utf8_lossy(head).into_owned();
    let cut = (0..=SAMPLE_BYTES.min(text.len()))
        .rev()
        .find(|&at| text.is_char_boundary(at));
    text.truncate(cut.unwrap_or(0));
    text
}

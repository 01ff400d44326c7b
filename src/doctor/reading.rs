//! A body as a browser reads it, and the lines that a browser passes over in silence.
//!
//! Pure: may import `sse`, `event` and the observation. Invariant: what a browser would dispatch
//! comes from `sse::Parser` alone; the raw lines only explain why there is not more of it.

use std::time::Duration;

use encoding_rs::{Encoding, UTF_8};
use http::header::CONTENT_TYPE;

use super::lines::Lines;
use super::observation::{End, Visit};
use crate::event::Event;
use crate::sse::{Item, Limits, Parser};

/// What Fantail takes unless told otherwise; larger events are passed over.
pub const EVENT_BYTES: usize = 1 << 20;
/// Reads that follow each other so closely were one write of the server.
pub(super) const BUNCH: Duration = Duration::from_millis(25);

/// A body, read.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    /// The events that a browser would dispatch, and when.
    pub events: Vec<(Duration, Event)>,
    /// What the end left undispatched.
    pub pending: Option<Event>,
    /// Bytes that came together.
    pub bunches: Vec<Bunch>,
    /// The reconnection time that is wished for.
    pub retry: Option<Duration>,
    /// Sizes of events that were passed over as too large.
    pub oversize: Vec<u64>,
    /// The largest data of an event, in bytes.
    pub largest: usize,
    /// Whether the text is valid in its charset.
    pub is_text: bool,
    /// The label of a charset that is not UTF-8, and whether it is known.
    pub charset: Option<(String, bool)>,
    /// What the parser does not tell.
    pub lines: Lines,
}

/// Bytes that came together, and so were probably written together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bunch {
    /// When the last of them came.
    pub at: Duration,
    /// How many.
    pub bytes: usize,
    /// How many events they completed.
    pub events: usize,
    /// Whether they end where an event ends.
    pub is_whole: bool,
}

impl Reading {
    /// Reads the body of a visit; of one that is compressed or no stream, nothing.
    pub fn of(visit: &Visit) -> Self {
        let mut reading = Self {
            is_text: true,
            ..Self::default()
        };
        if !visit.is_stream() || visit.coding().is_some() {
            return reading;
        }
        let label = charset(visit.header(&CONTENT_TYPE).unwrap_or_default());
        let encoding = label.as_deref().map_or(Some(UTF_8), |l| {
            Encoding::for_label_no_replacement(l.as_bytes())
        });
        reading.charset = label
            .filter(|_| encoding != Some(UTF_8))
            .map(|label| (label, encoding.is_some()));
        reading.read(visit, encoding.unwrap_or(UTF_8));
        reading
    }

    /// What visitors are compared by: the events, and the one that only lacks its blank line.
    pub fn told(&self) -> impl Iterator<Item = &Event> {
        self.events
            .iter()
            .map(|(_, event)| event)
            .chain(&self.pending)
    }

    /// Whether two readings have an event in common: id and data.
    pub fn shares_with(&self, other: &Self) -> bool {
        let same = |a: &Event, b: &Event| a.id == b.id && a.data == b.data;
        self.told().any(|a| other.told().any(|b| same(a, b)))
    }

    fn read(&mut self, visit: &Visit, encoding: &'static Encoding) {
        let mut decoder = encoding.new_decoder_without_bom_handling();
        let mut parser = Parser::new(Limits {
            line: EVENT_BYTES,
            event: EVENT_BYTES,
            id: 1 << 10,
        });
        let mut whole = String::new();
        let mut rest = visit.body.as_slice();
        for chunk in &visit.chunks {
            let (bytes, after) = rest.split_at(chunk.bytes.min(rest.len()));
            rest = after;
            let (text, is_bad) = if encoding == UTF_8 {
                (None, false)
            } else {
                let (text, is_bad) = decode(&mut decoder, bytes);
                (Some(text), is_bad)
            };
            self.is_text &= !is_bad;
            let mut items = Vec::new();
            parser.feed(
                text.as_ref().map_or(bytes, |text| text.as_bytes()),
                &mut items,
            );
            whole.push_str(text.as_deref().unwrap_or_default());
            let before = self.events.len();
            self.take(items, chunk.at);
            self.bunch(chunk.at, chunk.bytes, self.events.len() - before, bytes);
        }
        if encoding == UTF_8 {
            self.is_text = is_utf8(&visit.body);
            self.lines = Lines::of(&visit.body);
        } else {
            self.lines = Lines::of(whole.as_bytes());
        }
        if !matches!(visit.end, End::Full) {
            self.pending = parser.finish().pending;
        }
    }

    fn take(&mut self, items: Vec<Item>, at: Duration) {
        for item in items {
            match item {
                Item::Event(event) => {
                    self.largest = self.largest.max(event.data.len());
                    self.events.push((at, event));
                }
                Item::Retry(time) => self.retry = Some(time),
                Item::Oversize { bytes } => self.oversize.push(bytes),
                Item::Unknown(_) => {}
            }
        }
    }

    fn bunch(&mut self, at: Duration, bytes: usize, events: usize, text: &[u8]) {
        let is_whole = matches!(
            text,
            [.., b'\n', b'\n'] | [.., b'\n', b'\r', b'\n'] | [.., b'\r', b'\r'] | [b'\n' | b'\r']
        );
        match self.bunches.last_mut() {
            Some(last) if at.saturating_sub(last.at) < BUNCH => {
                last.at = at;
                last.bytes += bytes;
                last.events += events;
                last.is_whole = is_whole;
            }
            _ => self.bunches.push(Bunch {
                at,
                bytes,
                events,
                is_whole,
            }),
        }
    }
}

fn decode(decoder: &mut encoding_rs::Decoder, bytes: &[u8]) -> (String, bool) {
    let room = decoder.max_utf8_buffer_length(bytes.len()).unwrap_or(0);
    let mut text = String::with_capacity(room);
    let (_, _, is_bad) = decoder.decode_to_string(bytes, &mut text, false);
    (text, is_bad)
}

/// Valid, or cut in the middle of the last character.
fn is_utf8(bytes: &[u8]) -> bool {
    str::from_utf8(bytes).map_or_else(|error| error.error_len().is_none(), |_| true)
}

/// The charset parameter of a content type.
fn charset(content_type: &str) -> Option<String> {
    content_type.split(';').skip(1).find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        let value = value.trim_ascii().trim_matches(['"', '\'']);
        let is_charset = name.trim_ascii().eq_ignore_ascii_case("charset");
        (is_charset && !value.is_empty()).then(|| value.to_owned())
    })
}

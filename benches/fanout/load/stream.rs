//! Checks one stream of events, in whatever pieces it arrives: numbers rise by one, or a
//! `fantail.gap` has announced that they do not.

use super::tally::Tally;
use crate::wire::EVENT_END;

#[derive(Debug, Default)]
pub(super) struct Stream {
    last: Option<u64>,
    gap_announced: bool,
    /// The newest id, as it came, for whoever will come back.
    id: Option<Vec<u8>>,
    /// Length of the latest event: the next one mostly has the same.
    usual_length: usize,
}

enum Frame<'a> {
    Numbered {
        number: u64,
        stamp: &'a [u8],
    },
    Gap,
    /// Comments alone, as some hubs greet.
    Comment,
    Unknown,
}

impl Stream {
    /// Remembers the newest id.
    pub(super) fn that_resumes() -> Self {
        Self {
            id: Some(Vec::new()),
            ..Self::default()
        }
    }

    /// What to come back with; `None` before the first event.
    pub(super) fn last_id(&self) -> Option<&[u8]> {
        self.id.as_deref().filter(|id| !id.is_empty())
    }

    /// The number of the latest event.
    pub(super) fn last(&self) -> Option<u64> {
        self.last
    }

    /// Takes every complete event; returns how many bytes that were.
    pub(super) fn take(&mut self, bytes: &[u8], now_ns: u64, tally: &mut Tally) -> usize {
        let mut at = 0;
        let mut newest = None;
        while let Some(length) = event_length(&bytes[at..], self.usual_length) {
            let frame = &bytes[at..at + length];
            if let Some(kept) = &mut self.id
                && let Some(id) = id_of(frame)
            {
                kept.clear();
                kept.extend_from_slice(id);
            }
            match read_frame(frame) {
                Frame::Numbered { number, stamp } => {
                    self.note(number, tally);
                    tally.note_arrival(number, stamp, now_ns);
                    newest = Some(stamp);
                    self.usual_length = length;
                }
                Frame::Gap => {
                    self.gap_announced = true;
                    tally.gap_events += 1;
                }
                Frame::Comment => {}
                Frame::Unknown => tally.malformed += 1,
            }
            at += length;
        }
        if let Some(stamp) = newest {
            tally.note_latency(stamp, now_ns);
        }
        at
    }

    fn note(&mut self, number: u64, tally: &mut Tally) {
        tally.events += 1;
        let expected = self.last.map_or(number, |last| last + 1);
        if number == expected {
            self.last = Some(number);
        } else if number > expected {
            let missed = number - expected;
            if self.gap_announced {
                tally.missed_announced += missed;
            } else {
                tally.missed_silently += missed;
            }
            self.last = Some(number);
        } else if number + 1 == expected {
            tally.duplicates += 1;
        } else {
            tally.disordered += 1;
        }
        self.gap_announced = false;
    }
}

/// The length of the complete event at the start of `bytes`, its blank line included.
fn event_length(bytes: &[u8], usual: usize) -> Option<usize> {
    let ends_as_usual = usual > EVENT_END.len()
        && bytes.get(usual - EVENT_END.len()..usual) == Some(EVENT_END)
        && bytes.starts_with(b"id: ");
    if ends_as_usual {
        return Some(usual);
    }
    memchr::memmem::find(bytes, EVENT_END).map(|at| at + EVENT_END.len())
}

fn read_frame(frame: &[u8]) -> Frame<'_> {
    match plain_frame(frame) {
        Some((number, stamp)) => Frame::Numbered { number, stamp },
        None => unusual_frame(frame),
    }
}

/// An id and one line of data, as nearly all frames are: read without looking at the padding.
fn plain_frame(frame: &[u8]) -> Option<(u64, &[u8])> {
    let id = frame.strip_prefix(b"id: ")?;
    let end = id.iter().position(|byte| *byte == b'\n')?;
    leading_number(id[end..].strip_prefix(b"\ndata: ")?)
}

/// With comments, `retry:` or `event:` before the data.
fn unusual_frame(frame: &[u8]) -> Frame<'_> {
    for line in frame.split(|byte| *byte == b'\n') {
        if line == b"event: fantail.gap" {
            return Frame::Gap;
        }
        if let Some((number, stamp)) = line.strip_prefix(b"data: ").and_then(leading_number) {
            return Frame::Numbered { number, stamp };
        }
    }
    let is_comment = |line: &[u8]| line.is_empty() || line.starts_with(b":");
    if frame.split(|byte| *byte == b'\n').all(is_comment) {
        return Frame::Comment;
    }
    Frame::Unknown
}

fn id_of(frame: &[u8]) -> Option<&[u8]> {
    let mut lines = frame.split(|byte| *byte == b'\n');
    lines.find_map(|line| line.strip_prefix(b"id: "))
}

/// The number at the start, and what follows the space after it.
pub(super) fn leading_number(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut number = 0_u64;
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            b'0'..=b'9' => number = number.wrapping_mul(10).wrapping_add(u64::from(byte - b'0')),
            b' ' if at > 0 => return Some((number, &bytes[at + 1..])),
            _ => return None,
        }
    }
    None
}

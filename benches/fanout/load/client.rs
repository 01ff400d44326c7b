//! One connection: its head, then its stream; or one that never reads.

use std::io::ErrorKind;

use mio::event::Event;

use super::chunks::Chunks;
use super::link::Link;
use super::stream::Stream;
use super::tally::Tally;
use crate::clock::now_ns;
use crate::wire;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Reader,
    Stalled,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Alive,
    Ended,
}

#[derive(Debug)]
enum State {
    Head,
    Stream(Stream),
    NeverReads,
}

#[derive(Debug)]
pub(super) struct Client {
    link: Link,
    state: State,
    /// The start of what is not complete yet: a head or an event.
    cut: Vec<u8>,
    /// If the stream comes in chunks.
    chunks: Option<Chunks>,
}

impl Client {
    pub(super) fn new(link: Link, kind: Kind) -> Self {
        let state = match kind {
            Kind::Reader => State::Head,
            Kind::Stalled => State::NeverReads,
        };
        Self {
            link,
            state,
            cut: Vec::new(),
            chunks: None,
        }
    }

    pub(super) fn kind(&self) -> Kind {
        match self.state {
            State::NeverReads => Kind::Stalled,
            State::Head | State::Stream(_) => Kind::Reader,
        }
    }

    pub(super) fn waits_for_head(&self) -> bool {
        matches!(self.state, State::Head)
    }

    pub(super) fn attend(&mut self, event: &Event, buffer: &mut [u8], tally: &mut Tally) -> Fate {
        if self.kind() == Kind::Stalled {
            let ended = event.is_read_closed() || event.is_error();
            return if ended { Fate::Ended } else { Fate::Alive };
        }
        loop {
            let kept = self.cut.len();
            if kept >= buffer.len() {
                tally.malformed += 1;
                return Fate::Ended;
            }
            buffer[..kept].copy_from_slice(&self.cut);
            let length = match self.link.read(&mut buffer[kept..]) {
                Ok(0) => return Fate::Ended,
                Ok(length) => length,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Fate::Alive,
                Err(_) => return Fate::Ended,
            };
            tally.note_read(length);
            let filled = kept + length;
            let unwrapped = self.unwrap(&mut buffer[kept..filled]);
            if !self.take(&mut buffer[..kept + unwrapped], tally) {
                return Fate::Ended;
            }
            // A short read has emptied the socket, so the next edge is still to come; only an end
            // that was announced with this edge would not be announced again.
            if filled < buffer.len()
                && !event.is_read_closed()
                && self.link.is_emptied_by_a_short_read()
            {
                return Fate::Alive;
            }
        }
    }

    /// The length of what is left without the framing of chunks.
    fn unwrap(&mut self, fresh: &mut [u8]) -> usize {
        match &mut self.chunks {
            Some(chunks) => chunks.unwrap(fresh),
            None => fresh.len(),
        }
    }

    /// Whether the peer keeps to the protocol.
    fn take(&mut self, bytes: &mut [u8], tally: &mut Tally) -> bool {
        let mut rest = &*bytes;
        if self.waits_for_head()
            && let Some(length) = wire::head_length(bytes)
        {
            let (head, body) = bytes.split_at_mut(length);
            if !wire::opens_stream(head) {
                tally.refused += 1;
                return false;
            }
            self.state = State::Stream(Stream::default());
            self.chunks = wire::is_chunked(head).then(Chunks::new);
            let unwrapped = self.unwrap(body);
            rest = &body[..unwrapped];
        }
        if let State::Stream(stream) = &mut self.state {
            let taken = stream.take(rest, now_ns(), tally);
            rest = &rest[taken..];
        }
        self.cut.clear();
        self.cut.extend_from_slice(rest);
        true
    }
}

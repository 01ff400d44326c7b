//! One connection: its head, then its stream; or one that never reads.

use std::io::ErrorKind;
use std::mem;

use mio::event::Event;

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
    /// The stream so far is that of the connection before this one.
    Head(Stream),
    Stream(Stream),
    NeverReads,
}

/// Who is to connect, and where its stream stands.
#[derive(Debug, Default)]
pub(super) struct Newcomer {
    pub(super) topic: usize,
    stream: Stream,
}

impl Newcomer {
    pub(super) fn of_topic(topic: usize) -> Self {
        let stream = Stream::default();
        Self { topic, stream }
    }

    /// The number of the last event that it has seen.
    pub(super) fn last(&self) -> Option<u64> {
        self.stream.last()
    }
}

#[derive(Debug)]
pub(super) struct Client {
    link: Link,
    topic: usize,
    state: State,
    /// The start of what is not complete yet: a head or an event.
    cut: Vec<u8>,
}

impl Client {
    pub(super) fn new(link: Link, kind: Kind, who: Newcomer) -> Self {
        let state = match kind {
            Kind::Reader => State::Head(who.stream),
            Kind::Stalled => State::NeverReads,
        };
        Self {
            link,
            topic: who.topic,
            state,
            cut: Vec::new(),
        }
    }

    /// Its connection is closed; it may come back and go on.
    pub(super) fn leave(self) -> Newcomer {
        let stream = match self.state {
            State::Head(stream) | State::Stream(stream) => stream,
            State::NeverReads => Stream::default(),
        };
        let topic = self.topic;
        Newcomer { topic, stream }
    }

    pub(super) fn last(&self) -> Option<u64> {
        match &self.state {
            State::Head(stream) | State::Stream(stream) => stream.last(),
            State::NeverReads => None,
        }
    }

    pub(super) fn kind(&self) -> Kind {
        match self.state {
            State::NeverReads => Kind::Stalled,
            State::Head(_) | State::Stream(_) => Kind::Reader,
        }
    }

    pub(super) fn waits_for_head(&self) -> bool {
        matches!(self.state, State::Head(_))
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
            if !self.take(&buffer[..filled], tally) {
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

    /// Whether the peer keeps to the protocol.
    fn take(&mut self, bytes: &[u8], tally: &mut Tally) -> bool {
        let mut rest = bytes;
        if let State::Head(stream) = &mut self.state
            && let Some(length) = wire::head_length(bytes)
        {
            if !wire::opens_stream(&bytes[..length]) {
                tally.refused += 1;
                return false;
            }
            self.state = State::Stream(mem::take(stream));
            rest = &bytes[length..];
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

//! One connection: its head, then its stream; or one that never reads; or many streams over HTTP/2.

use std::io::ErrorKind;
use std::mem;

use mio::event::Event;
use mio::net::TcpStream;
use rustls::HandshakeKind;

use super::chunks::Chunks;
use super::h2::Session;
use super::link::Link;
use super::stream::Stream;
use super::tally::Tally;
use crate::clock::now_ns;
use crate::wire;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Reader,
    /// Reads a little at a time, less than comes.
    Slow,
    /// Never reads.
    Stalled,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Alive,
    Ended,
}

/// How many are on a connection: one, but over HTTP/2.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Members {
    pub(super) readers: usize,
    pub(super) slow: usize,
    pub(super) stalled: usize,
}

impl Members {
    pub(super) fn all(self) -> usize {
        self.readers + self.slow + self.stalled
    }
}

#[derive(Debug)]
enum State {
    /// With the stream as it was before, for who comes back.
    Head(Stream),
    Stream(Stream),
    NeverReads,
    Http2(Box<Session>),
}

/// Who is to connect, and where its stream stands.
#[derive(Debug, Default)]
pub(super) struct Newcomer {
    pub(super) topic: usize,
    stream: Stream,
}

impl Newcomer {
    pub(super) fn of_topic(topic: usize, comes_back: bool) -> Self {
        let stream = if comes_back {
            Stream::that_resumes()
        } else {
            Stream::default()
        };
        Self { topic, stream }
    }

    /// The id of the last event that it has seen, as it came.
    pub(super) fn last_id(&self) -> Option<&[u8]> {
        self.stream.last_id()
    }
}

#[derive(Debug)]
pub(super) struct Client {
    link: Link,
    topic: usize,
    is_slow: bool,
    state: State,
    /// The start of what is not complete yet: a head or an event.
    cut: Vec<u8>,
    /// If the stream comes in chunks.
    chunks: Option<Chunks>,
}

impl Client {
    pub(super) fn new(link: Link, kind: Kind, who: Newcomer) -> Self {
        let state = match kind {
            Kind::Reader | Kind::Slow => State::Head(who.stream),
            Kind::Stalled => State::NeverReads,
        };
        Self {
            link,
            topic: who.topic,
            is_slow: kind == Kind::Slow,
            state,
            cut: Vec::new(),
            chunks: None,
        }
    }

    /// Cuts the connection, without a word to the peer. It may come back and go on.
    pub(super) fn leave(self) -> Newcomer {
        let stream = match self.state {
            State::Head(stream) | State::Stream(stream) => stream,
            State::NeverReads | State::Http2(_) => Stream::default(),
        };
        let topic = self.topic;
        Newcomer { topic, stream }
    }

    /// The number of the last event that it has seen.
    pub(super) fn last(&self) -> Option<u64> {
        match &self.state {
            State::Head(stream) | State::Stream(stream) => stream.last(),
            State::NeverReads | State::Http2(_) => None,
        }
    }

    pub(super) fn multiplexed(link: Link, members: Members) -> Self {
        Self {
            link,
            topic: 0,
            is_slow: false,
            state: State::Http2(Box::new(Session::new(members))),
            cut: Vec::new(),
            chunks: None,
        }
    }

    /// Those who are still being served, as far as they know.
    pub(super) fn members(&self) -> Members {
        let mut members = Members::default();
        match &self.state {
            State::Http2(session) => return session.alive(),
            State::NeverReads => members.stalled = 1,
            State::Head(_) | State::Stream(_) if self.is_slow => members.slow = 1,
            State::Head(_) | State::Stream(_) => members.readers = 1,
        }
        members
    }

    /// Whether it has not all been asked and answered.
    pub(super) fn is_on_its_way(&self) -> bool {
        match &self.state {
            State::Head(_) => true,
            State::Stream(_) => false,
            State::NeverReads => self.link.is_shaking_hands(),
            State::Http2(session) => session.waits_for_answers(),
        }
    }

    /// For the registry.
    pub(super) fn socket(&mut self) -> &mut TcpStream {
        &mut self.link.socket
    }

    /// `None` without TLS, and until it is settled.
    pub(super) fn handshake(&self) -> Option<HandshakeKind> {
        self.link.handshake()
    }

    pub(super) fn attend(&mut self, event: &Event, buffer: &mut [u8], tally: &mut Tally) -> Fate {
        if matches!(self.state, State::NeverReads) && !self.link.is_shaking_hands() {
            let ended = event.is_read_closed() || event.is_error();
            return if ended { Fate::Ended } else { Fate::Alive };
        }
        if self.is_slow && !self.link.is_shaking_hands() {
            // It reads when it is time to, and not when there is something.
            return Fate::Alive;
        }
        loop {
            let filled = match self.read(buffer, usize::MAX, tally) {
                Ok(filled) => filled,
                Err(fate) => return fate,
            };
            // Only an end that was announced with this edge would not be announced again.
            if filled < buffer.len() && !event.is_read_closed() && self.link.is_emptied() {
                return Fate::Alive;
            }
        }
    }

    /// A slow one reads at most so much.
    pub(super) fn sip(&mut self, most: usize, buffer: &mut [u8], tally: &mut Tally) -> Fate {
        match self.read(buffer, most, tally) {
            Ok(_) => Fate::Alive,
            Err(fate) => fate,
        }
    }

    /// Reads once. How much of the buffer was used; or what becomes of it now.
    fn read(&mut self, buffer: &mut [u8], most: usize, tally: &mut Tally) -> Result<usize, Fate> {
        let kept = self.cut.len();
        if kept >= buffer.len() {
            tally.malformed += 1;
            return Err(Fate::Ended);
        }
        buffer[..kept].copy_from_slice(&self.cut);
        let end = buffer.len().min(kept.saturating_add(most));
        let length = match self.link.read(&mut buffer[kept..end]) {
            Ok(0) => return Err(Fate::Ended),
            Ok(length) => length,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Err(Fate::Alive),
            Err(error) => {
                tally.trouble = Some(error.to_string());
                return Err(Fate::Ended);
            }
        };
        tally.note_read(length);
        let filled = kept + length;
        let unwrapped = self.unwrap(&mut buffer[kept..filled]);
        let keeps_on = self.take(&mut buffer[..kept + unwrapped], tally);
        if !keeps_on || self.chunks.is_some_and(Chunks::are_over) {
            return Err(Fate::Ended);
        }
        Ok(filled)
    }

    /// The length of what is left without the framing of chunks.
    fn unwrap(&mut self, fresh: &mut [u8]) -> usize {
        match &mut self.chunks {
            Some(chunks) => chunks.unwrap(fresh),
            None => fresh.len(),
        }
    }

    /// Whether the peer keeps to the protocol, and has anybody left to serve.
    fn take(&mut self, bytes: &mut [u8], tally: &mut Tally) -> bool {
        let mut rest = &*bytes;
        if let State::Head(stream) = &mut self.state
            && let Some(length) = wire::head_length(bytes)
        {
            let (head, body) = bytes.split_at_mut(length);
            if !wire::opens_stream(head) {
                tally.refused += 1;
                return false;
            }
            self.state = State::Stream(mem::take(stream));
            self.chunks = wire::is_chunked(head).then(Chunks::new);
            let unwrapped = self.unwrap(body);
            rest = &body[..unwrapped];
        }
        match &mut self.state {
            State::Stream(stream) => rest = &rest[stream.take(rest, now_ns(), tally)..],
            State::Http2(session) => {
                let mut answer = Vec::new();
                let Ok(taken) = session.take(rest, tally, &mut answer) else {
                    tally.malformed += 1;
                    tally.trouble = Some("these are no frames of HTTP/2".to_owned());
                    return false;
                };
                rest = &rest[taken..];
                let is_heard = answer.is_empty() || self.link.send(&answer).is_ok();
                if !is_heard || session.alive().all() == 0 {
                    return false;
                }
            }
            State::Head(_) => {}
            // It has done so for the handshake, which is over.
            State::NeverReads => rest = &[],
        }
        self.cut.clear();
        self.cut.extend_from_slice(rest);
        true
    }
}

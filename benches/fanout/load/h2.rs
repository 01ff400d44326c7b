//! One connection of HTTP/2 from the client's side: several streams of events on one link.
//!
//! Our own, because a client library would cost the load's core more than what it measures.

use super::client::Members;
use super::frame::{self, Broken, FIRST_WINDOW, Frame};
use super::hpack;
use super::stream::Stream;
use super::tally::Tally;
use crate::clock::now_ns;

/// As large as a browser's (Chrome 130), so that updates are as rare.
const STREAM_WINDOW: u32 = 6 << 20;
const CONNECTION_WINDOW: u32 = 15 << 20;

/// What somebody who never reads has room for: as little as the receive buffer of one over
/// HTTP/1.1.
const STALLED_WINDOW: u32 = 4096;

/// An event that is not complete with so many bytes is none.
const LONGEST_EVENT: usize = 512 << 10;

#[derive(Debug, PartialEq, Eq)]
enum Course {
    Asked,
    Open,
    Ended,
}

/// One stream: a client of its own for whoever counts.
#[derive(Debug)]
struct Member {
    course: Course,
    is_stalled: bool,
    stream: Stream,
    /// The start of an event that is not complete yet.
    cut: Vec<u8>,
    /// Received and not yet given back to the window.
    used: u32,
}

#[derive(Debug)]
pub(super) struct Session {
    members: Vec<Member>,
    alive: Members,
    /// Readers without an answer.
    asked: usize,
    used: u32,
    /// Whether the peer has said SETTINGS, with which it must begin.
    is_greeted: bool,
    /// Where a header block goes on in CONTINUATION.
    headers: Option<Headers>,
}

#[derive(Debug)]
struct Headers {
    stream: u32,
    ends_stream: bool,
    block: Vec<u8>,
}

impl Session {
    /// The stalled members come first.
    pub(super) fn new(members: Members) -> Self {
        let member = |nth| Member {
            course: Course::Asked,
            is_stalled: nth < members.stalled,
            stream: Stream::default(),
            cut: Vec::new(),
            used: 0,
        };
        Self {
            members: (0..members.all()).map(member).collect(),
            alive: members,
            asked: members.readers,
            used: 0,
            is_greeted: false,
            headers: None,
        }
    }

    /// All that is said before anything is heard.
    pub(super) fn opening(members: Members, path: &str, authority: &str) -> Vec<u8> {
        let everyone_reads = members.stalled == 0;
        let window = if everyone_reads {
            STREAM_WINDOW
        } else {
            STALLED_WINDOW
        };
        let mut out = frame::PREFACE.to_vec();
        let settings = [
            // Only the first field of an answer is read, so nothing of it needs to be remembered.
            (frame::HEADER_TABLE_SIZE, 0),
            (frame::ENABLE_PUSH, 0),
            (frame::INITIAL_WINDOW_SIZE, window),
        ];
        frame::write_settings(&mut out, &settings);
        frame::write_window_update(&mut out, 0, CONNECTION_WINDOW - FIRST_WINDOW);
        let block = hpack::subscription(path, authority);
        for nth in 0..members.all() {
            let stream = number(nth);
            frame::write_request(&mut out, stream, &block);
            if window < STREAM_WINDOW && nth >= members.stalled {
                frame::write_window_update(&mut out, stream, STREAM_WINDOW - window);
            }
        }
        out
    }

    /// Those whose stream has not ended.
    pub(super) fn alive(&self) -> Members {
        self.alive
    }

    pub(super) fn waits_for_answers(&self) -> bool {
        self.asked > 0 || !self.is_greeted
    }

    /// Takes every complete frame, writes what has to be answered; returns how many bytes it took.
    pub(super) fn take(
        &mut self,
        bytes: &[u8],
        tally: &mut Tally,
        out: &mut Vec<u8>,
    ) -> Result<usize, Broken> {
        let mut at = 0;
        let now_ns = now_ns();
        while let Some(frame) = Frame::read(&bytes[at..])? {
            at += frame.length();
            match frame.kind {
                frame::DATA => self.take_data(&frame, now_ns, tally, out)?,
                _ => self.take_control(&frame, tally, out)?,
            }
        }
        Ok(at)
    }

    fn take_data(
        &mut self,
        frame: &Frame<'_>,
        now_ns: u64,
        tally: &mut Tally,
        out: &mut Vec<u8>,
    ) -> Result<(), Broken> {
        let length = frame.payload.len() as u32;
        give_back(&mut self.used, length, CONNECTION_WINDOW, 0, out);
        let member = member(&mut self.members, frame.stream)?;
        if member.course == Course::Open && !member.is_stalled {
            member.take(frame.content()?, now_ns, tally)?;
            give_back(&mut member.used, length, STREAM_WINDOW, frame.stream, out);
        }
        if frame.has(frame::END_STREAM) {
            self.end(frame.stream)?;
        }
        Ok(())
    }

    fn take_control(
        &mut self,
        frame: &Frame<'_>,
        tally: &mut Tally,
        out: &mut Vec<u8>,
    ) -> Result<(), Broken> {
        let is_ack = frame.has(frame::ACK);
        match frame.kind {
            frame::SETTINGS if !is_ack => {
                self.is_greeted = true;
                frame::write_settings_ack(out);
            }
            _ if !self.is_greeted => return Err(Broken),
            frame::HEADERS => self.take_headers(frame, tally)?,
            frame::CONTINUATION => self.continue_headers(frame, tally)?,
            frame::PING if !is_ack => frame::write_ping_ack(out, frame.payload),
            frame::RST_STREAM => self.end(frame.stream)?,
            frame::GOAWAY => {
                let last = frame.last_stream()?;
                for nth in 0..self.members.len() {
                    if number(nth) > last {
                        self.end(number(nth))?;
                    }
                }
            }
            // It was told not to.
            frame::PUSH_PROMISE => return Err(Broken),
            // Windows do not matter to who sends no body; what is unknown has to be passed over.
            _ => {}
        }
        Ok(())
    }

    fn take_headers(&mut self, frame: &Frame<'_>, tally: &mut Tally) -> Result<(), Broken> {
        let headers = Headers {
            stream: frame.stream,
            ends_stream: frame.has(frame::END_STREAM),
            block: frame.content()?.to_vec(),
        };
        self.answer_or_wait(headers, frame.has(frame::END_HEADERS), tally)
    }

    fn continue_headers(&mut self, frame: &Frame<'_>, tally: &mut Tally) -> Result<(), Broken> {
        const LONGEST_BLOCK: usize = 64 << 10;
        let mut headers = self.headers.take().ok_or(Broken)?;
        headers.block.extend_from_slice(frame.payload);
        if headers.stream != frame.stream || headers.block.len() > LONGEST_BLOCK {
            return Err(Broken);
        }
        self.answer_or_wait(headers, frame.has(frame::END_HEADERS), tally)
    }

    fn answer_or_wait(
        &mut self,
        headers: Headers,
        is_complete: bool,
        tally: &mut Tally,
    ) -> Result<(), Broken> {
        if !is_complete {
            self.headers = Some(headers);
            return Ok(());
        }
        let member = member(&mut self.members, headers.stream)?;
        if member.course == Course::Asked {
            match hpack::status(&headers.block) {
                Some(200) => {
                    member.course = Course::Open;
                    self.asked -= usize::from(!member.is_stalled);
                }
                // The answer is still to come.
                Some(100..=199) => {}
                _ => {
                    tally.refused += 1;
                    self.end(headers.stream)?;
                }
            }
        }
        if headers.ends_stream {
            self.end(headers.stream)?;
        }
        Ok(())
    }

    fn end(&mut self, stream: u32) -> Result<(), Broken> {
        let member = member(&mut self.members, stream)?;
        let was = std::mem::replace(&mut member.course, Course::Ended);
        if was == Course::Ended {
            return Ok(());
        }
        if member.is_stalled {
            self.alive.stalled -= 1;
        } else {
            self.alive.readers -= 1;
            self.asked -= usize::from(was == Course::Asked);
        }
        Ok(())
    }
}

impl Member {
    /// Events begin and end anywhere in DATA; mostly one is one.
    fn take(&mut self, content: &[u8], now_ns: u64, tally: &mut Tally) -> Result<(), Broken> {
        if self.cut.is_empty() {
            let taken = self.stream.take(content, now_ns, tally);
            self.cut.extend_from_slice(&content[taken..]);
        } else {
            self.cut.extend_from_slice(content);
            let taken = self.stream.take(&self.cut, now_ns, tally);
            self.cut.drain(..taken);
        }
        if self.cut.len() > LONGEST_EVENT {
            return Err(Broken);
        }
        Ok(())
    }
}

/// The stream of the `nth` member: those that clients open are odd.
fn number(nth: usize) -> u32 {
    nth as u32 * 2 + 1
}

fn member(members: &mut [Member], stream: u32) -> Result<&mut Member, Broken> {
    if stream.is_multiple_of(2) {
        return Err(Broken);
    }
    members.get_mut(stream as usize / 2).ok_or(Broken)
}

/// Opens the window again when half of it is used.
fn give_back(used: &mut u32, length: u32, window: u32, stream: u32, out: &mut Vec<u8>) {
    *used += length;
    if *used >= window / 2 {
        frame::write_window_update(out, stream, *used);
        *used = 0;
    }
}

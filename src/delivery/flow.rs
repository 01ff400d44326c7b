//! One subscriber on its own way: what it is owed, then frame after frame, until its socket is
//! full or it stands at the live edge.

use std::io;
use std::mem;

use bytes::{Buf, Bytes};

use super::Slow;
use super::gap::Leap;
use super::session::Scratch;
use super::shard::Shard;
use super::subscriber::{Standing, Subscriber};
use crate::log::{Batch, Cursor, Log, Reach, Read};
use crate::metrics::{EndReason, GapCause, MissReason};
use crate::position::Offset;

/// Bytes read from the log for one write. More than a socket takes at once (`unsent_bytes`), so
/// that a fast reader is limited by its socket.
pub(super) const READ_BYTES: usize = 64 << 10;
/// Reads in one visit: a subscriber that takes everything does not keep the others waiting.
const READS: usize = 8;

/// What is left to do for a subscriber in this visit.
enum Next {
    Read,
    Nothing,
}

impl Shard {
    /// Serves a subscriber that is not at the live edge, as far as its socket takes.
    pub(super) fn advance(&mut self, key: usize) {
        for _ in 0..READS {
            if !self.flush(key) {
                return;
            }
            match self.read_on(key) {
                Next::Read => {}
                Next::Nothing => return,
            }
        }
        self.unfinished.push(key);
    }

    /// Writes what is owed. Whether it is all out and the subscriber still there.
    pub(super) fn flush(&mut self, key: usize) -> bool {
        let Some(subscriber) = self.subscribers.get_mut(key) else {
            return false;
        };
        let (sent, has_moved, result) = pay(subscriber, &mut self.scratch);
        if has_moved {
            subscriber.progress = self.now;
        }
        let is_out = subscriber.owed.is_empty() && subscriber.socket.is_clear();
        let index = subscriber.audience;
        let frames = u64::from(is_out && mem::take(&mut subscriber.owes_frame));
        let ending = subscriber.ending.filter(|_| is_out);
        subscriber.blocked = !is_out;
        self.count_sent(index, frames, sent);
        match (result, ending) {
            (Err(error), _) if error.kind() != io::ErrorKind::WouldBlock => {
                self.remove(key, end_of(&error));
                false
            }
            (_, Some(reason)) => {
                self.remove(key, reason);
                false
            }
            _ => is_out,
        }
    }

    fn read_on(&mut self, key: usize) -> Next {
        let Some(subscriber) = self.subscribers.get(key) else {
            return Next::Nothing;
        };
        let Standing::Behind(cursor) = subscriber.standing else {
            return Next::Nothing;
        };
        let index = subscriber.audience;
        let Some(audience) = self.audiences.get(index) else {
            return Next::Nothing;
        };
        if audience.is_reached(cursor) {
            return self.join_edge(key, index, Cursor::at(cursor.offset()));
        }
        let mut batch = mem::take(&mut self.batch);
        let log = audience.topic.log();
        let reach = Reach {
            until: audience.meeting_place(),
            ..Reach::from(READ_BYTES)
        };
        let read = match audience.options.slow {
            Slow::Conflate => log.read_newest(cursor, reach, &mut batch),
            Slow::Skip | Slow::Close => log.read(cursor, reach, &mut batch),
        };
        let next = match read {
            Read::Frames => self.write_on(key, cursor, &batch),
            Read::Empty => self.arrive(key, index, &batch),
            Read::Gap { missed, oldest } => {
                self.fell_off(key, missed, oldest);
                Next::Read
            }
            Read::Sealed => {
                self.end(key, EndReason::UpstreamEnd);
                Next::Nothing
            }
        };
        self.batch = batch;
        next
    }

    fn write_on(&mut self, key: usize, cursor: Cursor, batch: &Batch) -> Next {
        let Some(subscriber) = self.subscribers.get_mut(key) else {
            return Next::Nothing;
        };
        match subscriber.socket.write(batch.bytes(), &mut self.scratch) {
            Ok(written) if written == batch.bytes().len() && subscriber.socket.is_clear() => {
                subscriber.progress = self.now;
                subscriber.standing = Standing::Behind(cursor.moved_to(batch.end()));
                let index = subscriber.audience;
                self.count_sent(index, batch.len() as u64, written);
                self.count_conflated(index, batch.passed_over());
                Next::Read
            }
            result => {
                self.fall_behind(key, batch, result);
                Next::Nothing
            }
        }
    }

    /// The socket took less than the batch: remembers from where the subscriber goes on.
    pub(super) fn fall_behind(&mut self, key: usize, batch: &Batch, result: io::Result<usize>) {
        let written = match result {
            Ok(written) => written,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
            Err(error) => return self.remove(key, end_of(&error)),
        };
        self.leave_edge(key);
        let Some(subscriber) = self.subscribers.get_mut(key) else {
            return;
        };
        let index = subscriber.audience;
        let Some(audience) = self.audiences.get(index) else {
            return;
        };
        let (offset, owed) = batch.split(written);
        let whole = batch.whole(written) as u64;
        subscriber.blocked = true;
        // A subscriber whose place was the group's made its last progress with the last pass.
        subscriber.progress = if written > 0 {
            self.now
        } else {
            subscriber.progress.max(audience.passed_at)
        };
        subscriber.owes_frame = !owed.is_empty();
        subscriber.owed = rest_of(audience.topic.log(), offset, owed);
        let next = if owed.is_empty() {
            offset
        } else {
            offset.next()
        };
        if let Standing::Behind(cursor) = subscriber.standing {
            subscriber.standing = Standing::Behind(cursor.moved_to(next));
        }
        self.count_sent(index, whole, written);
        if batch.passed_over() > 0 {
            self.count_conflated(index, offset.since(batch.first()) - whole);
        }
    }

    /// There was nothing more to be read alone; the end of the batch is behind a snapshot that was
    /// empty, and behind what is replaced.
    fn arrive(&mut self, key: usize, index: usize, batch: &Batch) -> Next {
        let cursor = Cursor::at(batch.end());
        if let Some(subscriber) = self.subscribers.get_mut(key) {
            subscriber.standing = Standing::Behind(cursor);
        }
        self.count_conflated(index, batch.passed_over());
        self.join_edge(key, index, cursor)
    }

    /// Puts a subscriber to the others at the live edge, if it stands where they do. One that has
    /// read what they have not been sent waits until they have been: to send it to them right now
    /// would be a pass for each newcomer, and of a hot topic each would find something new.
    fn join_edge(&mut self, key: usize, index: usize, cursor: Cursor) -> Next {
        let Some(audience) = self.audiences.get_mut(index) else {
            return Next::Nothing;
        };
        if audience.is_ahead(cursor) {
            audience.ahead.push(key);
            return Next::Nothing;
        }
        if !audience.edge.is_empty() && audience.cursor != cursor {
            audience.ahead.push(key);
            self.pass_again(index);
            return Next::Nothing;
        }
        audience.cursor = cursor;
        if let Some(subscriber) = self.subscribers.get_mut(key) {
            subscriber.standing = Standing::AtEdge(audience.edge.len());
            audience.edge.push(key);
        }
        Next::Nothing
    }

    /// The frame that the subscriber would read next has been evicted.
    fn fell_off(&mut self, key: usize, missed: Option<u64>, oldest: Offset) {
        let Some(subscriber) = self.subscribers.get_mut(key) else {
            return;
        };
        let Some(audience) = self.audiences.get(subscriber.audience) else {
            return;
        };
        let options = &audience.options;
        if options.slow == Slow::Close {
            return self.end(key, EndReason::Slow);
        }
        let log = audience.topic.log();
        let leap = Leap::new(options, log, GapCause::Lag, missed, oldest);
        leap.count(audience.metrics(), MissReason::Lag);
        subscriber.standing = Standing::Behind(leap.cursor());
        let mut notice = Vec::new();
        leap.tell(options, &mut notice);
        subscriber.owed = Bytes::from(notice);
    }

    pub(super) fn count_sent(&self, audience: usize, frames: u64, bytes: usize) {
        let Some(audience) = self.audiences.get(audience).filter(|_| bytes > 0) else {
            return;
        };
        let metrics = audience.metrics();
        metrics.frames_delivered.inc_by(frames);
        metrics.sent_bytes.inc_by(bytes as u64);
    }

    pub(super) fn count_conflated(&self, audience: usize, frames: u64) {
        if let Some(audience) = self.audiences.get(audience).filter(|_| frames > 0) {
            audience.topic.count_conflated(frames);
        }
    }
}

/// Writes what waits in the socket, then what is owed, then the goodbye of a stream that ends. The
/// bytes written of what was owed, whether anything went out, and how it ended.
fn pay(subscriber: &mut Subscriber, scratch: &mut Scratch) -> (usize, bool, io::Result<()>) {
    let (mut has_moved, mut result) = subscriber.socket.flush();
    let mut sent = 0;
    while result.is_ok() && !subscriber.owed.is_empty() {
        match subscriber.socket.write(&subscriber.owed, scratch) {
            Ok(0) => result = Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => {
                subscriber.owed.advance(written);
                sent += written;
            }
            Err(error) => result = Err(error),
        }
    }
    if result.is_ok() && subscriber.ending.is_some() {
        subscriber.socket.seal();
        let (moved, flushed) = subscriber.socket.flush();
        (has_moved, result) = (has_moved || moved, flushed);
    }
    (sent, has_moved || sent > 0, result)
}

/// The rest of a frame in flight: the log's own bytes, so that many slow subscribers share them;
/// copied only if the frame has been evicted since the batch was read.
fn rest_of(log: &Log, offset: Offset, owed: &[u8]) -> Bytes {
    if owed.is_empty() {
        return Bytes::new();
    }
    match log.frame(offset) {
        Some(frame) if frame.ends_with(owed) => frame.slice(frame.len() - owed.len()..),
        Some(_) | None => Bytes::copy_from_slice(owed),
    }
}

/// Which way out of a stream a socket error is.
pub(super) fn end_of(error: &io::Error) -> EndReason {
    match error.kind() {
        io::ErrorKind::BrokenPipe
        | io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::NotConnected => EndReason::Client,
        // `TCP_USER_TIMEOUT`: the peer has acknowledged nothing for so long.
        io::ErrorKind::TimedOut => EndReason::Stall,
        _ => EndReason::Error,
    }
}

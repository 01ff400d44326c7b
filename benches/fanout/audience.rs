//! The plainest fan-out there is: one `write()` of the same bytes to every socket.

use std::io::{ErrorKind, Write};

use mio::net::TcpStream;

use crate::wire;

#[derive(Debug)]
struct Member {
    stream: TcpStream,
    /// What the kernel has not taken yet; tried again with the next batch.
    pending: Vec<u8>,
}

#[derive(Debug)]
pub(crate) struct Audience {
    members: Vec<Member>,
    most_pending: usize,
    skipped_batches: u64,
}

impl Audience {
    /// A member with more than `most_pending` bytes behind misses whole batches, which the load
    /// sees as lost events.
    pub(crate) fn new(most_pending: usize) -> Self {
        Self {
            members: Vec::new(),
            most_pending,
            skipped_batches: 0,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.members.len()
    }

    pub(crate) fn bound_pending(&mut self, most_pending: usize) {
        self.most_pending = most_pending;
    }

    pub(crate) fn skipped_batches(&self) -> u64 {
        self.skipped_batches
    }

    /// With the events that a returning member has `missed`.
    pub(crate) fn admit(&mut self, stream: TcpStream, missed: &[u8]) {
        let pending = [wire::STREAM_HEAD, missed].concat();
        let mut member = Member { stream, pending };
        if member.flush() {
            self.members.push(member);
        }
    }

    pub(crate) fn send(&mut self, batch: &[u8]) {
        let mut index = 0;
        while let Some(member) = self.members.get_mut(index) {
            if !member.flush() {
                self.members.swap_remove(index);
                continue;
            }
            if member.pending.len() + batch.len() > self.most_pending {
                self.skipped_batches += 1;
            } else if !member.send(batch) {
                self.members.swap_remove(index);
                continue;
            }
            index += 1;
        }
    }
}

impl Member {
    /// Whether the connection still lives.
    fn flush(&mut self) -> bool {
        if self.pending.is_empty() {
            return true;
        }
        let taken = write_some(&mut self.stream, &self.pending);
        self.pending.drain(..taken.unwrap_or(0));
        taken.is_some()
    }

    /// Whether the connection still lives.
    fn send(&mut self, batch: &[u8]) -> bool {
        let taken = if self.pending.is_empty() {
            write_some(&mut self.stream, batch)
        } else {
            Some(0)
        };
        let rest = taken.map_or(&[][..], |taken| &batch[taken..]);
        self.pending.extend_from_slice(rest);
        taken.is_some()
    }
}

/// How much the kernel took; `None` if the connection is gone.
fn write_some(stream: &mut TcpStream, bytes: &[u8]) -> Option<usize> {
    match stream.write(bytes) {
        Ok(taken) => Some(taken),
        Err(error) if error.kind() == ErrorKind::WouldBlock => Some(0),
        Err(_) => None,
    }
}

//! Publishes events to a hub, in their order: what waits is sent when all before it is answered.
//!
//! Whoever calls must not block: sockets are asked once, and again at the next tick.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddrV4, TcpStream};
use std::time::Duration;

use serde_json::{Value, json};

use super::Dialect;
use crate::clock::now_ns;
use crate::pace::Pace;
use crate::wire;

/// While the hub has not answered, and events wait for that.
const BETWEEN_ASKS: Duration = Duration::from_millis(1);

#[derive(Debug)]
pub(super) struct Publisher {
    dialect: Dialect,
    hub: SocketAddrV4,
    pace: Option<Pace>,
    frame_bytes: usize,
    /// Kept for as long as the hub keeps it.
    stream: Option<TcpStream>,
    /// Whole frames that the hub has not been told of. Bounded by the length of a run.
    waiting: Vec<Vec<u8>>,
    /// Of requests: what the kernel has not taken yet.
    unsent: Vec<u8>,
    answers: Vec<u8>,
    unanswered: usize,
    accepted: u64,
    refused: u64,
    /// Events that nobody was there to take: the source begins before the hub does.
    dropped: u64,
}

impl Publisher {
    pub(super) fn new(
        dialect: Dialect,
        hub: SocketAddrV4,
        pace: Option<Pace>,
        frame_bytes: usize,
    ) -> Self {
        Self {
            dialect,
            hub,
            pace,
            frame_bytes,
            stream: None,
            waiting: Vec::new(),
            unsent: Vec::new(),
            answers: Vec::new(),
            unanswered: 0,
            accepted: 0,
            refused: 0,
            dropped: 0,
        }
    }

    pub(super) fn emitted(&self) -> u64 {
        self.pace.as_ref().map_or(0, Pace::emitted)
    }

    /// How long until something is due; `None` if nothing ever is.
    pub(super) fn wait(&self) -> Option<Duration> {
        if !self.waiting.is_empty() || !self.unsent.is_empty() {
            return Some(BETWEEN_ASKS);
        }
        let pace = self.pace.as_ref()?;
        Some(pace.wait_for_tick(now_ns()))
    }

    pub(super) fn publish_due(&mut self) {
        let now = now_ns();
        if let Some(pace) = &mut self.pace {
            let first = pace.emitted() + 1;
            for number in first..first + pace.take_due(now) {
                let mut frame = Vec::with_capacity(self.frame_bytes);
                wire::write_event(&mut frame, number, now, self.frame_bytes);
                self.waiting.push(frame);
            }
        }
        self.go_on();
    }

    pub(super) fn stats(&self) -> Value {
        json!({
            "accepted": self.accepted,
            "refused": self.refused,
            "dropped": self.dropped,
            "waiting": self.waiting.len(),
        })
    }

    fn go_on(&mut self) {
        if self.exchange().is_err() {
            // Whether the hub took what it has not answered is not known.
            self.refused += self.unanswered as u64;
            self.unanswered = 0;
            self.unsent.clear();
            self.answers.clear();
            self.stream = None;
        }
        if self.unanswered == 0 && !self.waiting.is_empty() {
            self.begin();
        }
    }

    fn begin(&mut self) {
        if self.connect().is_err() {
            self.dropped += self.waiting.len() as u64;
            self.waiting.clear();
            return;
        }
        let count = self.waiting.len().min(self.dialect.most_under_way());
        let frames: Vec<_> = self.waiting.drain(..count).collect();
        (self.unsent, self.unanswered) = self.dialect.requests(&frames, self.hub);
        // An error is met again at the next tick.
        self.send().ok();
    }

    fn connect(&mut self) -> io::Result<()> {
        if self.stream.is_none() {
            let stream = TcpStream::connect(self.hub)?;
            stream.set_nodelay(true)?;
            stream.set_nonblocking(true)?;
            self.stream = Some(stream);
        }
        Ok(())
    }

    /// Sends what is to be sent, reads what has come; an error ends the connection.
    fn exchange(&mut self) -> io::Result<()> {
        self.send()?;
        let mut chunk = [0; 16 << 10];
        let Some(stream) = &mut self.stream else {
            return Ok(());
        };
        let mut ended = loop {
            match stream.read(&mut chunk) {
                Ok(0) => break true,
                Ok(length) => self.answers.extend_from_slice(&chunk[..length]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break false,
                Err(error) => return Err(error),
            }
        };
        while let Some(length) = wire::answer_length(&self.answers)
            && self.answers.len() >= length
        {
            let is_accepted =
                self.answers.starts_with(b"HTTP/1.1 2") || self.answers.starts_with(b"HTTP/1.0 2");
            self.accepted += u64::from(is_accepted);
            self.refused += u64::from(!is_accepted);
            self.unanswered = self.unanswered.saturating_sub(1);
            // Its end may come later than the next event, which would be lost with it.
            ended |= wire::closes(&self.answers[..length]);
            self.answers.drain(..length);
        }
        if ended {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        Ok(())
    }

    fn send(&mut self) -> io::Result<()> {
        let Some(stream) = &mut self.stream else {
            return Ok(());
        };
        while !self.unsent.is_empty() {
            match stream.write(&self.unsent) {
                Ok(taken) => drop(self.unsent.drain(..taken)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

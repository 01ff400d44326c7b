//! One request to a scripted upstream, and what its script can do.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::patience::eventually;
use super::upstream::{Shared, end, lock};

/// One request, and the connection that waits for its answer. Dropping it closes the connection.
pub(crate) struct Exchange {
    /// The head, byte by byte as it came.
    pub(crate) head: String,
    /// How many requests came before it.
    pub(crate) number: usize,
    pub(super) stream: TcpStream,
    pub(super) shared: Arc<Shared>,
}

// === impl Exchange ===

impl Exchange {
    /// Sends these bytes as they are. A gateway that has hung up is no fault.
    pub(crate) fn send(&mut self, text: impl AsRef<[u8]>) {
        drop(self.stream.write_all(text.as_ref()));
    }

    /// Sends this piece until it has sent so many bytes or the gateway hangs up; how many it took.
    pub(crate) fn pour(&mut self, piece: &[u8], total: u64) -> u64 {
        let mut sent = 0;
        while sent < total {
            let left = usize::try_from(total - sent).unwrap_or(usize::MAX);
            let next = &piece[..piece.len().min(left)];
            if self.stream.write_all(next).is_err() {
                break;
            }
            sent += next.len() as u64;
        }
        sent
    }

    /// Says nothing for this time; `false` once either side has closed.
    pub(crate) fn rest_for(&mut self, time: Duration) -> bool {
        self.stream.set_read_timeout(Some(time)).unwrap();
        !matches!(self.stream.read(&mut [0]), Ok(0))
    }

    /// Sends one chunk of a `Transfer-Encoding: chunked` body; an empty one ends it.
    pub(crate) fn send_chunk(&mut self, text: &str) {
        self.send(format!("{:x}\r\n{text}\r\n", text.len()));
    }

    /// Says this, and then what the test emits; nothing is emitted in between, or unheard.
    pub(crate) fn stream_after(self, head: &str) {
        let mut clone = self.stream.try_clone().unwrap();
        let mut streams = lock(&self.shared.streams);
        drop(clone.write_all(head.as_bytes()));
        streams.push((self.number, clone));
        drop(streams);
        self.hold();
    }

    /// Says what the test emits from here on, until either side closes.
    pub(crate) fn stream(self) {
        let clone = self.stream.try_clone().unwrap();
        lock(&self.shared.streams).push((self.number, clone));
        self.hold();
    }

    /// Says nothing until either side closes.
    pub(crate) fn hold(mut self) {
        let mut byte = [0];
        while self.stream.read(&mut byte).is_ok_and(|read| read > 0) {}
    }

    /// Reads so many bytes of what comes behind the request, or up to the end; how many came.
    pub(crate) fn discard(&mut self, length: u64) -> u64 {
        let mut body = Read::by_ref(&mut self.stream).take(length);
        std::io::copy(&mut body, &mut std::io::sink()).unwrap_or(0)
    }

    /// The next bytes behind the request must be these.
    #[track_caller]
    pub(crate) fn expect_bytes(&mut self, expected: &str) {
        let mut bytes = vec![0; expected.len()];
        drop(self.stream.read_exact(&mut bytes));
        assert_eq!(String::from_utf8_lossy(&bytes), expected);
    }

    /// Whether something has come behind the request; waits a moment for it.
    pub(crate) fn has_bytes(&self) -> bool {
        let moment = Some(Duration::from_millis(50));
        self.stream.set_read_timeout(moment).unwrap();
        let has = self.stream.peek(&mut [0]).is_ok_and(|read| read > 0);
        self.stream.set_read_timeout(None).unwrap();
        has
    }

    /// Sends back what comes, until the other side ends.
    pub(crate) fn echo(mut self) {
        let mut reader = self.stream.try_clone().unwrap();
        drop(std::io::copy(&mut reader, &mut self.stream));
    }

    /// What comes behind the request, until either side closes.
    pub(crate) fn rest(mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        // Cut off or not: what came before counts.
        drop(self.stream.read_to_end(&mut rest));
        rest
    }

    /// Waits for the test, which makes the condition true.
    #[expect(clippy::unused_self, reason = "reads as what the script does")]
    pub(crate) fn wait(&self, condition: &AtomicBool) {
        eventually("the test lets the upstream go on", || {
            condition.load(Ordering::SeqCst)
        });
    }

    /// Cuts the connection with a reset, whatever has been sent.
    pub(crate) fn reset(self) {
        end(&self.stream, true);
    }

    /// A value of the request's head; `None` = no such header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(':'));
        let line = lines.find(|(key, _)| key.eq_ignore_ascii_case(name));
        line.map(|(_, value)| value.trim())
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        for list in [&self.shared.streams, &self.shared.open] {
            lock(list).retain(|(number, _)| *number != self.number);
        }
    }
}

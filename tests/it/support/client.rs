//! A raw client: it sees bytes, and reads events by a few lines of its own.

use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::net::{Shutdown, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use fantail::clock;
use rustls::ClientConfig;
use socket2::{Domain, SockAddr, Socket, Type};

use super::patience::patience;
use super::way;
use super::wire::Wire;

/// A connection that has been answered.
pub(crate) struct Client {
    /// The status.
    pub(crate) status: u16,
    /// Status line and headers, the blank line included.
    pub(crate) head: String,
    /// The last `retry:` that came, in milliseconds.
    pub(crate) retry: Option<u64>,
    wire: Wire,
    /// What has been received and not looked at.
    received: VecDeque<u8>,
    is_over: bool,
}

/// One event, as it came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) id: Option<String>,
    pub(crate) name: String,
    pub(crate) data: String,
    /// The whole block, the blank line included.
    pub(crate) raw: String,
}

// === impl Client ===

impl Client {
    /// A connection on which nothing has been said.
    pub(crate) fn raw(address: SocketAddr) -> Self {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None).unwrap();
        socket.connect(&address.into()).unwrap();
        Self::at(socket, address)
    }

    /// Likewise by TLS, for this name; or why that failed.
    pub(crate) fn secure(
        address: SocketAddr,
        config: &Arc<ClientConfig>,
        name: &str,
    ) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None).unwrap();
        socket.connect(&address.into()).unwrap();
        Wire::secure(socket, Arc::clone(config), name).map(Self::through)
    }

    /// Likewise, through a Unix socket.
    pub(crate) fn unix(path: &Path) -> Self {
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
        socket.connect(&SockAddr::unix(path).unwrap()).unwrap();
        Self::over(socket)
    }

    /// Over a socket that is connected to this address: by TLS, if that is spoken there.
    pub(super) fn at(socket: Socket, address: SocketAddr) -> Self {
        let Some(config) = way::config_at(address) else {
            return Self::over(socket);
        };
        socket.set_tcp_nodelay(true).unwrap();
        if config.alpn_protocols.is_empty() {
            Self::through(Wire::secure(socket, config, "localhost").unwrap())
        } else {
            Self::through(Wire::http2(socket, config))
        }
    }

    /// For another request of the same connection, which speaks HTTP/2.
    pub(crate) fn beside(&self) -> Self {
        Self::through(self.wire.beside())
    }

    fn over(socket: Socket) -> Self {
        if let Ok(true) = socket.local_addr().map(|address| !address.is_unix()) {
            socket.set_tcp_nodelay(true).unwrap();
        }
        Self::through(Wire::plain(socket))
    }

    fn through(wire: Wire) -> Self {
        Self {
            status: 0,
            head: String::new(),
            retry: None,
            wire,
            received: VecDeque::new(),
            is_over: false,
        }
    }

    /// What it speaks through.
    pub(crate) fn wire(&mut self) -> &mut Wire {
        &mut self.wire
    }

    /// Sends bytes. A gateway that has hung up is no fault here; it shows in what is read.
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        drop(self.wire.write_all(bytes.as_ref()));
    }

    /// Closes its own side, and goes on reading.
    pub(crate) fn close_write(&self) {
        self.wire.socket.shutdown(Shutdown::Write).unwrap();
    }

    /// Leaves with a reset: of the connection, or with HTTP/2 of the stream.
    pub(crate) fn reset(self) {
        self.wire.reset();
    }

    /// Whether a connection by TLS has ended without a goodbye, or a stream without `END_STREAM`.
    pub(crate) fn is_cut(&self) -> bool {
        self.is_over && self.wire.is_cut()
    }

    /// Reads the head of an answer into `head` and `status`.
    #[track_caller]
    pub(crate) fn read_head(&mut self) {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            match self.byte() {
                Some(byte) => head.push(byte),
                None => panic!("no head: {:?}", String::from_utf8_lossy(&head)),
            }
        }
        self.head = String::from_utf8(head).unwrap();
        self.status = self.head[9..12].parse().unwrap();
    }

    /// The status of an answer whose head is read; `None` = the connection is closed without one.
    #[track_caller]
    pub(crate) fn try_status(&mut self) -> Option<u16> {
        let first = self.byte()?;
        self.received.push_front(first);
        self.read_head();
        Some(self.status)
    }

    /// Whether the other side has closed, and nothing is left to read; waits for either.
    #[track_caller]
    pub(crate) fn is_ended(&mut self) -> bool {
        match self.byte() {
            Some(byte) => {
                self.received.push_front(byte);
                false
            }
            None => true,
        }
    }

    /// Whether the other side is known to have closed; does not wait.
    pub(crate) fn is_ended_now(&self) -> bool {
        self.is_over
    }

    /// A value of the answer's head.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(':'));
        let line = lines.find(|(key, _)| key.eq_ignore_ascii_case(name));
        line.map(|(_, value)| value.trim())
    }

    /// The body, by its `Content-Length`; without one, all that comes.
    #[track_caller]
    pub(crate) fn body(&mut self) -> String {
        let length = self
            .header("content-length")
            .map(|text| text.parse().unwrap());
        let length: usize = length.unwrap_or(usize::MAX);
        let mut body = Vec::new();
        while body.len() < length {
            match self.byte() {
                Some(byte) => body.push(byte),
                None => break,
            }
        }
        String::from_utf8(body).unwrap()
    }

    /// All bytes up to the end.
    #[track_caller]
    pub(crate) fn body_bytes(&mut self) -> Vec<u8> {
        std::iter::from_fn(|| self.byte()).collect()
    }

    /// Reads the body by its `Content-Length` and forgets it; how many bytes came.
    #[track_caller]
    pub(crate) fn discard(&mut self) -> u64 {
        let length: u64 = self.header("content-length").unwrap().parse().unwrap();
        let mut read = 0;
        while read < length && !(self.is_over && self.received.is_empty()) {
            read += self.received.len() as u64;
            self.received.clear();
            if read < length {
                assert!(self.fill(patience()), "nothing came in time");
            }
        }
        read
    }

    /// The next lines must be exactly these bytes.
    #[track_caller]
    pub(crate) fn expect_bytes(&mut self, expected: &str) {
        let mut bytes = Vec::new();
        while bytes.len() < expected.len() {
            match self.byte() {
                Some(byte) => bytes.push(byte),
                None => break,
            }
        }
        assert_eq!(String::from_utf8_lossy(&bytes), expected);
    }

    /// The next line with its LF; `None` = the end.
    #[track_caller]
    pub(crate) fn line(&mut self) -> Option<String> {
        let mut line = Vec::new();
        while !line.ends_with(b"\n") {
            match self.byte() {
                Some(byte) => line.push(byte),
                None if line.is_empty() => return None,
                None => panic!("cut within a line: {:?}", String::from_utf8_lossy(&line)),
            }
        }
        Some(String::from_utf8(line).unwrap())
    }

    /// The next event, whatever stands before it; `None` = the end, at a boundary.
    #[track_caller]
    pub(crate) fn event(&mut self) -> Option<Event> {
        let mut event = Event::default();
        let mut data: Vec<String> = Vec::new();
        let deadline = clock::now() + patience();
        loop {
            // Heartbeats alone do not keep a test waiting.
            assert!(clock::now() < deadline, "no event came in time");
            let Some(line) = self.line() else {
                assert_eq!(event.raw, "", "cut within an event");
                return None;
            };
            let text = line.trim_end_matches('\n');
            if let Some(retry) = text.strip_prefix("retry: ") {
                self.retry = Some(retry.parse().unwrap());
                continue;
            }
            if text.starts_with(':') || (text.is_empty() && event.raw.is_empty()) {
                continue;
            }
            event.raw.push_str(&line);
            let (name, value) = text.split_once(':').unwrap_or((text, ""));
            match (name, value.strip_prefix(' ').unwrap_or(value)) {
                ("", _) => {
                    event.data = data.join("\n");
                    return Some(event);
                }
                ("id", id) => event.id = Some(id.to_owned()),
                ("event", name) => name.clone_into(&mut event.name),
                ("data", line) => data.push(line.to_owned()),
                other => panic!("a line that no event has: {other:?}"),
            }
        }
    }

    /// The next event, which must come.
    #[track_caller]
    pub(crate) fn next_event(&mut self) -> Event {
        self.event().expect("another event before the end")
    }

    /// The data of the next `count` events.
    #[track_caller]
    pub(crate) fn data(&mut self, count: usize) -> Vec<String> {
        (0..count).map(|_| self.next_event().data).collect()
    }

    /// All events up to the end.
    #[track_caller]
    pub(crate) fn rest(&mut self) -> Vec<Event> {
        let events = std::iter::from_fn(|| self.event()).collect();
        assert!(!self.is_cut(), "cut without a goodbye");
        events
    }

    /// No event comes any more, and the stream ends, by TLS with a goodbye.
    #[track_caller]
    pub(crate) fn expect_end(&mut self) {
        assert_eq!(self.event(), None);
        assert!(!self.is_cut(), "cut without a goodbye");
    }

    /// Whether nothing but comments comes within this time.
    #[track_caller]
    pub(crate) fn expect_quiet(&mut self, time: Duration) {
        self.fill(time);
        let text: Vec<u8> = self.received.iter().copied().collect();
        let text = String::from_utf8_lossy(&text);
        let own = |line: &str| line.starts_with(':') || line.starts_with("retry: ");
        assert!(
            !self.is_over && text.lines().all(own),
            "not quiet: {text:?}"
        );
    }

    /// Receives what comes within this time, without looking at it.
    pub(crate) fn fill(&mut self, time: Duration) -> bool {
        let mut buffer = [0; 16 << 10];
        match self.wire.read(&mut buffer, time) {
            Ok(0) => self.is_over = true,
            Ok(read) => self.received.extend(&buffer[..read]),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                return false;
            }
            // A reset is an end that was not at a boundary, or it is what the test waits for.
            Err(_) => self.is_over = true,
        }
        true
    }

    /// All that has been received and not looked at.
    pub(super) fn take(&mut self) -> Vec<u8> {
        self.received.drain(..).collect()
    }

    /// Whether there is something to read, which may take this time to come.
    pub(crate) fn has_more(&mut self, time: Duration) -> bool {
        !self.received.is_empty() || self.is_over || self.fill(time)
    }

    #[track_caller]
    fn byte(&mut self) -> Option<u8> {
        if self.received.is_empty() && !self.is_over {
            assert!(self.fill(patience()), "nothing came in time");
        }
        self.received.pop_front()
    }
}

//! A raw HTTP/2 client: it writes and reads frames as bytes, and may say whatever it likes.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use fantail::clock;
use rustls::ClientConfig;

use super::client::Client;
use super::hpack::{literals, status};
use super::patience::patience;
use super::way;

pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const PRIORITY: u8 = 2;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PUSH_PROMISE: u8 = 5;
pub(crate) const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const WINDOW_UPDATE: u8 = 8;
pub(crate) const CONTINUATION: u8 = 9;

/// Flags.
pub(crate) const ACK: u8 = 1;
pub(crate) const END_STREAM: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;
pub(crate) const PADDED: u8 = 8;

/// Settings.
pub(crate) const TABLE_SIZE: u16 = 1;
pub(crate) const ENABLE_PUSH: u16 = 2;
pub(crate) const INITIAL_WINDOW: u16 = 4;
pub(crate) const FRAME_SIZE: u16 = 5;

/// Errors.
pub(crate) const NO_ERROR: u32 = 0;
pub(crate) const PROTOCOL_ERROR: u32 = 1;
pub(crate) const FLOW_CONTROL_ERROR: u32 = 3;
pub(crate) const STREAM_CLOSED: u32 = 5;
pub(crate) const FRAME_SIZE_ERROR: u32 = 6;
pub(crate) const REFUSED_STREAM: u32 = 7;
pub(crate) const COMPRESSION_ERROR: u32 = 9;
pub(crate) const ENHANCE_YOUR_CALM: u32 = 0xb;

/// A frame's bytes.
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = vec![length[1], length[2], length[3], kind, flags];
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

pub(crate) fn settings(values: &[(u16, u32)]) -> Vec<u8> {
    let pair = |(key, value): &(u16, u32)| [&key.to_be_bytes()[..], &value.to_be_bytes()].concat();
    let payload: Vec<u8> = values.iter().flat_map(pair).collect();
    frame(SETTINGS, 0, 0, &payload)
}

pub(crate) fn window_update(stream: u32, more: u32) -> Vec<u8> {
    frame(WINDOW_UPDATE, 0, stream, &more.to_be_bytes())
}

pub(crate) fn reset(stream: u32, code: u32) -> Vec<u8> {
    frame(RST_STREAM, 0, stream, &code.to_be_bytes())
}

/// The fields of a request, as few as there may be.
pub(crate) fn get(path: &str) -> [(&str, &str); 4] {
    [
        (":method", "GET"),
        (":scheme", "http"),
        (":authority", "127.0.0.1"),
        (":path", path),
    ]
}

/// A whole request without a body.
pub(crate) fn request(stream: u32, fields: &[(&str, &str)]) -> Vec<u8> {
    let flags = END_HEADERS | END_STREAM;
    frame(HEADERS, flags, stream, &literals(fields))
}

/// A request for an event stream.
pub(crate) fn subscription(stream: u32, path: &str) -> Vec<u8> {
    let accept = ("accept", "text/event-stream");
    request(stream, &[&get(path)[..], &[accept]].concat())
}

/// What has come on one stream.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    pub(crate) status: Option<u16>,
    pub(crate) body: String,
    /// `END_STREAM`.
    pub(crate) is_over: bool,
    /// `RST_STREAM`, with its code.
    pub(crate) reset: Option<u32>,
}

impl Answer {
    /// The data of the events so far, each of one line.
    pub(crate) fn data(&self) -> Vec<&str> {
        let (whole, _) = self.body.rsplit_once("\n\n").unwrap_or_default();
        let lines = whole.lines();
        lines
            .filter_map(|line| line.strip_prefix("data: "))
            .collect()
    }
}

/// A connection, and what the other side has said on it.
pub(crate) struct H2 {
    client: Client,
    /// What is not a whole frame yet.
    part: Vec<u8>,
    next: u32,
    answers: HashMap<u32, Answer>,
    /// The last stream and the code of the last `GOAWAY`.
    pub(crate) goaway: Option<(u32, u32)>,
    /// How many `SETTINGS` and `PING`s have come, acknowledgements not among them.
    pub(crate) asked: (usize, usize),
    /// How many of the own ones have been acknowledged.
    pub(crate) acknowledged: (usize, usize),
    /// Whether `PING`s and `SETTINGS` are acknowledged.
    pub(crate) is_polite: bool,
    /// Whether windows are opened again for what has come.
    pub(crate) takes: bool,
    nothing: Answer,
}

// === impl H2 ===

impl H2 {
    /// With prior knowledge, or by TLS if that is spoken there; the preface has been sent.
    pub(crate) fn connect(address: SocketAddr) -> Self {
        let mut client = Self::raw(address);
        client.hello(&[]);
        client
    }

    /// Nothing has been said.
    pub(crate) fn raw(address: SocketAddr) -> Self {
        match way::config_at(address) {
            None => Self::over(Client::raw(address)),
            Some(config) => Self::secure(address, &config),
        }
    }

    /// Nothing has been said, and little room is there for what comes.
    pub(crate) fn sleeping(address: SocketAddr) -> Self {
        let mut h2 = Self::raw(address);
        let socket = &h2.client.wire().socket;
        socket.set_recv_buffer_size(4096).unwrap();
        h2
    }

    fn secure(address: SocketAddr, config: &Arc<ClientConfig>) -> Self {
        let mut config = ClientConfig::clone(config);
        config.alpn_protocols = vec![b"h2".to_vec()];
        let mut client = Client::secure(address, &Arc::new(config), "localhost").unwrap();
        assert_eq!(client.wire().tls().alpn_protocol(), Some(&b"h2"[..]));
        Self::over(client)
    }

    /// Through this client, which has said nothing yet.
    pub(crate) fn over(mut client: Client) -> Self {
        // Who floods may not be read any more.
        let socket = &client.wire().socket;
        socket.set_write_timeout(Some(patience())).unwrap();
        Self {
            client,
            part: Vec::new(),
            next: 1,
            answers: HashMap::new(),
            goaway: None,
            asked: (0, 0),
            acknowledged: (0, 0),
            is_polite: true,
            takes: true,
            nothing: Answer::default(),
        }
    }

    /// The preface, with these settings and one that forbids a table of headers.
    pub(crate) fn hello(&mut self, values: &[(u16, u32)]) {
        let values = [&[(TABLE_SIZE, 0)], values].concat();
        self.send([PREFACE, &settings(&values)].concat());
    }

    /// Sends bytes. A gateway that has hung up is no fault here; it shows in what is read.
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.client.send(bytes);
    }

    /// The next stream of its own.
    pub(crate) fn open(&mut self) -> u32 {
        self.next += 2;
        self.next - 2
    }

    /// Asks with these fields and no body; on which stream.
    pub(crate) fn ask(&mut self, fields: &[(&str, &str)]) -> u32 {
        let stream = self.open();
        self.send(request(stream, fields));
        stream
    }

    /// Asks for an event stream; on which stream.
    pub(crate) fn subscribe(&mut self, path: &str) -> u32 {
        let stream = self.open();
        self.send(subscription(stream, path));
        stream
    }

    /// Likewise, and it must be served.
    #[track_caller]
    pub(crate) fn subscribed(&mut self, path: &str) -> u32 {
        let stream = self.subscribe(path);
        assert_eq!(self.status(stream), Some(200));
        stream
    }

    /// What has come on this stream so far.
    pub(crate) fn answer(&self, stream: u32) -> &Answer {
        self.answers.get(&stream).unwrap_or(&self.nothing)
    }

    /// Everything that has been opened by it or by the other side.
    pub(crate) fn answers(&self) -> impl Iterator<Item = &Answer> {
        self.answers.values()
    }

    /// The status on this stream, which is awaited; `None` = it is reset, or the connection ends.
    #[track_caller]
    pub(crate) fn status(&mut self, stream: u32) -> Option<u16> {
        self.wait("a status", |h2| {
            let answer = h2.answer(stream);
            answer.status.is_some() || answer.reset.is_some() || h2.is_ended()
        });
        self.answer(stream).status
    }

    /// Waits for so many events on this stream; the data of all that have come.
    #[track_caller]
    pub(crate) fn data(&mut self, stream: u32, count: usize) -> Vec<String> {
        self.wait("events", |h2| h2.answer(stream).data().len() >= count);
        let data = self.answer(stream).data();
        data.into_iter().map(str::to_owned).collect()
    }

    /// Reads on until the condition holds, which it must before the connection ends.
    #[track_caller]
    pub(crate) fn wait(&mut self, what: &str, condition: impl Fn(&Self) -> bool) {
        let deadline = clock::now() + patience();
        while !condition(self) {
            let is_late = clock::now() >= deadline || self.is_ended();
            assert!(!is_late, "never came true: {what}; {}", self.said());
            self.pump(Duration::from_millis(50));
        }
    }

    /// Reads up to the end of the connection, which comes.
    #[track_caller]
    pub(crate) fn wait_for_end(&mut self) {
        self.wait("the connection ends", Self::is_ended);
    }

    /// The end comes, and a `GOAWAY` with this code before it.
    #[track_caller]
    pub(crate) fn expect_goaway(&mut self, code: u32) {
        self.wait_for_end();
        let said = self.goaway.map(|(_, code)| code);
        assert_eq!(said, Some(code), "{}", self.said());
    }

    /// Whether the other side is known to have ended.
    pub(crate) fn is_ended(&self) -> bool {
        self.client.is_ended_now()
    }

    /// Takes in what comes within this time; whether there was something.
    pub(crate) fn pump(&mut self, time: Duration) -> bool {
        let something = !self.is_ended() && self.client.fill(time);
        self.part.extend(self.client.take());
        while let Some(&[a, b, c, kind, flags, s, t, u, v]) = self.part.first_chunk() {
            let length = u32::from_be_bytes([0, a, b, c]) as usize;
            if self.part.len() < 9 + length {
                break;
            }
            let payload: Vec<u8> = self.part.drain(..9 + length).skip(9).collect();
            let stream = u32::from_be_bytes([s, t, u, v]);
            self.take_in(kind, flags, stream, &payload);
        }
        something
    }

    /// Takes in what comes, for as long as this.
    pub(crate) fn listen(&mut self, time: Duration) {
        let end = clock::now() + time;
        while !self.is_ended() && clock::now() < end {
            self.pump(
                end.saturating_duration_since(clock::now())
                    .max(Duration::from_millis(1)),
            );
        }
    }

    fn take_in(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        let word = |at: usize| u32::from_be_bytes(payload[at..at + 4].try_into().unwrap());
        match kind {
            DATA => self.take(stream, payload),
            // The server sends no more than fits into one frame, and pads nothing.
            HEADERS => {
                let answer = self.answers.entry(stream).or_default();
                answer.status.get_or_insert_with(|| status(payload));
            }
            RST_STREAM => self.answers.entry(stream).or_default().reset = Some(word(0)),
            SETTINGS if flags & ACK != 0 => self.acknowledged.0 += 1,
            PING if flags & ACK != 0 => self.acknowledged.1 += 1,
            SETTINGS => {
                self.asked.0 += 1;
                self.acknowledge(SETTINGS, &[]);
            }
            PING => {
                self.asked.1 += 1;
                self.acknowledge(PING, payload);
            }
            GOAWAY => self.goaway = Some((word(0), word(4))),
            _ => {}
        }
        if matches!(kind, DATA | HEADERS) && flags & END_STREAM != 0 {
            self.answers.entry(stream).or_default().is_over = true;
        }
    }

    fn acknowledge(&mut self, kind: u8, payload: &[u8]) {
        if self.is_polite {
            self.send(frame(kind, ACK, 0, payload));
        }
    }

    fn take(&mut self, stream: u32, payload: &[u8]) {
        let text = String::from_utf8_lossy(payload);
        self.answers.entry(stream).or_default().body.push_str(&text);
        let length = u32::try_from(payload.len()).unwrap();
        if self.takes && length > 0 {
            self.send([window_update(0, length), window_update(stream, length)].concat());
        }
    }

    /// What it knows, for the words of a test that fails.
    fn said(&self) -> String {
        let mut answers: Vec<_> = self.answers.iter().collect();
        answers.sort_by_key(|(stream, _)| **stream);
        answers.truncate(3);
        format!(
            "goaway {:?}, ended {}, answers {answers:?}",
            self.goaway,
            self.is_ended()
        )
    }
}

//! Frames of HTTP/2 (RFC 9113), as far as a client that only asks and listens needs them.
//!
//! Pure, and imports nothing of the bench: `tests/it/load_frames.rs` includes this file.

/// What a client says before its first frame.
pub(super) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

pub(super) const DATA: u8 = 0;
pub(super) const HEADERS: u8 = 1;
pub(super) const RST_STREAM: u8 = 3;
pub(super) const SETTINGS: u8 = 4;
pub(super) const PUSH_PROMISE: u8 = 5;
pub(super) const PING: u8 = 6;
pub(super) const GOAWAY: u8 = 7;
pub(super) const WINDOW_UPDATE: u8 = 8;
pub(super) const CONTINUATION: u8 = 9;

pub(super) const ACK: u8 = 0x1;
pub(super) const END_STREAM: u8 = 0x1;
pub(super) const END_HEADERS: u8 = 0x4;
pub(super) const PADDED: u8 = 0x8;
pub(super) const PRIORITY: u8 = 0x20;

pub(super) const HEADER_TABLE_SIZE: u16 = 1;
pub(super) const ENABLE_PUSH: u16 = 2;
pub(super) const INITIAL_WINDOW_SIZE: u16 = 4;

/// Before any `WINDOW_UPDATE`, of the connection and (without a setting) of each stream.
pub(super) const FIRST_WINDOW: u32 = 65_535;

/// A longer one needs a setting that this client does not make.
const LONGEST_PAYLOAD: usize = 16_384;
const HEAD: usize = 9;

/// The peer does not keep to the protocol.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Broken;

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Frame<'a> {
    pub(super) kind: u8,
    flags: u8,
    pub(super) stream: u32,
    pub(super) payload: &'a [u8],
}

impl<'a> Frame<'a> {
    /// The frame at the start of `bytes`; `None` until all of it is there.
    pub(super) fn read(bytes: &'a [u8]) -> Result<Option<Self>, Broken> {
        let Some((head, rest)) = bytes.split_first_chunk::<HEAD>() else {
            return Ok(None);
        };
        let [a, b, c, kind, flags, stream @ ..] = *head;
        let length = u32::from_be_bytes([0, a, b, c]) as usize;
        if length > LONGEST_PAYLOAD {
            return Err(Broken);
        }
        Ok(rest.get(..length).map(|payload| Self {
            kind,
            flags,
            stream: u31(stream),
            payload,
        }))
    }

    /// On the wire, its head included.
    pub(super) fn length(&self) -> usize {
        HEAD + self.payload.len()
    }

    pub(super) fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// The payload of DATA or HEADERS without padding and priority.
    pub(super) fn content(&self) -> Result<&'a [u8], Broken> {
        let mut content = self.payload;
        let mut padding = 0;
        if self.has(PADDED) {
            let (length, rest) = content.split_first().ok_or(Broken)?;
            (padding, content) = (usize::from(*length), rest);
        }
        if self.kind == HEADERS && self.has(PRIORITY) {
            content = content.get(5..).ok_or(Broken)?;
        }
        let length = content.len().checked_sub(padding).ok_or(Broken)?;
        content.get(..length).ok_or(Broken)
    }

    /// The last stream that a GOAWAY lets go on.
    pub(super) fn last_stream(&self) -> Result<u32, Broken> {
        let first = self.payload.first_chunk().ok_or(Broken)?;
        Ok(u31(*first))
    }
}

/// The reserved bit is for nobody.
fn u31(bytes: [u8; 4]) -> u32 {
    u32::from_be_bytes(bytes) & 0x7fff_ffff
}

fn write(out: &mut Vec<u8>, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
    let [_, length @ ..] = length.to_be_bytes();
    out.extend_from_slice(&length);
    out.extend_from_slice(&[kind, flags]);
    out.extend_from_slice(&stream.to_be_bytes());
    out.extend_from_slice(payload);
}

pub(super) fn write_settings(out: &mut Vec<u8>, settings: &[(u16, u32)]) {
    let mut payload = Vec::new();
    for (name, value) in settings {
        payload.extend_from_slice(&name.to_be_bytes());
        payload.extend_from_slice(&value.to_be_bytes());
    }
    write(out, SETTINGS, 0, 0, &payload);
}

pub(super) fn write_settings_ack(out: &mut Vec<u8>) {
    write(out, SETTINGS, ACK, 0, &[]);
}

pub(super) fn write_ping_ack(out: &mut Vec<u8>, payload: &[u8]) {
    write(out, PING, ACK, 0, payload);
}

/// A request without a body.
pub(super) fn write_request(out: &mut Vec<u8>, stream: u32, block: &[u8]) {
    write(out, HEADERS, END_STREAM | END_HEADERS, stream, block);
}

/// Opens a window by so many more bytes; stream 0 is the connection.
pub(super) fn write_window_update(out: &mut Vec<u8>, stream: u32, more: u32) {
    write(out, WINDOW_UPDATE, 0, stream, &more.to_be_bytes());
}

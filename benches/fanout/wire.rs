//! The bytes on the wire: requests, heads, and events that carry their number and send time.

use std::io::Write;

/// The head of a stream: close-delimited, so that every later byte is the stream's.
pub(crate) const STREAM_HEAD: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\
    Cache-Control: no-cache\r\nConnection: close\r\n\r\n";

pub(crate) const HEAD_END: &[u8] = b"\r\n\r\n";

/// Ends every event.
pub(crate) const EVENT_END: &[u8] = b"\n\n";

/// Appends the event `number`, padded to `event_bytes`.
///
/// Every frame of a run has the same length, which the load's parser may guess from.
pub(crate) fn write_event(out: &mut Vec<u8>, number: u64, sent_ns: u64, event_bytes: usize) {
    let start = out.len();
    write!(out, "id: {number}\ndata: {number} {sent_ns} ").expect("a Vec takes every byte");
    let padded = (start + event_bytes).saturating_sub(EVENT_END.len());
    out.resize(padded.max(out.len()), b'x');
    out.extend_from_slice(EVENT_END);
}

pub(crate) fn subscription(path: &str, host: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nAccept: text/event-stream\r\n\r\n").into_bytes()
}

/// The length of a complete head at the start of `bytes`.
pub(crate) fn head_length(bytes: &[u8]) -> Option<usize> {
    memchr::memmem::find(bytes, HEAD_END).map(|at| at + HEAD_END.len())
}

/// Whether a response head opens a stream whose body is delimited by its end.
pub(crate) fn opens_stream(head: &[u8]) -> bool {
    let head = String::from_utf8_lossy(head).to_ascii_lowercase();
    let has = |name: &str, value: &str| {
        head.lines()
            .filter_map(|line| line.split_once(':'))
            .any(|(n, v)| n == name && v.trim().starts_with(value))
    };
    head.starts_with("http/1.1 200 ")
        && has("content-type", "text/event-stream")
        && !has("transfer-encoding", "chunked")
}

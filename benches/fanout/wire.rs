//! The bytes on the wire: requests, heads, and events that carry their number and send time.

use std::io::Write;
use std::net::SocketAddrV4;

/// The head of a stream: close-delimited, so that every later byte is the stream's.
pub(crate) const STREAM_HEAD: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\
    Cache-Control: no-cache\r\nConnection: close\r\n\r\n";

/// The answer of a page that leaves its stream to Pushpin, by GRIP.
pub(crate) const HOLD: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\
    Cache-Control: no-cache\r\nGrip-Hold: stream\r\nGrip-Channel: events\r\n\
    Content-Length: 0\r\nConnection: close\r\n\r\n";

pub(crate) const HEAD_END: &[u8] = b"\r\n\r\n";

const TOPICS: &str = "/topics/";

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

/// The data of a frame that `write_event` has written.
pub(crate) fn data_of(frame: &[u8]) -> &[u8] {
    const BEFORE: &[u8] = b"\ndata: ";
    let start = memchr::memmem::find(frame, BEFORE).map_or(0, |at| at + BEFORE.len());
    &frame[start..frame.len() - EVENT_END.len()]
}

/// Appends a request that publishes `body`.
pub(crate) fn write_post(
    out: &mut Vec<u8>,
    path: &str,
    host: SocketAddrV4,
    kind: &str,
    body: &[u8],
) {
    write!(
        out,
        "POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    )
    .expect("a Vec takes every byte");
    out.extend_from_slice(body);
}

/// The source's answer about itself.
pub(crate) fn small_page(json: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{json}",
        json.len()
    )
    .into_bytes()
}

/// With the id of the last event, as it came, the client comes back.
pub(crate) fn subscription(path: &str, host: &str, last_id: Option<&[u8]>) -> Vec<u8> {
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nAccept: text/event-stream\r\n");
    let mut request = request.into_bytes();
    if let Some(id) = last_id {
        request.extend_from_slice(&[b"Last-Event-ID: ", id, b"\r\n"].concat());
    }
    request.extend_from_slice(b"\r\n");
    request
}

/// Each topic has a path of its own.
pub(crate) fn topic_path(number: usize) -> String {
    format!("{TOPICS}{number}")
}

pub(crate) fn topic_number(path: &str) -> Option<usize> {
    path.strip_prefix(TOPICS)?.parse().ok()
}

/// What a request's head says of it.
pub(crate) fn last_event_id(head: &str) -> Option<u64> {
    let lines = head.lines().filter_map(|line| line.split_once(':'));
    let mut ids = lines.filter(|(name, _)| name.eq_ignore_ascii_case("last-event-id"));
    ids.next()?.1.trim().parse().ok()
}

/// A small page, with its head.
pub(crate) fn page(bytes: usize) -> Vec<u8> {
    let body = "x".repeat(bytes);
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nCache-Control: no-cache\r\n\
         Set-Cookie: PHPSESSID=0123456789abcdef; path=/\r\nContent-Length: {bytes}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// As a browser asks for a page.
pub(crate) fn page_request(host: &str) -> Vec<u8> {
    format!(
        "GET /page.php?id=1 HTTP/1.1\r\nHost: {host}\r\nConnection: keep-alive\r\n\
         User-Agent: Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/153.0\r\n\
         Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n\
         Accept-Language: en-US,en;q=0.5\r\nAccept-Encoding: gzip, deflate, br, zstd\r\n\
         Cookie: PHPSESSID=0123456789abcdef\r\n\r\n"
    )
    .into_bytes()
}

/// The length of a whole answer whose head has come, by its `Content-Length`.
pub(crate) fn answer_length(bytes: &[u8]) -> Option<usize> {
    let head = head_length(bytes)?;
    let text = String::from_utf8_lossy(&bytes[..head]).to_ascii_lowercase();
    let lines = text.lines().filter_map(|line| line.split_once(": "));
    let mut lengths = lines.filter(|(name, _)| *name == "content-length");
    let length: usize = lengths.next()?.1.trim().parse().ok()?;
    Some(head + length)
}

/// The length of a complete head at the start of `bytes`.
pub(crate) fn head_length(bytes: &[u8]) -> Option<usize> {
    memchr::memmem::find(bytes, HEAD_END).map(|at| at + HEAD_END.len())
}

/// Whether a response head opens a stream.
pub(crate) fn opens_stream(head: &[u8]) -> bool {
    head.starts_with(b"HTTP/1.1 200 ") && has_header(head, "content-type", "text/event-stream")
}

/// Whether the stream comes in chunks; it is delimited by its end if not.
pub(crate) fn is_chunked(head: &[u8]) -> bool {
    has_header(head, "transfer-encoding", "chunked")
}

/// Whether nothing follows this answer on its connection.
pub(crate) fn closes(head: &[u8]) -> bool {
    has_header(head, "connection", "close")
}

/// Whether a header's value begins so, both in lower case.
fn has_header(head: &[u8], name: &str, value: &str) -> bool {
    let head = String::from_utf8_lossy(head).to_ascii_lowercase();
    head.lines()
        .filter_map(|line| line.split_once(':'))
        .any(|(n, v)| n == name && v.trim().starts_with(value))
}

//! The bounds of HTTP/2 connections, with each default and its reason.

use std::time::Duration;

/// Of each connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct H2Options {
    /// Streams at a time; a browser with many event streams open needs one for each.
    pub streams: u32,
    /// Bytes of a request's body that a client may send ahead on one stream …
    pub stream_window: u32,
    /// … and on all of them together.
    pub connection_window: u32,
    /// Size of a request's headers once they are unpacked.
    pub header_list: u32,
    /// Bytes of a stream that wait for its client's window. hyper's own 400 KiB let one connection
    /// park 85 MB.
    pub send_bytes: usize,
    /// Requests in ten seconds, event streams and requests that are given up: a page may open all
    /// its streams at once, and twice. Ordinary requests that are answered to their end do not
    /// count; 0 = no bound.
    pub opens: u32,
    /// After so much silence a client is asked whether it is there; 0 = never.
    pub ping: Duration,
    /// How long it may take to say so.
    pub ping_timeout: Duration,
    /// A connection without a request is let go after so long.
    pub idle_timeout: Duration,
    /// Bytes of control frames that a client may send at once (headers and bodies have bounds of
    /// their own) …
    pub inbound_burst: u32,
    /// … and per second, beyond a 128th of what it is sent: it says from time to time that it has
    /// read.
    pub inbound_per_second: u32,
}

impl Default for H2Options {
    fn default() -> Self {
        Self {
            streams: 256,
            stream_window: 64 << 10,
            connection_window: 1 << 20,
            header_list: 16 << 10,
            send_bytes: 16 << 10,
            opens: 512,
            ping: Duration::from_secs(20),
            ping_timeout: Duration::from_secs(20),
            idle_timeout: Duration::from_secs(60),
            inbound_burst: 64 << 10,
            inbound_per_second: 2 << 10,
        }
    }
}

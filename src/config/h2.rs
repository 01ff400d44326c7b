//! What `[limits]` says of HTTP/2 connections.

use super::Config;
use super::kinds::{any_time, bytes, number, some_time};
use super::read::Section;

/// RFC 9113, section 6.5.2: the largest window.
const LARGEST_WINDOW: u64 = (1 << 31) - 1;
/// Section 6.9.2: each connection begins with this window, which can only grow.
const FIRST_WINDOW: u64 = 65_535;
const GIGA: u64 = 1 << 30;

pub(super) fn limits(limits: &mut Section<'_>, config: &mut Config) {
    let h2 = &mut config.edge.h2;
    limits.set(&mut h2.streams, "h2_streams", number(1, 100_000));
    limits.set(
        &mut h2.stream_window,
        "h2_stream_window",
        bytes(1, LARGEST_WINDOW),
    );
    limits.set(
        &mut h2.connection_window,
        "h2_connection_window",
        bytes(FIRST_WINDOW, LARGEST_WINDOW),
    );
    limits.set(&mut h2.header_list, "h2_header_list", bytes(1 << 10, GIGA));
    limits.set(&mut h2.send_bytes, "h2_send_bytes", bytes(1 << 10, GIGA));
    limits.set(&mut h2.opens, "h2_opens", number(0, 1 << 30));
    limits.set(&mut h2.ping, "h2_ping", any_time());
    limits.set(&mut h2.ping_timeout, "h2_ping_timeout", some_time());
    limits.set(&mut h2.idle_timeout, "h2_idle_timeout", some_time());
    // What a client may say besides its requests is the same on every connection.
    h2.inbound_burst = config.delivery.inbound_burst;
    h2.inbound_per_second = config.delivery.inbound_per_second;
}

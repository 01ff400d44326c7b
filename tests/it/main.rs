//! The whole of Fantail from outside: real sockets, port 0, raw bytes, no sleeps.
//!
//! Each test is a sentence. What they wait for, they wait for under one patience
//! (`FANTAIL_TEST_PATIENCE`, seconds), and they look at conditions instead of the clock.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::cast_precision_loss,
    clippy::float_cmp,
    clippy::format_push_string,
    clippy::format_collect,
    reason = "a test that can not go on says so by a panic; its numbers are small and whole"
)]

mod architecture;
mod attacks;
mod backends;
mod budget;
mod canary;
mod clients;
mod cors;
mod demo;
mod doctor;
mod drain;
mod event_keys;
mod fastcgi;
mod h2;
mod handover;
mod identity;
mod lag;
mod limits;
mod load_frames;
mod long_poll;
mod metrics;
mod micro_gate;
mod multiplex;
mod newest;
mod numbers;
mod outages;
mod pass_through;
mod php;
mod polled;
mod private;
mod program;
mod proxies;
mod requests;
mod resume;
mod slots;
mod stream;
mod support;
mod tls;
mod upstream_faults;

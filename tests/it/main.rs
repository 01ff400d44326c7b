//! The whole of Fantail from outside: real sockets, port 0, raw bytes, no sleeps.
//!
//! Each test is a sentence. What they wait for, they wait for under one patience
//! (`FANTAIL_TEST_PATIENCE`, seconds), and they look at conditions instead of the clock.

mod architecture;
mod attacks;
mod limits;
mod metrics;
mod php;
mod polled;
mod requests;
mod resume;
mod stream;
mod support;
mod upstream_faults;

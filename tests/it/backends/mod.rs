//! Backends as they are: the tutorial's scripts, unmodified, run by the servers that people have.
//!
//! Whoever the backend is, its clients see the same (`crowd.rs`). Tests that need a server fail
//! without it: `tests/run` installs all of them.

mod crowd;
mod exhaustion;
mod group;
mod iis;
mod looping;
mod nginx;
mod one_shot;
mod servers;

use crowd::{CLIENTS, Crowd, INTERVAL, gateway};
use servers::Server;

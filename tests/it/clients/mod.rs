//! Clients as they are: three browsers, with a page each, and the libraries that people use.
//!
//! Every scenario is written once and holds for every client (`fleet.rs`): they listen at the same
//! time to the same gateway. Tests that need one fail without it: `tests/run` installs all of them.

mod crowds;
mod curl;
mod cuts;
mod driver;
mod fleet;
mod life;
mod origins;
mod outages;
mod pages;
mod picture;
mod polls;
mod relay;
mod restart;
mod seen;
mod site;
mod tools;
mod vectors;

use fleet::{BROWSERS, Fleet};
use relay::Relay;
use seen::Heard;

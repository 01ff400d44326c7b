//! What tests stand on: a scripted upstream, a gateway in this process, a raw client, patience.
//!
//! Everything blocks and everything gives up after [`patience`]; a gateway brings its own runtime,
//! so that tests are plain functions.

mod answers;
mod client;
mod exchange;
mod fpm;
mod gateway;
mod get;
mod group;
pub(crate) mod h2;
pub(crate) mod hpack;
mod http2;
mod patience;
pub(crate) mod pki;
mod process;
mod upstream;
pub(crate) mod way;
mod wire;

pub(crate) use answers::{STREAM_HEAD, with_length};
pub(crate) use client::{Client, Event};
pub(crate) use exchange::Exchange;
pub(crate) use fpm::Fpm;
pub(crate) use gateway::Gateway;
pub(crate) use get::Get;
pub(crate) use group::Group;
pub(crate) use h2::H2;
pub(crate) use patience::{eventually, patience, until};
pub(crate) use process::{Process, descriptors_of, pid_in, signal_to, wait_for_end};
pub(crate) use upstream::{Upstream, lock};
pub(crate) use way::Way;

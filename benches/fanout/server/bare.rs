//! The bare loop, which is a role of this executable.

use std::io;
use std::net::SocketAddrV4;

use super::{Plan, Server, await_port};
use crate::cli::Options;
use crate::process::{Running, SERVER_CORE};

pub(super) fn start(plan: &Plan, address: SocketAddrV4, options: &Options) -> io::Result<Server> {
    let arguments = [
        "bare".to_owned(),
        format!("--listen={address}"),
        format!("--rate={}", plan.rate),
        format!("--batch={}", plan.batch),
        format!("--frame-bytes={}", options.event_bytes),
    ];
    await_port(Running::role(SERVER_CORE, &arguments)?, address)
}

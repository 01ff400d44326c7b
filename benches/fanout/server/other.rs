//! Whatever was asked for with `--server`.

use std::io;
use std::net::SocketAddrV4;

use super::{Plan, Server, await_port};
use crate::process::{Running, SERVER_CORE};

pub(super) fn start(plan: &Plan, address: SocketAddrV4, command: &str) -> io::Result<Server> {
    let upstream = plan.upstream()?.to_string();
    let words: Vec<_> = command
        .replace("{listen}", &address.to_string())
        .replace("{upstream}", &upstream)
        .split_whitespace()
        .map(str::to_owned)
        .collect();
    await_port(Running::start_family(SERVER_CORE, &words)?, address)
}

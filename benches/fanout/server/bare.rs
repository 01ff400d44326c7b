//! The bare loop, which is a role of this executable: of one stream, or, where there are topics, the source
//! itself, which writes to each topic's clients in its turn.

use std::io;
use std::net::SocketAddrV4;

use super::{Plan, Server, await_port};
use crate::cli::Options;
use crate::process::{Running, SERVER_CORE};

pub(super) fn start(plan: &Plan, address: SocketAddrV4, options: &Options) -> io::Result<Server> {
    let mut arguments = vec![
        if plan.topics > 1 { "source" } else { "bare" }.to_owned(),
        format!("--listen={address}"),
        format!("--rate={}", plan.rate),
        format!("--frame-bytes={}", options.event_bytes),
    ];
    arguments.extend(plan.slots.map(|slots| format!("--slots={slots}")));
    if plan.topics <= 1 {
        arguments.push(format!("--batch={}", plan.batch));
    }
    await_port(Running::role(SERVER_CORE, &arguments)?, address)
}

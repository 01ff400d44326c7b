//! Restarts: a new process takes over the listening sockets, and nobody is refused.

mod activation;
mod failures;
mod load;
mod streams;
mod tls;
mod unix;

use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use crate::support::{Process, Upstream};

const PROGRAM: &str = env!("CARGO_BIN_EXE_fantail");
const PORTS: &str = "listen = [\"127.0.0.1:0\"]\n";

/// A configuration with one route to the upstream, and these keys of `[server]`. Its `drain_delay`
/// is one that no hand-over may wait for.
fn config(upstream: &Upstream, server: &str) -> String {
    format!(
        "[server]\ndrain = \"1s\"\ndrain_delay = \"1h\"\n{server}\n[admin]\nlisten = \"127.0.0.1:0\"\n\
         [limits]\naccepts_per_second = 0\n[[route]]\nname = \"events\"\npath = \"/events\"\n\
         linger = \"0s\"\nupstream = \"http://{}/events\"\n",
        upstream.address()
    )
}

/// The program serves this configuration. It is started through a link beside the file, which a
/// test can lead elsewhere, as an upgrade does.
fn launch(text: &str) -> Process {
    let folder = tempfile::tempdir().unwrap();
    symlink(PROGRAM, folder.path().join("fantail")).unwrap();
    std::fs::write(folder.path().join("fantail.toml"), text).unwrap();
    Process::start(serve(folder.path()), folder)
}

fn serve(folder: &Path) -> Command {
    let mut command = Command::new(folder.join("fantail"));
    command
        .args(["serve", "--log-level", "info", "--config"])
        .arg(folder.join("fantail.toml"));
    command
}

//! The guard of a server that starts processes of its own: when whoever started it is gone, or the
//! server is, nothing of the family is left.
//!
//! The kernel's death signal reaches a child, not a grandchild. So the guard adopts whoever loses its
//! parent, and waits for the end of its own stdin, which no crash of the orchestrator can prevent.

use std::io::{self, Read as _};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, WaitOptions, getpid, kill_process, set_child_subreaper, wait};

use crate::accounting;
use crate::cli::PinnedOptions;
use crate::clock::Deadline;
use crate::process;

/// Enough for a server to remove what it has told the kernel to keep; not for its clients to leave.
const GRACE_SECONDS: f64 = 1.0;
const KILL_SECONDS: f64 = 5.0;
const BETWEEN_LOOKS: Duration = Duration::from_millis(20);

/// Prints the id of the command's process, then waits.
pub(crate) fn run(options: &PinnedOptions) -> io::Result<()> {
    let Some((program, arguments)) = options.command.split_first() else {
        return Err(io::Error::other("no command"));
    };
    process::pin_to(options.core)?;
    set_child_subreaper(Some(getpid()))?;
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .spawn()
        .map_err(|error| io::Error::new(error.kind(), format!("{program}: {error}")))?;
    println!("{}", child.id());
    let head = Pid::from_child(&child);
    await_an_end(&mut child);
    // Both fail only for what is gone already.
    kill_process(head, Signal::TERM).ok();
    let grace = Deadline::after(GRACE_SECONDS);
    while !descendants()?.is_empty() && !grace.passed() {
        reap();
        thread::park_timeout(BETWEEN_LOOKS);
    }
    let limit = Deadline::after(KILL_SECONDS);
    loop {
        let left = descendants()?;
        if left.is_empty() || limit.passed() {
            return Ok(());
        }
        for pid in left {
            kill_process(pid, Signal::KILL).ok();
        }
        thread::park_timeout(BETWEEN_LOOKS);
        reap();
    }
}

/// Of stdin, or of the command.
fn await_an_end(child: &mut Child) {
    let (sender, ends) = sync_channel(1);
    thread::spawn(move || {
        io::stdin().read_to_end(&mut Vec::new()).ok();
        sender.try_send(()).ok();
    });
    while ends.recv_timeout(BETWEEN_LOOKS).is_err() {
        if !matches!(child.try_wait(), Ok(None)) {
            return;
        }
    }
}

/// Looks at how the adopted have ended, as somebody must.
fn reap() {
    while let Ok(Some(_)) = wait(WaitOptions::NOHANG) {}
}

fn descendants() -> io::Result<Vec<Pid>> {
    let own = std::process::id();
    let family = accounting::family(own)?.into_iter();
    let others = family.filter(|pid| *pid != own);
    Ok(others
        .filter_map(|pid| Pid::from_raw(i32::try_from(pid).ok()?))
        .collect())
}

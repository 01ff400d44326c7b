//! Processes of a run: pinned to a core, ended with their parent, killed by handle.

use std::env;
use std::io::{self, BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread;

use rustix::process::{
    Resource, Rlimit, Signal, getrlimit, set_parent_process_death_signal, setrlimit,
};
use rustix::thread::{CpuSet, sched_setaffinity};

use crate::cli::PinnedOptions;
use crate::clock::Deadline;

pub(crate) const SERVER_CORE: usize = 0;
/// Clients, the source and the orchestrator share what the server does not use.
pub(crate) const LOAD_CORE: usize = 1;

/// A guard prints its line before it waits for anything.
const GUARD_SECONDS: f64 = 10.0;

pub(crate) fn raise_descriptor_limit() -> io::Result<()> {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: maximum,
        maximum,
    };
    Ok(setrlimit(Resource::Nofile, raised)?)
}

pub(crate) fn pin_to(core: usize) -> io::Result<()> {
    let mut cores = CpuSet::new();
    cores.set(core);
    Ok(sched_setaffinity(None, &cores)?)
}

/// Pins this process and becomes the command; returns only the failure to do so.
///
/// The kernel keeps both the affinity and the death signal over `exec`. So the orchestrator needs
/// no handlers: however it ends (panic, Ctrl-C, a kill), nothing it started is left behind.
pub(crate) fn become_pinned(options: &PinnedOptions) -> io::Error {
    let pinned = pin_to(options.core)
        .and_then(|()| Ok(set_parent_process_death_signal(Some(Signal::KILL))?));
    match (pinned, options.command.split_first()) {
        (Ok(()), Some((program, arguments))) => Command::new(program).args(arguments).exec(),
        (Err(error), _) => error,
        (Ok(()), None) => io::Error::other("no command"),
    }
}

/// A child that does not outlive its handle.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    lines: Receiver<String>,
    name: String,
    /// The process to look at: the child, or what its guard watches over.
    head: u32,
    is_guarded: bool,
}

impl Running {
    /// Starts a role of this executable.
    pub(crate) fn role(core: usize, arguments: &[String]) -> io::Result<Self> {
        let own = env::current_exe()?.to_string_lossy().into_owned();
        let command: Vec<_> = std::iter::once(own)
            .chain(arguments.iter().cloned())
            .collect();
        let mut role = Self::start(core, &command)?;
        role.name = arguments.first().cloned().unwrap_or_default();
        Ok(role)
    }

    pub(crate) fn start(core: usize, command: &[String]) -> io::Result<Self> {
        Self::start_as("pinned", core, command)
    }

    /// For a command that may start processes of its own.
    pub(crate) fn start_family(core: usize, command: &[String]) -> io::Result<Self> {
        let mut guarded = Self::start_as("guarded", core, command)?;
        guarded.is_guarded = true;
        let line = guarded.next_line(Deadline::after(GUARD_SECONDS))?;
        guarded.head = line.parse().map_err(io::Error::other)?;
        Ok(guarded)
    }

    fn start_as(role: &str, core: usize, command: &[String]) -> io::Result<Self> {
        let mut child = Command::new(env::current_exe()?)
            .args([role, "--core", &core.to_string(), "--"])
            .args(command)
            // All clients come at once, which is not what is measured here.
            .env("FANTAIL_LIMITS__ACCEPTS_PER_SECOND", "0")
            // A line for each stream that ends: tens of thousands, on somebody's screen.
            .env(
                "RUST_LOG",
                env::var("RUST_LOG").unwrap_or_else(|_| "warn".to_owned()),
            )
            // All topics too, as for an operator who has as many.
            .env("FANTAIL_LIMITS__NEW_TOPICS_PER_SECOND", "100000")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let output = child.stdout.take().expect("stdout was asked for");
        let (sender, lines) = sync_channel(1024);
        // Ends with the child: its output is then closed. It drops what nobody asks for.
        thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                sender.try_send(line).ok();
            }
        });
        let name = command.first().cloned().unwrap_or_default();
        Ok(Self {
            head: child.id(),
            is_guarded: false,
            child,
            lines,
            name,
        })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.head
    }

    /// The next line of its output.
    pub(crate) fn next_line(&self, deadline: Deadline) -> io::Result<String> {
        self.lines.recv_timeout(deadline.left()).map_err(|error| {
            let what = match error {
                RecvTimeoutError::Timeout => "said nothing in time",
                RecvTimeoutError::Disconnected => "ended early",
            };
            io::Error::other(format!("{}: {what}", self.name))
        })
    }

    /// Polls `condition` until it holds, the process ends, or time is up.
    pub(crate) fn wait_until(
        &mut self,
        deadline: Deadline,
        mut condition: impl FnMut() -> bool,
    ) -> io::Result<()> {
        const BETWEEN_TRIES: std::time::Duration = std::time::Duration::from_millis(10);
        while !condition() {
            if let Some(status) = self.ended()? {
                return Err(io::Error::other(format!(
                    "{} ended before it was ready: {status}",
                    self.name
                )));
            }
            if deadline.passed() {
                return Err(io::Error::other(format!(
                    "{} was not ready in time",
                    self.name
                )));
            }
            thread::park_timeout(BETWEEN_TRIES);
        }
        Ok(())
    }

    fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        self.child.try_wait()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail only for a process that is gone already. A guard is not killed: to wait closes its
        // stdin, and then it ends its family and itself.
        if !self.is_guarded {
            self.child.kill().ok();
        }
        self.child.wait().ok();
    }
}

//! The process that takes over: started anew from the same program, heard when it is ready.
//!
//! Invariant: until its word has come, nothing of this process has changed, so that a successor
//! that fails costs nothing.

use std::ffi::OsString;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

use command_fds::{CommandFdExt, FdMapping, FdMappingCollision};
use rustix::process::{Pid, Signal, kill_process};
use tokio::net::UnixDatagram;
use tokio::process::{Child, Command};

use super::inherited::Label;
use super::sockets::Legacy;
use super::words::READY;
use crate::metrics::HandoverFailure;

/// Where the descriptors of `LISTEN_FDS` begin.
const FIRST: i32 = 3;

/// How this process was started, so that another one can be started the same way.
#[derive(Debug)]
pub(super) struct Program {
    path: PathBuf,
    arguments: Vec<OsString>,
}

/// A new process on its way.
#[derive(Debug)]
pub(super) struct Successor {
    child: Child,
    words: UnixDatagram,
}

/// Why there is no successor. This process goes on.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error("{path} can not be started: {source}; is the new program there, and executable?")]
    Spawn { path: PathBuf, source: io::Error },
    #[error(transparent)]
    Descriptors(#[from] FdMappingCollision),
    #[error("it ended before it was ready ({0}); what it said stands above")]
    Ended(ExitStatus),
    #[error("it can not be heard: {0}")]
    Unheard(#[from] io::Error),
    #[error("it was not ready within {0:?} and has been killed; see `[server] handover_timeout`")]
    Timeout(Duration),
}

// === impl Program ===

impl Program {
    /// To be asked at the start: later the file may have been replaced, and the system then calls
    /// the running program "(deleted)".
    pub(super) fn of_this_process() -> io::Result<Self> {
        let mut words = std::env::args_os();
        let typed = words.next().map(PathBuf::from);
        // As it was typed, so that a link which leads to a new version is followed again.
        let is_path = |path: &PathBuf| path.components().count() > 1 && path.exists();
        let path = match typed.filter(is_path) {
            Some(path) => std::path::absolute(path)?,
            None => std::env::current_exe()?,
        };
        Ok(Self {
            path,
            arguments: words.collect(),
        })
    }

    /// Starts it again, with these sockets.
    pub(super) fn start(&self, legacy: &Legacy) -> Result<Successor, Failure> {
        let (ours, theirs) = std::os::unix::net::UnixDatagram::pair()?;
        ours.set_nonblocking(true)?;
        let mut handles = legacy.handles()?;
        handles.push((Label::Ready, OwnedFd::from(theirs)));
        let child = self.command(handles)?.spawn().map_err(|source| {
            let path = self.path.clone();
            Failure::Spawn { path, source }
        })?;
        tracing::info!(program = %self.path.display(), pid = child.id(), "a new process is started");
        Ok(Successor {
            child,
            words: UnixDatagram::from_std(ours)?,
        })
    }

    fn command(&self, handles: Vec<(Label, OwnedFd)>) -> Result<Command, FdMappingCollision> {
        let names: Vec<String> = handles.iter().map(|(label, _)| label.to_string()).collect();
        let count = handles.len().to_string();
        let mappings = handles.into_iter().zip(FIRST..);
        let mappings = mappings.map(|((_, parent_fd), child_fd)| FdMapping {
            parent_fd,
            child_fd,
        });
        let mut command = std::process::Command::new(&self.path);
        command
            .args(&self.arguments)
            .arg0(&self.path)
            .env("LISTEN_FDS", count)
            .env("LISTEN_FDNAMES", names.join(":"))
            // It must be the new process's id, which nobody knows before there is that process; its
            // environment is complete by then. `listenfd` takes its absence as "for whoever is
            // started", and that is true: this environment goes to nobody else.
            .env_remove("LISTEN_PID")
            .env_remove("LISTEN_FDS_FIRST_FD")
            .fd_mappings(mappings.collect())?;
        Ok(Command::from(command))
    }
}

// === impl Successor ===

impl Successor {
    /// Its process id, until it has ended.
    pub(super) fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Waits for its word.
    pub(super) async fn ready(&mut self, timeout: Duration) -> Result<(), Failure> {
        let mut word = [0; READY.len()];
        let word = async {
            tokio::select! {
                // What it has said counts, even if it has ended meanwhile: that is for its own log.
                biased;
                received = self.words.recv(&mut word) => received.map(drop).map_err(Failure::from),
                status = self.child.wait() => Err(Failure::Ended(status?)),
            }
        };
        match tokio::time::timeout(timeout, word).await {
            Ok(result) => result,
            Err(_) => Err(Failure::Timeout(timeout)),
        }
    }

    /// Asks it to end, as this process has been asked.
    pub(super) fn terminate(&self) {
        let id = self.id().and_then(|id| i32::try_from(id).ok());
        if let Some(pid) = id.and_then(Pid::from_raw) {
            // Not waited for yet, so that the id is still its own.
            if let Err(error) = kill_process(pid, Signal::TERM) {
                tracing::warn!(%error, "the new process can not be told to stop");
            }
        }
    }

    /// Waits until it has ended.
    pub(super) async fn ended(&mut self) {
        drop(self.child.wait().await);
    }

    /// Ends it, whatever it does, if it has not ended.
    pub(super) async fn kill(&mut self) {
        if self.id().is_none() {
            return;
        }
        if let Err(error) = self.child.kill().await {
            tracing::warn!(%error, "the new process can not be killed");
        }
    }
}

// === impl Failure ===

impl Failure {
    /// The metric's word for it.
    pub(super) fn label(&self) -> HandoverFailure {
        match self {
            Self::Spawn { .. } | Self::Descriptors(_) | Self::Unheard(_) => HandoverFailure::Spawn,
            Self::Ended(_) => HandoverFailure::Ended,
            Self::Timeout(_) => HandoverFailure::Timeout,
        }
    }
}

//! A server's processes, which end with the test.

use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process_group};

/// A program and all that it starts: killed with it, or its workers would keep the port.
pub(crate) struct Group(Child);

impl Group {
    /// What it prints is appended to `log`.
    #[track_caller]
    pub(crate) fn start(command: &mut Command, log: &Path) -> Self {
        let log = File::options().create(true).append(true).open(log).unwrap();
        let child = command
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .process_group(0)
            .spawn();
        Self(child.unwrap_or_else(|error| {
            panic!("{command:?}: {error}; tests/run installs what is needed")
        }))
    }

    /// The program itself.
    pub(crate) fn child(&mut self) -> &mut Child {
        &mut self.0
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Ok(Some(group)) = i32::try_from(self.0.id()).map(Pid::from_raw) {
            // It may have ended by itself.
            kill_process_group(group, Signal::KILL).unwrap_or_default();
        }
        drop(self.0.wait());
    }
}

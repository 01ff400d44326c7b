//! The paths of the Unix sockets that are ours.
//!
//! Invariant: a path is removed by the last process that listens on it, and by nobody else: not by
//! one that has handed it over, not by one that could not take it over, and never if the socket is
//! somebody else's.

use std::path::{Path, PathBuf};

/// Removes the paths when dropped.
#[derive(Debug, Default)]
pub(super) struct UnixPaths {
    ours: Vec<PathBuf>,
    /// Still those of the predecessor, who goes on with them if this process can not start.
    inherited: Vec<PathBuf>,
    /// Likewise, and nobody will listen on them any more.
    abandoned: Vec<PathBuf>,
}

impl UnixPaths {
    /// This process has bound it.
    pub(super) fn bound(&mut self, path: &Path) {
        self.ours.push(path.to_owned());
    }

    /// A predecessor has bound it, and it is served here.
    pub(super) fn inherit(&mut self, path: &Path) {
        self.inherited.push(path.to_owned());
    }

    /// A predecessor has bound it, and it is not served any more.
    pub(super) fn abandon(&mut self, path: &Path) {
        self.abandoned.push(path.to_owned());
    }

    /// This process can start: what was the predecessor's is ours.
    pub(super) fn take_over(&mut self) {
        self.ours.append(&mut self.inherited);
        remove(&mut self.abandoned);
    }

    /// A successor serves them.
    pub(super) fn hand_over(&mut self) {
        self.ours.clear();
    }
}

impl Drop for UnixPaths {
    fn drop(&mut self) {
        remove(&mut self.ours);
    }
}

fn remove(paths: &mut Vec<PathBuf>) {
    // A path that stays behind is replaced at the next start, so that this may fail.
    for path in paths.drain(..) {
        drop(std::fs::remove_file(path));
    }
}

//! The paths of the Unix sockets that have been bound.
//!
//! Invariant: only what this process has bound is removed, and that always: when it stops, and when
//! it can not start because something else is in the way.

use std::path::{Path, PathBuf};

/// Removes the paths when dropped.
#[derive(Debug, Default)]
pub(super) struct UnixPaths(Vec<PathBuf>);

impl UnixPaths {
    pub(super) fn add(&mut self, path: &Path) {
        self.0.push(path.to_owned());
    }
}

impl Drop for UnixPaths {
    fn drop(&mut self) {
        // A path that stays behind is replaced at the next start, so that this may fail.
        for path in &self.0 {
            drop(std::fs::remove_file(path));
        }
    }
}

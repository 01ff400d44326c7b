//! What tells one version of files from another.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;

/// Marks of each file; a link that leads elsewhere has others too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stamp(Vec<Option<[i64; 7]>>);

impl Stamp {
    pub(super) fn of<'a>(files: impl IntoIterator<Item = &'a PathBuf>) -> Self {
        let look = |path: &PathBuf| std::fs::metadata(path).ok().as_ref().map(marks);
        Self(files.into_iter().map(look).collect())
    }

    /// Of no files.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn marks(file: &Metadata) -> [i64; 7] {
    let whole = |number: u64| i64::from_ne_bytes(number.to_ne_bytes());
    [
        whole(file.dev()),
        whole(file.ino()),
        whole(file.size()),
        file.mtime(),
        file.mtime_nsec(),
        // Moves with every change, whatever a copy says about the time.
        file.ctime(),
        file.ctime_nsec(),
    ]
}

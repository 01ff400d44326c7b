//! A server's files: a folder that is gone with its owner.

use std::io;
use std::path::{Path, PathBuf};

#[derive(Debug)]
pub(super) struct Folder(PathBuf);

impl Folder {
    /// Among the machine's own temporary files; `port` is nobody else's now.
    pub(super) fn create(port: u16) -> io::Result<Self> {
        let folder = Self(std::env::temp_dir().join(format!("fantail-bench-{port}")));
        std::fs::create_dir_all(&folder.0)?;
        Ok(folder)
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    pub(super) fn show(&self) -> String {
        self.0.display().to_string()
    }

    /// The path of the new file, as a word of a command.
    pub(super) fn write(&self, name: &str, text: impl AsRef<[u8]>) -> io::Result<String> {
        let file = self.0.join(name);
        std::fs::write(&file, text)?;
        Ok(file.display().to_string())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // One that stays harms nobody.
        std::fs::remove_dir_all(&self.0).ok();
    }
}

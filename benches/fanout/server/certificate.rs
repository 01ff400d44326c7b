//! A certificate of our own making, the same kind for everybody: ECDSA P-256, signed by itself.

use std::fs::{Permissions, set_permissions};
use std::io;
use std::os::unix::fs::PermissionsExt as _;

use super::Folder;

/// Paths of PEM files, as words of a configuration.
#[derive(Debug)]
pub(super) struct Certificate {
    pub(super) chain: String,
    pub(super) key: String,
    /// Both in one file.
    pub(super) both: String,
}

impl Certificate {
    pub(super) fn write(folder: &Folder) -> io::Result<Self> {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]);
        let made = made.map_err(io::Error::other)?;
        let (chain, key) = (made.cert.pem(), made.signing_key.serialize_pem());
        let files = Self {
            chain: folder.write("cert.pem", &chain)?,
            both: folder.write("both.pem", format!("{chain}{key}"))?,
            key: folder.write("key.pem", key)?,
        };
        for secret in [&files.key, &files.both] {
            set_permissions(secret, Permissions::from_mode(0o600))?;
        }
        Ok(files)
    }
}

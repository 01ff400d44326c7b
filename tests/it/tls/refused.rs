//! What can not be used is found before anything listens, by `serve` and by `validate`.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use rstest::rstest;

use super::authority;
use crate::support::pki::{Authority, replace};

/// What is done to a good pair.
type Harm = fn(&Path);

const NOBODYS: Harm = |folder| {
    let other = Authority::new("x").issue("localhost");
    replace(folder, "localhost.key", &other.key);
};
const EXPIRED: Harm = |folder| {
    let old = authority().issue_in("localhost", (2020, 2021));
    old.write(folder, "localhost");
};
const EARLY: Harm = |folder| {
    let new = authority().issue_in("localhost", (2400, 2500));
    new.write(folder, "localhost");
};
const GONE: Harm = |folder| std::fs::remove_file(folder.join("localhost.pem")).unwrap();
const NO_KEY: Harm = |folder| std::fs::remove_file(folder.join("localhost.key")).unwrap();
const OPEN: Harm = |folder| {
    let open = std::fs::Permissions::from_mode(0o644);
    std::fs::set_permissions(folder.join("localhost.key"), open).unwrap();
};
const EMPTY: Harm = |folder| {
    replace(folder, "localhost.pem", "");
};
const SWAPPED: Harm = |folder| {
    let cert = std::fs::read_to_string(folder.join("localhost.pem")).unwrap();
    replace(folder, "localhost.key", &cert);
};

#[rstest]
#[case(NOBODYS, "localhost.key: it is not the key of the certificate")]
#[case(EXPIRED, "localhost.pem: it has expired on Fri, 01 Jan 2021")]
#[case(EARLY, "localhost.pem: it is not valid before Sat, 01 Jan 2400")]
#[case(GONE, "localhost.pem: it can not be read: No such file")]
#[case(NO_KEY, "localhost.key: it can not be read: No such file")]
#[case(
    OPEN,
    "localhost.key: everybody on this machine can read it (mode 644)"
)]
#[case(EMPTY, "localhost.pem: it holds no certificate")]
#[case(SWAPPED, "localhost.key: it holds no private key")]
fn a_bad_pair_is_refused_with_its_reason(#[case] harm: Harm, #[case] words: &str) {
    let folder = tempfile::tempdir().unwrap();
    authority()
        .issue("localhost")
        .write(folder.path(), "localhost");
    harm(folder.path());
    let file = folder.path().join("fantail.toml");
    let text = "[server]\nlisten = [\"127.0.0.1:0\"]\n[admin]\nlisten = \"\"\n\
                [tls]\nlisten = [\"127.0.0.1:0\"]\ncert = \"localhost.pem\"\n\
                key = \"localhost.key\"\n\
                [[route]]\npath = \"/\"\nupstream = \"http://127.0.0.1:9/\"\n";
    std::fs::write(&file, text).unwrap();
    let file = file.to_str().unwrap();
    for arguments in [&["serve", "--config", file][..], &["validate", file]] {
        let done = Command::new(env!("CARGO_BIN_EXE_fantail"))
            .args(arguments)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let said = [done.stdout, done.stderr].concat();
        let said = String::from_utf8(said).unwrap();
        assert_eq!(done.status.code(), Some(78), "{said}");
        // The line of `cert`, or of `key`.
        let line = if words.starts_with("localhost.pem") {
            7
        } else {
            8
        };
        let place = format!("fantail.toml:{line}:");
        assert!(said.contains(words) && said.contains(&place), "{said}");
        assert!(said.contains("1 fault;"), "{said}");
    }
}

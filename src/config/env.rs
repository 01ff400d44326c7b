//! What is stronger than the file: `FANTAIL_SECTION__KEY` variables, and flags above them.
//!
//! Imports the reader only. Invariant: a `FANTAIL_` variable with a double underscore is either
//! used or a fault; one without is none of ours (a shell may have any).

use std::borrow::Cow;

use super::read::{Entry, Origin, Raw, Report};
use super::value::Complaint;

/// The flags that say the same as a key of the file, as they were typed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    /// `--listen`, repeatable; empty = not given.
    pub listen: Vec<String>,
    /// `--admin`; an empty text turns the admin listener off.
    pub admin: Option<String>,
}

/// The variables of this process that may be meant for Fantail. What is not UTF-8 in them becomes
/// U+FFFD, so that it is reported rather than passed over.
pub fn environment() -> Vec<(String, String)> {
    let text = |text: std::ffi::OsString| text.to_string_lossy().into_owned();
    let all = std::env::vars_os().map(|(name, value)| (text(name), text(value)));
    all.filter(|(name, _)| name.starts_with("FANTAIL_"))
        .collect()
}

/// What lies over the file, for each section the strongest last.
#[derive(Debug, Default)]
pub(super) struct Overlay<'a> {
    pub(super) server: Vec<Entry<'a>>,
    pub(super) admin: Vec<Entry<'a>>,
    pub(super) limits: Vec<Entry<'a>>,
    pub(super) tls: Vec<Entry<'a>>,
}

impl<'a> Overlay<'a> {
    /// Sorts variables and flags into sections.
    pub(super) fn new(
        env: &'a [(String, String)],
        flags: &'a Flags,
        report: &Report<'_>,
    ) -> Overlay<'a> {
        let mut overlay = Overlay::default();
        for (name, value) in env {
            overlay.add_variable(name, value, report);
        }
        if !flags.listen.is_empty() {
            overlay
                .server
                .push(flag("listen", "--listen", Raw::Texts(&flags.listen)));
        }
        if let Some(admin) = &flags.admin {
            overlay
                .admin
                .push(flag("listen", "--admin", Raw::Text(admin)));
        }
        overlay
    }

    fn add_variable(&mut self, name: &'a str, value: &'a str, report: &Report<'_>) {
        let split = name
            .strip_prefix("FANTAIL_")
            .and_then(|rest| rest.split_once("__"));
        let Some((section, key)) = split else {
            return;
        };
        let at = Origin::Variable(name);
        let capitals = !key.contains(|c: char| c.is_ascii_lowercase());
        let entries = match section {
            "SERVER" if capitals => &mut self.server,
            "ADMIN" if capitals => &mut self.admin,
            "LIMITS" if capitals => &mut self.limits,
            "TLS" if capitals => &mut self.tls,
            _ => {
                let right = "variables begin with FANTAIL_SERVER__, FANTAIL_ADMIN__, \
                             FANTAIL_TLS__ or FANTAIL_LIMITS__, in capital letters; routes are \
                             written in a file";
                report.add(
                    &at,
                    Complaint::new("this is not a variable of Fantail", right),
                );
                return;
            }
        };
        entries.push(Entry {
            name: Cow::Owned(key.to_ascii_lowercase()),
            name_at: at.clone(),
            raw: Raw::Text(value),
            raw_at: at,
        });
    }
}

fn flag<'a>(key: &'static str, flag: &'static str, raw: Raw<'a>) -> Entry<'a> {
    let at = Origin::Flag(flag);
    Entry {
        name: Cow::Borrowed(key),
        name_at: at.clone(),
        raw,
        raw_at: at,
    }
}

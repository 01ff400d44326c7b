//! The fixes, in the words of the server that has to be changed.
//!
//! Pure. Invariant: no line is longer than [`FIX_COLUMNS`], so that what is to be copied is never
//! wrapped.

mod texts;
pub mod tls;

use std::fmt;

use http::header::{HeaderName, SERVER};

use super::observation::Visit;

pub use self::texts::*;

/// Longest line of a fix: it stands behind a margin.
pub const FIX_COLUMNS: usize = 88;

/// Whose words a fix is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Server {
    /// The script, or `php.ini`.
    Php,
    /// nginx.
    Nginx,
    /// Apache.
    Apache,
    /// IIS.
    Iis,
    /// ASP.NET and classic ASP.
    Asp,
}

/// One fix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fix {
    /// Who has to be changed; `None` = whoever it is.
    pub server: Option<Server>,
    /// What to do; its line breaks count.
    pub text: &'static str,
}

// === impl Server ===

impl Server {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Php, Self::Nginx, Self::Apache, Self::Iis, Self::Asp];

    /// Its name as people write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Php => "PHP",
            Self::Nginx => "nginx",
            Self::Apache => "Apache",
            Self::Iis => "IIS",
            Self::Asp => "ASP",
        }
    }

    /// Who gives themselves away in the answer or in the URL; empty if nobody does.
    pub fn of(url: &str, visit: &Visit) -> Vec<Self> {
        let header = |name| visit.header(&name).unwrap_or_default().to_ascii_lowercase();
        let by = header(HeaderName::from_static("x-powered-by"));
        let aspx = header(HeaderName::from_static("x-aspnet-version"));
        let server = header(SERVER);
        let path = url
            .split('?')
            .next()
            .unwrap_or_default()
            .to_ascii_lowercase();
        let signs = [
            (Self::Php, by.contains("php") || path.contains(".php")),
            (
                Self::Nginx,
                server.contains("nginx") || server.contains("openresty"),
            ),
            (Self::Apache, server.contains("apache")),
            (Self::Iis, server.contains("iis")),
            (
                Self::Asp,
                by.contains("asp") || !aspx.is_empty() || path.contains(".asp"),
            ),
        ];
        signs
            .into_iter()
            .filter(|(_, sign)| *sign)
            .map(|(who, _)| who)
            .collect()
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

//! What is asked of the doctor: the command line, read.
//!
//! May import `config::units` and `source::tls`, which reads the file of an authority. Invariant:
//! whoever holds an [`Ask`] holds a URL and headers that can be sent as they are.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use http::header::{COOKIE, HeaderMap, HeaderName, HeaderValue};

use super::advice::Server;
use super::observation::Credentials;
use crate::config::units;
use crate::source::reach::is_https;
use crate::source::tls::{Client, Settings};

/// A look must be long enough for one packet and short enough to be waited for.
const SHORTEST_LOOK: Duration = Duration::from_millis(100);
const LONGEST_LOOK: Duration = Duration::from_secs(3600);
/// Most streams that are opened at once to see whether an ordinary page suffers.
const MOST_WORKERS: usize = 64;
/// Names that belong to the connection or to the probes.
const OURS: [&str; 9] = [
    "connection",
    "content-length",
    "transfer-encoding",
    "te",
    "trailer",
    "upgrade",
    "expect",
    "last-event-id",
    "origin",
];

/// One examination.
#[derive(Clone, Debug)]
pub struct Ask {
    /// The URL as it was given.
    pub text: String,
    /// The same, parsed.
    pub url: Uri,
    /// Sent along, the cookies included.
    pub sent: HeaderMap,
    /// How long the first visit looks at the stream.
    pub look: Duration,
    /// Whose fixes are shown; empty = of whom the answer gives away, else all.
    pub fix: Vec<Server>,
    /// How many streams to open to see whether an ordinary page suffers; 0 = none.
    pub workers: usize,
    /// Who is trusted instead of the machine's own authorities: the file as it was given, and what
    /// was read from it.
    pub ca: Option<(String, Arc<Client>)>,
}

/// What is wrong with the command line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AskFault {
    /// The URL can not be asked.
    #[error("`{0}` is no URL that can be asked: write it as http://127.0.0.1:8000/demo_sse.php")]
    Url(String),
    /// It has a user name in it.
    #[error("the URL has a user name in it: use --header 'Authorization: Basic …' instead")]
    User,
    /// `--header`.
    #[error("--header `{0}` is no header: write it as --header 'Name: value'")]
    Header(String),
    /// A header that can not be chosen.
    #[error("--header `{0}` belongs to the connection or to the probes, and can not be chosen")]
    Ours(String),
    /// `--cookie`.
    #[error("--cookie has something that is no cookie: write it as --cookie 'name=value'")]
    Cookie,
    /// `--for`.
    #[error("--for `{0}` {1}: write a time from 100ms to 1h, such as 10s")]
    Look(String, &'static str),
    /// `--workers`.
    #[error("--workers {0}: at most {MOST_WORKERS} streams are opened at once")]
    Workers(usize),
    /// `--ca`.
    #[error("--ca {0}; name the PEM file of the authority, such as --ca ca.pem")]
    Ca(String),
    /// `--ca` without TLS.
    #[error("--ca is for https:// addresses only: leave it out, or ask the https:// address")]
    CaWithoutTls,
}

impl Ask {
    /// An examination of this URL, for so long (`"10s"`).
    ///
    /// ```
    /// use fantail::doctor::Ask;
    /// assert!(Ask::new("http://127.0.0.1:8000/demo_sse.php", "10s").is_ok());
    /// assert!(Ask::new("127.0.0.1:8000", "10s").is_err());
    /// ```
    pub fn new(url: &str, look: &str) -> Result<Self, AskFault> {
        let time = units::duration(look).map_err(|why| AskFault::Look(look.to_owned(), why))?;
        if !(SHORTEST_LOOK..=LONGEST_LOOK).contains(&time) {
            return Err(AskFault::Look(look.to_owned(), "is out of bounds"));
        }
        let text = url.split('#').next().unwrap_or_default();
        let parsed = text.parse::<Uri>().ok();
        let parsed = parsed
            .filter(|url| matches!(url.scheme_str(), Some("http" | "https")))
            .filter(|url| url.host().is_some_and(|host| !host.is_empty()))
            .ok_or_else(|| AskFault::Url(url.to_owned()))?;
        if parsed.authority().is_some_and(|a| a.as_str().contains('@')) {
            return Err(AskFault::User);
        }
        Ok(Self {
            text: text.to_owned(),
            url: parsed,
            sent: HeaderMap::new(),
            look: time,
            fix: Vec::new(),
            workers: 0,
            ca: None,
        })
    }

    /// With headers, each `Name: value`.
    pub fn headers(self, texts: &[String]) -> Result<Self, AskFault> {
        texts.iter().try_fold(self, |ask, text| ask.header(text))
    }

    /// With cookies, each `name=value`; several become one header, as browsers do it.
    pub fn cookies(self, texts: &[String]) -> Result<Self, AskFault> {
        texts.iter().try_fold(self, |ask, text| ask.cookie(text))
    }

    fn header(mut self, text: &str) -> Result<Self, AskFault> {
        let wrong = || AskFault::Header(text.to_owned());
        let (name, value) = text.split_once(':').ok_or_else(wrong)?;
        let name = HeaderName::from_bytes(name.trim_ascii().as_bytes()).map_err(|_| wrong())?;
        if OURS.contains(&name.as_str()) {
            return Err(AskFault::Ours(name.as_str().to_owned()));
        }
        let mut value = HeaderValue::from_str(value.trim_ascii()).map_err(|_| wrong())?;
        value.set_sensitive(true);
        self.sent.append(name, value);
        Ok(self)
    }

    fn cookie(mut self, text: &str) -> Result<Self, AskFault> {
        if !text.contains('=') {
            return Err(AskFault::Cookie);
        }
        let all = join_cookies(self.sent.get(COOKIE), text.as_bytes());
        let mut value = HeaderValue::from_bytes(&all).map_err(|_| AskFault::Cookie)?;
        value.set_sensitive(true);
        self.sent.insert(COOKIE, value);
        Ok(self)
    }

    /// With the fixes of these servers only, by name in any case; other names are passed over.
    #[must_use]
    pub fn fixes(mut self, names: &[String]) -> Self {
        let wanted = |server: &Server| {
            names
                .iter()
                .any(|n| n.eq_ignore_ascii_case(server.as_str()))
        };
        self.fix.extend(Server::ALL.into_iter().filter(wanted));
        self
    }

    /// With an ordinary page asked for while so many streams are open.
    pub fn workers(self, workers: usize) -> Result<Self, AskFault> {
        if workers > MOST_WORKERS {
            return Err(AskFault::Workers(workers));
        }
        Ok(Self { workers, ..self })
    }

    /// With an authority of one's own, in this file.
    pub fn ca(self, file: Option<&Path>) -> Result<Self, AskFault> {
        let Some(file) = file else {
            return Ok(self);
        };
        if !is_https(&self.url) {
            return Err(AskFault::CaWithoutTls);
        }
        let settings = Settings {
            ca: Some(file.to_owned()),
            ..Settings::default()
        };
        let client = Client::new(settings).map_err(|fault| AskFault::Ca(fault.to_string()))?;
        let ca = Some((file.display().to_string(), Arc::new(client)));
        Ok(Self { ca, ..self })
    }

    /// What of the headers tells visitors apart.
    pub fn credentials(&self) -> Credentials {
        let others = self.sent.keys().filter(|name| **name != COOKIE);
        Credentials {
            cookie: self.sent.contains_key(COOKIE),
            headers: others.map(title_case).collect(),
        }
    }
}

/// A `Cookie` header with one more in it.
pub(super) fn join_cookies(old: Option<&HeaderValue>, new: &[u8]) -> Vec<u8> {
    let mut all = old.map_or_else(Vec::new, |old| old.as_bytes().to_vec());
    if !all.is_empty() {
        all.extend_from_slice(b"; ");
    }
    all.extend_from_slice(new);
    all
}

/// As people write it.
fn title_case(name: &HeaderName) -> String {
    let mut at_start = true;
    let cased = name.as_str().chars().map(|c| {
        let upper = std::mem::replace(&mut at_start, c == '-');
        if upper { c.to_ascii_uppercase() } else { c }
    });
    cased.collect()
}

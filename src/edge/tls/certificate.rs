//! What is written in a certificate: names, and from when until when it is valid.
//!
//! Pure. A client's certificate comes here only after it has been verified.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustls::pki_types::CertificateDer;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::pair::Why;

/// A certificate's own words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Certificate {
    /// Its DNS names, lower-case; `*.` in the first place is a wildcard.
    pub(super) names: Vec<String>,
    /// The name of its owner that is not a DNS name: the first URI or mail address, else the common
    /// name.
    pub(super) owner: Option<String>,
    pub(super) not_before: SystemTime,
    pub(super) not_after: SystemTime,
}

impl Certificate {
    /// Reads it; `None` if it is none.
    pub(super) fn read(der: &CertificateDer<'_>) -> Option<Self> {
        let (_, parsed) = X509Certificate::from_der(der).ok()?;
        let (mut names, mut owner) = (Vec::new(), None);
        let alternatives = parsed.subject_alternative_name().ok().flatten();
        for name in alternatives.iter().flat_map(|san| &san.value.general_names) {
            match name {
                GeneralName::DNSName(name) => names.push(name.to_ascii_lowercase()),
                GeneralName::URI(text) | GeneralName::RFC822Name(text) if owner.is_none() => {
                    owner = Some((*text).to_owned());
                }
                _ => {}
            }
        }
        let mut common = parsed.subject().iter_common_name();
        let common = common.next().and_then(|name| name.as_str().ok());
        Some(Self {
            owner: owner.or_else(|| common.map(str::to_owned)),
            not_before: time(parsed.validity().not_before.timestamp()),
            not_after: time(parsed.validity().not_after.timestamp()),
            names,
        })
    }

    /// Whether it is valid now.
    pub(super) fn check(&self, now: SystemTime) -> Result<(), Why> {
        if now > self.not_after {
            Err(Why::Expired(httpdate::fmt_http_date(self.not_after)))
        } else if now < self.not_before {
            Err(Why::TooEarly(httpdate::fmt_http_date(self.not_before)))
        } else {
            Ok(())
        }
    }

    /// By what it is known: its first name, else its owner's.
    pub(super) fn name(&self) -> &str {
        let first = self.names.first().or(self.owner.as_ref());
        first.map_or("", String::as_str)
    }

    /// When it expires, Unix time.
    pub(super) fn expiry(&self) -> i64 {
        unix(self.not_after)
    }
}

pub(super) fn unix(time: SystemTime) -> i64 {
    let since_1970 = time.duration_since(UNIX_EPOCH);
    since_1970.map_or(0, |time| i64::try_from(time.as_secs()).unwrap_or(i64::MAX))
}

/// From Unix time, as far as dates on the wire reach: the end of the year 9999.
pub(super) fn time(seconds: i64) -> SystemTime {
    const LAST: u64 = 253_402_300_799;
    let seconds = u64::try_from(seconds).unwrap_or(0).min(LAST);
    UNIX_EPOCH + Duration::from_secs(seconds)
}

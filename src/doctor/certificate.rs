//! A certificate as far as a person has to know it: who, by whom, for which names.
//!
//! Pure: may import `source::tls`. Invariant: nothing is judged here; what can not be read is left
//! empty, and no certificate can make this fail.

use rustls::CertificateError;
use rustls::pki_types::CertificateDer;
use webpki::EndEntityCert;

use crate::source::tls::look::name_doubt;

/// A name that nobody has (RFC 2606): who is asked for it tells which ones there are.
const NOBODY: &str = "fantail.invalid";
/// `commonName` and `organizationName` as they stand in a name.
const COMMON_NAME: &[u8] = b"\x06\x03\x55\x04\x03";
const ORGANISATION: &[u8] = b"\x06\x03\x55\x04\x0a";
/// `caIssuers`, and the tag of the URL behind it.
const ISSUERS_URL: &[u8] = b"\x06\x08\x2b\x06\x01\x05\x05\x07\x30\x02\x86";
/// Text of two bytes for each character.
const BMP_STRING: u8 = 0x1E;

/// One certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Certificate {
    /// Whose it is.
    pub subject: String,
    /// Who has signed it.
    pub issuer: String,
    /// Whether these two are the same.
    pub is_self_issued: bool,
    /// The names and addresses that it is for.
    pub names: Vec<String>,
    /// Where the certificate of its issuer can be had, if it says so: public authorities do.
    pub issuer_url: Option<String>,
}

impl Certificate {
    /// Reads one.
    pub fn read(der: &CertificateDer<'_>) -> Self {
        let mut read = Self {
            names: names(der),
            issuer_url: after(der, ISSUERS_URL).map(text),
            ..Self::default()
        };
        if let Ok(cert) = EndEntityCert::try_from(der) {
            read.subject = common_name(cert.subject());
            read.issuer = common_name(cert.issuer());
            read.is_self_issued = cert.subject() == cert.issuer();
        }
        read
    }
}

fn names(der: &CertificateDer<'_>) -> Vec<String> {
    match name_doubt(der, NOBODY) {
        Some(CertificateError::NotValidForNameContext { presented, .. }) => {
            presented.iter().map(|name| bare(name)).collect()
        }
        _ => Vec::new(),
    }
}

/// `DnsName("a.example")` and `IpAddress(127.0.0.1)` without what is around them.
fn bare(name: &str) -> String {
    let inner = name
        .split_once('(')
        .and_then(|(_, rest)| rest.strip_suffix(')'));
    inner.unwrap_or(name).trim_matches('"').to_owned()
}

/// What people call somebody, else the organisation.
fn common_name(name: &[u8]) -> String {
    let value = |kind| {
        let (&tag, rest) = behind(name, kind)?.split_first()?;
        let value = sized(rest)?;
        Some(if tag == BMP_STRING {
            let units = value.chunks_exact(2).map(|pair| match pair {
                [high, low] => u16::from_be_bytes([*high, *low]),
                _ => 0,
            });
            char::decode_utf16(units)
                .map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER))
                .collect()
        } else {
            text(value)
        })
    };
    value(COMMON_NAME)
        .or_else(|| value(ORGANISATION))
        .unwrap_or_default()
}

/// The value behind a mark.
fn after<'a>(der: &'a [u8], mark: &[u8]) -> Option<&'a [u8]> {
    sized(behind(der, mark)?)
}

fn behind<'a>(der: &'a [u8], mark: &[u8]) -> Option<&'a [u8]> {
    let at = memchr::memmem::find(der, mark)?;
    der.get(at + mark.len()..)
}

/// The bytes that a length of DER counts: one byte, or one that says that one more follows.
fn sized(der: &[u8]) -> Option<&[u8]> {
    match der {
        [0x81, length, rest @ ..] | [length @ 0..=0x7F, rest @ ..] => {
            rest.get(..usize::from(*length))
        }
        _ => None,
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

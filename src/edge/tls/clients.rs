//! Who clients have to be: the authorities of their certificates, and what these have revoked.
//!
//! Invariants: a client whose authority's word is missing or out of date does not come in; all that
//! is in use was read at one moment.

use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use rustls::RootCertStore;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoClientAuth, WebPkiClientVerifier};
use x509_parser::prelude::{CertificateRevocationList, FromDer as _, X509Certificate};

use super::certificate::{time, unix};
use super::chooser::Shown;
use super::pair::{Fault, Why};
use super::{ClientAuth, Options};
use crate::pem;

/// What the files say.
#[derive(Debug)]
pub(super) struct Clients {
    roots: Arc<RootCertStore>,
    lists: Vec<List>,
    pub(super) verifier: Arc<dyn ClientCertVerifier>,
}

/// A revocation list.
#[derive(Debug, PartialEq, Eq)]
struct List {
    der: CertificateRevocationListDer<'static>,
    shown: Shown,
}

// === impl Clients ===

impl Clients {
    pub(super) fn load(options: &Options, now: SystemTime) -> Result<Self, Fault> {
        let (true, Some(path)) = (options.client_auth != ClientAuth::None, &options.client_ca)
        else {
            return Ok(Self::anybody());
        };
        let on_ca = |why: pem::Why| Fault::of("client_ca", Some(path), why);
        let authorities = pem::certificates(path).map_err(on_ca)?;
        let mut lists = Vec::new();
        for path in &options.client_crl {
            let found = self::lists(path, now)?;
            let check = |list: &List| list.check_signature(&authorities);
            let checked = found.iter().try_for_each(check);
            checked.map_err(|why| Fault::of("client_crl", Some(path), why))?;
            lists.extend(found);
        }
        let roots = Arc::new(pem::trust(authorities).map_err(on_ca)?);
        let verifier = verifier(options.client_auth, &roots, &lists).map_err(on_ca)?;
        Ok(Self {
            roots,
            lists,
            verifier,
        })
    }

    /// Nobody is asked.
    fn anybody() -> Self {
        Self {
            roots: Arc::new(RootCertStore::empty()),
            lists: Vec::new(),
            verifier: Arc::new(NoClientAuth),
        }
    }

    /// Whether the files have said the same before.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        self.roots.roots == other.roots.roots && self.lists == other.lists
    }

    /// The lists in use.
    pub(super) fn shown(&self) -> Vec<Shown> {
        self.lists.iter().map(|list| list.shown.clone()).collect()
    }
}

fn verifier(
    auth: ClientAuth,
    roots: &Arc<RootCertStore>,
    lists: &[List],
) -> Result<Arc<dyn ClientCertVerifier>, pem::Why> {
    let builder = WebPkiClientVerifier::builder_with_provider(Arc::clone(roots), provider())
        .with_crls(lists.iter().map(|list| list.der.clone()))
        // SECURITY: an old list does not name who was revoked since.
        .enforce_revocation_expiration();
    let builder = match auth {
        ClientAuth::Optional => builder.allow_unauthenticated(),
        ClientAuth::None | ClientAuth::Required => builder,
    };
    let unusable = |error: &dyn ToString| rustls::Error::General(error.to_string());
    builder
        .build()
        .map_err(|error| pem::Why::Unusable(unusable(&error)))
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

/// Whether this file of `client_ca` can be used.
pub fn check_authorities(path: &Path) -> Result<(), Fault> {
    let trusted = pem::certificates(path).and_then(pem::trust);
    trusted
        .map(drop)
        .map_err(|why| Fault::of("client_ca", Some(path), why))
}

/// Whether this file of `client_crl` can be used now.
pub fn check_revocation_lists(path: &Path) -> Result<(), Fault> {
    lists(path, crate::clock::wall()).map(drop)
}

fn lists(path: &Path, now: SystemTime) -> Result<Vec<List>, Fault> {
    let on_crl = |why| Fault::of("client_crl", Some(path), why);
    let found = pem::revocation_lists(path).map_err(|why| on_crl(why.into()))?;
    let read = found.into_iter().map(|der| List::read(der, now));
    read.collect::<Result<_, _>>().map_err(on_crl)
}

// === impl List ===

impl List {
    fn read(der: CertificateRevocationListDer<'static>, now: SystemTime) -> Result<Self, Why> {
        webpki::OwnedCertRevocationList::from_der(&der).map_err(Why::List)?;
        let (issuer, until) = {
            let list = parsed(&der)?;
            let until = list.next_update().map(|until| time(until.timestamp()));
            (name(list.issuer()), until)
        };
        // One that never expires has been refused above.
        let until = until.ok_or(Why::Malformed(LIST))?;
        if now >= until {
            return Err(Why::Expired(httpdate::fmt_http_date(until)));
        }
        let shown = Shown {
            name: issuer,
            expiry: unix(until),
        };
        Ok(Self { der, shown })
    }

    /// Whether it is signed by an authority of this name, if there is one. Else it may be the list
    /// of one that clients send along with their own certificates.
    fn check_signature(&self, authorities: &[CertificateDer<'_>]) -> Result<(), Why> {
        let list = parsed(&self.der)?;
        let known = authorities
            .iter()
            .filter_map(|der| Some(X509Certificate::from_der(der).ok()?.1))
            .filter(|authority| authority.subject().as_raw() == list.issuer().as_raw());
        let mut is_known = false;
        for authority in known {
            is_known = true;
            let key = &authority.public_key().subject_public_key.data;
            let (signed, signature) = (list.tbs_cert_list.as_ref(), &list.signature_value.data);
            let algorithms = provider().signature_verification_algorithms.all;
            let mut tries = algorithms.iter();
            if tries.any(|one| one.verify_signature(key, signed, signature).is_ok()) {
                return Ok(());
            }
        }
        if is_known {
            return Err(Why::Forged(self.shown.name.clone()));
        }
        Ok(())
    }
}

const LIST: &str = "revocation list";

fn parsed<'a>(
    der: &'a CertificateRevocationListDer<'_>,
) -> Result<CertificateRevocationList<'a>, Why> {
    let parsed = CertificateRevocationList::from_der(der);
    parsed
        .map(|(_, list)| list)
        .map_err(|_| Why::Malformed(LIST))
}

/// The common name, else the whole one.
fn name(issuer: &x509_parser::x509::X509Name<'_>) -> String {
    let mut common = issuer.iter_common_name();
    let common = common.next().and_then(|name| name.as_str().ok());
    common.map_or_else(|| issuer.to_string(), str::to_owned)
}

//! Authorities and certificates for tests, those of the library's modules included.

#![allow(
    dead_code,
    reason = "the library's tests and the integration tests use parts of it"
)]

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, DnType,
    IsCa, KeyIdMethod, KeyPair, RevokedCertParams, SerialNumber, date_time_ymd,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// From the begin of one year to that of another.
type Years = (i32, i32);

/// In which each test is run.
const VALID: Years = (2020, 2500);

/// Who signs.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate and its key, both in PEM.
#[derive(Clone)]
pub(crate) struct Identity {
    pub(crate) cert: String,
    pub(crate) key: String,
}

// === impl Authority ===

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        Self(CertifiedIssuer::self_signed(authority_params(name), key).unwrap())
    }

    /// One that this one vouches for.
    pub(crate) fn below(&self, name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        Self(CertifiedIssuer::signed_by(authority_params(name), key, &self.0).unwrap())
    }

    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    /// For one name, valid now.
    pub(crate) fn issue(&self, name: &str) -> Identity {
        self.issue_in(name, VALID)
    }

    /// Valid in these years.
    pub(crate) fn issue_in(&self, name: &str, years: Years) -> Identity {
        self.issue_as(&params(&[name], years))
    }

    /// As it is written.
    pub(crate) fn issue_as(&self, params: &CertificateParams) -> Identity {
        self.sign(params, &KeyPair::generate().unwrap())
    }

    /// With an RSA key.
    pub(crate) fn issue_rsa(&self, name: &str) -> Identity {
        let key = KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).unwrap();
        self.sign(&params(&[name], VALID), &key)
    }

    fn sign(&self, params: &CertificateParams, key: &KeyPair) -> Identity {
        Identity {
            cert: params.signed_by(key, &self.0).unwrap().pem(),
            key: key.serialize_pem(),
        }
    }

    /// A list of those whose certificates are revoked, in PEM.
    pub(crate) fn revoke(&self, revoked: &[&Identity]) -> String {
        self.revoke_as(&revocation(revoked, VALID))
    }

    /// As it is written.
    pub(crate) fn revoke_as(&self, params: &CertificateRevocationListParams) -> String {
        params.signed_by(&self.0).unwrap().pem().unwrap()
    }
}

fn authority_params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
}

/// For these names, valid in these years.
pub(crate) fn params(names: &[&str], (from, until): Years) -> CertificateParams {
    let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    params.not_before = date_time_ymd(from, 1, 1);
    params.not_after = date_time_ymd(until, 1, 1);
    params
}

/// Of these certificates, from the begin of one year until that of another.
pub(crate) fn revocation(
    revoked: &[&Identity],
    (from, until): Years,
) -> CertificateRevocationListParams {
    let revoke = |identity: &&Identity| RevokedCertParams {
        serial_number: identity.serial(),
        revocation_time: date_time_ymd(from, 1, 1),
        reason_code: None,
        invalidity_date: None,
    };
    CertificateRevocationListParams {
        this_update: date_time_ymd(from, 1, 1),
        next_update: date_time_ymd(until, 1, 1),
        crl_number: SerialNumber::from(1),
        issuing_distribution_point: None,
        revoked_certs: revoked.iter().map(revoke).collect(),
        key_identifier_method: KeyIdMethod::Sha256,
    }
}

// === impl Identity ===

impl Identity {
    /// Vouched for by itself alone.
    pub(crate) fn self_signed(params: &CertificateParams) -> Self {
        let key = KeyPair::generate().unwrap();
        Self {
            cert: params.self_signed(&key).unwrap().pem(),
            key: key.serialize_pem(),
        }
    }

    /// With the certificates of these behind its own.
    pub(crate) fn with(mut self, authorities: &[&Authority]) -> Self {
        self.cert.extend(authorities.iter().map(|a| a.pem()));
        self
    }

    pub(crate) fn chain(&self) -> Vec<CertificateDer<'static>> {
        let found = CertificateDer::pem_slice_iter(self.cert.as_bytes());
        found.map(Result::unwrap).collect()
    }

    pub(crate) fn secret(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::from_pem_slice(self.key.as_bytes()).unwrap()
    }

    fn serial(&self) -> SerialNumber {
        let chain = self.chain();
        let (_, certificate) = X509Certificate::from_der(&chain[0]).unwrap();
        SerialNumber::from_slice(certificate.raw_serial())
    }

    /// Writes `stem.pem` and `stem.key`.
    pub(crate) fn write(&self, folder: &Path, stem: &str) -> (PathBuf, PathBuf) {
        let cert = replace(folder, &format!("{stem}.pem"), &self.cert);
        let key = replace(folder, &format!("{stem}.key"), &self.key);
        (cert, key)
    }
}

/// Writes a file that nobody else may read. One that is there is replaced whole, as good tools do
/// it.
pub(crate) fn replace(folder: &Path, name: &str, text: &str) -> PathBuf {
    let (path, new) = (folder.join(name), folder.join(format!("{name}.new")));
    std::fs::write(&new, text).unwrap();
    std::fs::set_permissions(&new, std::fs::Permissions::from_mode(0o600)).unwrap();
    std::fs::rename(&new, &path).unwrap();
    path
}

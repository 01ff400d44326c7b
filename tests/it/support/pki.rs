//! Authorities and certificates for gateways and clients.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

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
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        Self(CertifiedIssuer::self_signed(params, key).unwrap())
    }

    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    /// For one name, valid now.
    pub(crate) fn issue(&self, name: &str) -> Identity {
        self.issue_in(name, (2020, 2500))
    }

    /// Valid in these years.
    pub(crate) fn issue_in(&self, name: &str, years: (i32, i32)) -> Identity {
        self.issue_with(name, years, &KeyPair::generate().unwrap())
    }

    /// With an RSA key.
    pub(crate) fn issue_rsa(&self, name: &str) -> Identity {
        let key = KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).unwrap();
        self.issue_with(name, (2020, 2500), &key)
    }

    fn issue_with(&self, name: &str, (from, until): (i32, i32), key: &KeyPair) -> Identity {
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        params.not_before = date_time_ymd(from, 1, 1);
        params.not_after = date_time_ymd(until, 1, 1);
        let cert = params.signed_by(key, &self.0).unwrap();
        Identity {
            cert: cert.pem(),
            key: key.serialize_pem(),
        }
    }
}

// === impl Identity ===

impl Identity {
    pub(crate) fn chain(&self) -> Vec<CertificateDer<'static>> {
        vec![CertificateDer::from_pem_slice(self.cert.as_bytes()).unwrap()]
    }

    pub(crate) fn secret(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::from_pem_slice(self.key.as_bytes()).unwrap()
    }

    /// Writes `stem.pem` and `stem.key`, which nobody else may read. Each file is replaced whole,
    /// as good tools do it.
    pub(crate) fn write(&self, folder: &Path, stem: &str) -> (PathBuf, PathBuf) {
        let cert = replace(folder, &format!("{stem}.pem"), &self.cert);
        let key = replace(folder, &format!("{stem}.key"), &self.key);
        (cert, key)
    }
}

/// Replaces a file whole.
pub(crate) fn replace(folder: &Path, name: &str, text: &str) -> PathBuf {
    let (path, new) = (folder.join(name), folder.join(format!("{name}.new")));
    std::fs::write(&new, text).unwrap();
    std::fs::set_permissions(&new, std::fs::Permissions::from_mode(0o600)).unwrap();
    std::fs::rename(&new, &path).unwrap();
    path
}

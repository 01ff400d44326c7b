//! Which certificate a client gets, and how a new one takes its place.
//!
//! Invariants: a handshake sees the certificates of one moment; a pair that can not be used leaves
//! the one in use where it is.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::SystemTime;

use parking_lot::{Mutex, RwLock};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::pair::{self, Fault, Loaded};
use super::stamp::Stamp;
use super::{Options, Pair};

/// The certificates in use.
#[derive(Debug)]
pub(super) struct Chooser {
    strict: bool,
    pairs: Mutex<Vec<Watched>>,
    /// Behind a lock that is held for a pointer's copy, once for each handshake.
    table: RwLock<Arc<Table>>,
}

/// One pair with what was last seen of its files.
#[derive(Debug)]
struct Watched {
    pair: Pair,
    stamp: Stamp,
    loaded: Arc<Loaded>,
}

/// Who gets what.
#[derive(Debug, Default)]
struct Table {
    by_name: HashMap<String, Vec<Arc<CertifiedKey>>>,
    all: Vec<Arc<CertifiedKey>>,
}

/// A certificate or a revocation list in use, as operators see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// The certificate's first name, or the list's authority.
    pub name: String,
    /// When it expires, Unix time.
    pub expiry: i64,
}

/// What has become of the files.
#[derive(Debug, Default)]
pub struct Refreshed {
    /// Pairs that are used from now on; who clients have to be counts as one.
    pub replaced: usize,
    /// What can not be used; the old one still is.
    pub faults: Vec<Fault>,
}

// === impl Chooser ===

impl Chooser {
    pub(super) fn load(options: &Options, now: SystemTime) -> Result<Self, Fault> {
        let mut pairs = Vec::with_capacity(options.pairs.len());
        for pair in &options.pairs {
            // Before the files are read: a change while they are is seen by the next look.
            let stamp = Stamp::of(pair.files());
            pairs.push(Watched {
                loaded: Arc::new(pair::load(pair, now)?),
                pair: pair.clone(),
                stamp,
            });
        }
        Ok(Self {
            strict: options.strict_sni,
            table: RwLock::new(Arc::new(Table::new(&pairs))),
            pairs: Mutex::new(pairs),
        })
    }

    pub(super) fn shown(&self) -> Vec<Shown> {
        let show = |watched: &Watched| Shown {
            name: watched.loaded.certificate.name().to_owned(),
            expiry: watched.loaded.certificate.expiry(),
        };
        self.pairs.lock().iter().map(show).collect()
    }

    pub(super) fn refresh(&self, forced: bool, now: SystemTime) -> Refreshed {
        let mut refreshed = Refreshed::default();
        let mut pairs = self.pairs.lock();
        for watched in pairs.iter_mut() {
            let stamp = Stamp::of(watched.pair.files());
            if !forced && stamp == watched.stamp {
                continue;
            }
            // Bad files are told once, and looked at again when they change.
            watched.stamp = stamp;
            match pair::load(&watched.pair, now) {
                Ok(loaded) => {
                    watched.loaded = Arc::new(loaded);
                    refreshed.replaced += 1;
                }
                Err(fault) => refreshed.faults.push(fault),
            }
        }
        if refreshed.replaced > 0 {
            *self.table.write() = Arc::new(Table::new(&pairs));
        }
        drop(pairs);
        refreshed
    }

    fn choose(
        &self,
        name: Option<&str>,
        fits: impl Fn(&CertifiedKey) -> bool,
    ) -> Option<Arc<CertifiedKey>> {
        let table = Arc::clone(&self.table.read());
        let named = name.and_then(|name| table.named(name));
        let pick = |keys: &[Arc<CertifiedKey>]| keys.iter().find(|key| fits(key)).cloned();
        match (name, named) {
            (_, Some(keys)) => pick(keys),
            (Some(_), None) if self.strict => None,
            (_, None) => pick(&table.all),
        }
    }
}

impl ResolvesServerCert for Chooser {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        // One name may have a certificate of each kind: the first that the client can verify.
        let fits = |key: &CertifiedKey| key.key.choose_scheme(hello.signature_schemes()).is_some();
        self.choose(hello.server_name(), fits)
    }
}

// === impl Table ===

impl Table {
    fn new(pairs: &[Watched]) -> Self {
        let mut table = Self::default();
        for watched in pairs {
            let Loaded { key, certificate } = &*watched.loaded;
            for name in &certificate.names {
                let keys = table.by_name.entry(name.clone()).or_default();
                keys.push(Arc::clone(key));
            }
            table.all.push(Arc::clone(key));
        }
        table
    }

    /// Those of the name itself, else of the wildcard that covers it.
    fn named(&self, name: &str) -> Option<&[Arc<CertifiedKey>]> {
        let name = name.to_ascii_lowercase();
        let wildcard = || {
            let (_, parent) = name.split_once('.')?;
            self.by_name.get(&format!("*.{parent}"))
        };
        let found = self.by_name.get(&name).or_else(wildcard)?;
        Some(found)
    }
}

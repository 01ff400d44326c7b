//! `[tls]`: where clients come in by TLS, and with which certificates they are met.
//!
//! Imports the reader and the edge's TLS. Invariant: each file is read here, so that what is wrong
//! with one is found by `validate` and at start, and not by the first client.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use super::check::{self, Placed};
use super::kinds::{any_time, boolean, list, number, word};
use super::read::Section;
use super::tls::file;
use super::value::{Complaint, Value};
use super::{Listen, Redirect, Tls, address};
use crate::edge;
use crate::edge::tls::{
    ClientAuth, Fault, MinVersion, Options, Pair, Server, Why, check_authorities,
    check_revocation_lists,
};
use crate::pem;

/// What was found; what is missing or bad has been reported.
#[derive(Debug, Default)]
pub(super) struct Found<'a> {
    pub(super) listeners: Vec<Placed<'a, Listen>>,
    pub(super) tls: Option<Tls>,
}

/// A file's name and where it is written; `None` = not written, or badly.
type Named<'a> = Option<(PathBuf, Value<'a>)>;

/// What says who clients have to be.
#[derive(Debug)]
struct ClientFiles<'a> {
    ca: Named<'a>,
    crl: Vec<(PathBuf, Value<'a>)>,
}

/// Reads the table. Without an address in `listen` there is no TLS.
pub(super) fn read<'a>(mut table: Section<'a>, edge: &mut edge::Options) -> Found<'a> {
    let listeners = listeners(&mut table);
    let (mut options, mut redirect) = (Options::default(), Redirect::Off);
    let (mut hsts, mut strict) = (edge.hsts, edge.strict_sni);
    let mut is_told = edge.proxy_protocol.tls;
    let pairs = pairs(&mut table);
    table.set(&mut options.min_version, "min_version", word(VERSIONS));
    let files = ClientFiles::read(&mut table);
    let auth = table.set(&mut options.client_auth, "client_auth", word(AUTH));
    table.set(&mut hsts, "hsts", any_time());
    table.set(&mut redirect, "redirect", self::redirect);
    table.set(&mut strict, "strict_sni", boolean);
    table.set(&mut options.http2, "http2", boolean);
    let told = table.set(&mut is_told, "proxy_protocol", boolean);
    if listeners.is_empty() {
        table.finish();
        return Found::default();
    }
    files.compare(options.client_auth, auth.as_ref());
    options.client_ca = files.ca.as_ref().map(|(path, _)| path.clone());
    options.client_crl = files.crl.iter().map(|(path, _)| path.clone()).collect();
    options.strict_sni = strict;
    let server = server(options, &pairs, &files, &table);
    table.finish();
    (edge.hsts, edge.strict_sni) = (hsts, strict);
    edge.proxy_protocol.tls = is_told;
    let place = |(address, at): (_, Value<'a>)| (Listen::Tcp(address), Some(at));
    let addresses = listeners.iter().map(|(address, _)| *address).collect();
    let listeners: Vec<_> = listeners.into_iter().map(place).collect();
    let told = told.as_ref().filter(|_| is_told);
    check::somebody_tells(told, &listeners, &edge.trusted_proxies);
    Found {
        tls: server.map(|server| Tls {
            listen: addresses,
            redirect,
            server: Arc::new(server),
        }),
        listeners,
    }
}

fn listeners<'a>(table: &mut Section<'a>) -> Vec<(SocketAddr, Value<'a>)> {
    let is_empty = table.is_empty();
    let is_absent = !table.has("listen");
    let found = table.read("listen", list(address::tls));
    if is_absent && !is_empty {
        table.complain(Complaint::new(
            "[tls] does not say where to listen",
            "add `listen = [\"0.0.0.0:8443\"]`, or leave the table out",
        ));
    }
    found.map_or(Vec::new(), |(listeners, _)| listeners)
}

const VERSIONS: &[(&str, MinVersion)] = &[("1.2", MinVersion::Tls12), ("1.3", MinVersion::Tls13)];

const AUTH: &[(&str, ClientAuth)] = &[
    ("none", ClientAuth::None),
    ("optional", ClientAuth::Optional),
    ("required", ClientAuth::Required),
];

/// Whether, or where to.
fn redirect(value: &Value<'_>) -> Result<Redirect, Complaint> {
    let port = number(1, u64::from(u16::MAX))(value);
    match (boolean(value), port) {
        (Ok(true), _) => Ok(Redirect::Bound),
        (Ok(false), _) => Ok(Redirect::Off),
        (_, Ok(port)) => Ok(Redirect::Port(port)),
        _ => Err(value.wrong(
            "is neither true, false nor a port",
            "write true, or the port that clients come to, such as 443, without quotes",
        )),
    }
}

fn named<'a>(table: &mut Section<'a>, key: &'static str) -> Named<'a> {
    let (path, at) = table.read(key, file)?;
    Some((path?, at))
}

/// The first pair, and those of `[[tls.certificate]]`.
fn pairs<'a>(table: &mut Section<'a>) -> Vec<(Named<'a>, Named<'a>)> {
    let mut pairs = vec![(named(table, "cert"), named(table, "key"))];
    let more = table.read("certificate", |value| value.sections("[[tls.certificate]]"));
    for mut one in more.map_or(Vec::new(), |(tables, _)| tables) {
        pairs.push((named(&mut one, "cert"), named(&mut one, "key")));
        one.finish();
    }
    pairs
}

// === impl ClientFiles ===

impl<'a> ClientFiles<'a> {
    fn read(table: &mut Section<'a>) -> Self {
        let crl = table.read("client_crl", list(file));
        let crl = crl.map_or(Vec::new(), |(files, _)| files);
        Self {
            ca: named(table, "client_ca"),
            crl: crl
                .into_iter()
                .filter_map(|(path, at)| Some((path?, at)))
                .collect(),
        }
    }

    /// Who clients are is known by an authority, and an authority is there to be asked.
    fn compare(&self, client_auth: ClientAuth, auth: Option<&Value<'_>>) {
        if client_auth == ClientAuth::None {
            for (_, at) in self.ca.iter().chain(&self.crl) {
                at.complain(at.wrong(
                    "is not looked at while `client_auth` is \"none\"",
                    format!(
                        "write `client_auth = \"required\"` or \"optional\", or leave `{}` out",
                        at.key
                    ),
                ));
            }
        } else if let (None, Some(at)) = (&self.ca, auth) {
            at.complain(at.wrong(
                "needs an authority",
                "name its PEM file in `client_ca`, or write \"none\"",
            ));
        }
    }

    /// Whether each can be used; those that can not are reported.
    fn check(&self) -> bool {
        let mut is_good = true;
        let mut note = |at: &Value<'_>, checked: Result<(), Fault>| {
            if let Err(fault) = checked {
                at.complain(complaint(&fault));
                is_good = false;
            }
        };
        if let Some((path, at)) = &self.ca {
            note(at, check_authorities(path));
        }
        for (path, at) in &self.crl {
            note(at, check_revocation_lists(path));
        }
        is_good
    }
}

/// Each pair that is bad is reported, and the rest too.
fn server(
    mut options: Options,
    pairs: &[(Named<'_>, Named<'_>)],
    files: &ClientFiles<'_>,
    table: &Section<'_>,
) -> Option<Server> {
    let mut is_good = true;
    for (cert, key) in pairs {
        let (Some((cert, cert_at)), Some((key, key_at))) = (cert, key) else {
            table.complain(Complaint::new(
                "a certificate of [tls] lacks its `cert` or its `key`",
                "name both PEM files; a path is relative to this file's folder",
            ));
            is_good = false;
            continue;
        };
        let pair = Pair {
            cert: cert.clone(),
            key: key.clone(),
        };
        if let Err(fault) = pair.check() {
            let at = if fault.key == "key" { key_at } else { cert_at };
            at.complain(complaint(&fault));
            is_good = false;
        }
        options.pairs.push(pair);
    }
    if !files.check() || !is_good {
        return None;
    }
    // What is wrong with all of them together.
    let complain = |fault: Fault| {
        let mut named = files.ca.iter().chain(&files.crl);
        let at = named.find(|(path, _)| Some(path) == fault.path.as_ref());
        match at {
            Some((_, at)) => at.complain(complaint(&fault)),
            None => table.complain(complaint(&fault)),
        }
    };
    Server::new(options).map_err(complain).ok()
}

fn complaint(fault: &Fault) -> Complaint {
    let right = match (&fault.why, fault.key) {
        (Why::File(pem::Why::Read(_)), _) => {
            "name a file that this user can read; a path is relative to this file's folder"
        }
        (Why::Exposed(_), _) => "take it away from others: chmod 600 (or 640)",
        (Why::Expired(_), "client_crl") => "name the newest list of its authority",
        (Why::Forged(_), _) => "name the list that this authority has signed with its key of today",
        (Why::Expired(_), _) => "renew it, and name the new one",
        (Why::TooEarly(_), _) => "wait, or look at this machine's clock",
        (_, "key") => "name the PEM file of the private key that `cert` was made for",
        (_, "client_crl") => "name a PEM file of whole lists (-----BEGIN X509 CRL-----)",
        _ => "name a PEM file (-----BEGIN CERTIFICATE-----)",
    };
    Complaint::new(format!("`{}` of [tls]: {fault}", fault.key), right)
}

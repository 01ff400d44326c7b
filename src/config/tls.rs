//! `upstream_tls`: whom a route's upstream has to be, and who Fantail is to it.
//!
//! Imports the reader and the source's TLS. Invariant: each file is read here, so that what is wrong
//! with one is a fault of the configuration and not of the first connection.

use std::path::PathBuf;
use std::sync::Arc;

use super::kinds::boolean;
use super::read::Section;
use super::value::{Complaint, Value};
use crate::edge::template::UpstreamTemplate;
use crate::pem;
use crate::source::tls::{Client, Fault, Settings, Why};

/// Reads the table of a route with this upstream; `None` if it says nothing.
pub(super) fn read(
    section: &mut Section<'_>,
    upstream: Option<&UpstreamTemplate>,
) -> Option<Arc<Client>> {
    let (mut table, at) = section.read("upstream_tls", |value| value.section("`upstream_tls`"))?;
    let mut settings = Settings::default();
    let places = [
        ("ca", table.set(&mut settings.ca, "ca", file)),
        ("cert", table.set(&mut settings.cert, "cert", file)),
        ("key", table.set(&mut settings.key, "key", file)),
        (
            "server_name",
            table.set(&mut settings.server_name, "server_name", name),
        ),
    ];
    table.set(&mut settings.insecure, "insecure", boolean);
    table.finish();
    if settings == Settings::default() {
        return None;
    }
    if let Some(complaint) = misplaced(&settings, upstream) {
        at.complain(complaint);
        return None;
    }
    let place = |key| places.iter().find(|(name, _)| *name == key);
    Client::new(settings)
        .map(Arc::new)
        .map_err(|fault| {
            let place = place(fault.key).and_then(|(_, place)| place.as_ref());
            place.unwrap_or(&at).complain(complaint(&fault));
        })
        .ok()
}

/// What is good alone and wrong together.
fn misplaced(settings: &Settings, upstream: Option<&UpstreamTemplate>) -> Option<Complaint> {
    if upstream.is_some_and(|upstream| !upstream.is_https()) {
        let what = "`upstream_tls` is for https:// upstreams only";
        return Some(Complaint::new(what, "leave it out, or write https://"));
    }
    if settings.cert.is_some() != settings.key.is_some() {
        let what = "of `cert` and `key` one is missing in `upstream_tls`";
        let right = "name both for a certificate of our own, or none";
        return Some(Complaint::new(what, right));
    }
    if settings.insecure && settings.ca.is_some() {
        let what = "with `insecure = true` nothing is compared with the `ca`";
        return Some(Complaint::new(what, "leave one of them out"));
    }
    None
}

fn complaint(fault: &Fault) -> Complaint {
    let right = match (&fault.why, fault.key) {
        (Why::File(pem::Why::Read(_)), _) => {
            "name a file that this user can read; a path is relative to this file's folder"
        }
        (Why::NoRoots, _) => "install them (ca-certificates), or name a file in `ca`",
        (Why::Name, _) => "write a name such as \"events.example.com\", without scheme and port",
        (_, "key") => "name the PEM file of the private key that `cert` was made for",
        _ => "name a PEM file (-----BEGIN CERTIFICATE-----)",
    };
    Complaint::new(format!("`{}` of `upstream_tls`: {fault}", fault.key), right)
}

/// A file, relative to the configuration's own; empty = none.
pub(super) fn file(value: &Value<'_>) -> Result<Option<PathBuf>, Complaint> {
    let text = value.text()?;
    Ok((!text.is_empty()).then(|| value.folder().join(text)))
}

/// Empty = none.
fn name(value: &Value<'_>) -> Result<Option<Box<str>>, Complaint> {
    let text = value.text()?;
    Ok((!text.is_empty()).then(|| text.into()))
}

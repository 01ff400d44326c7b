//! Whom a route asks: `upstream`, and what only some kinds of upstream have.
//!
//! Imports the reader and the template. Invariant: a FastCGI upstream has a `root`, no other has.
//! What is said about TLS is in `tls`.

use std::sync::Arc;

use super::kinds::list;
use super::read::Section;
use super::value::{Complaint, Value};
use super::{address, tls};
use crate::edge::template::{PathTemplate, UpstreamTemplate};
use crate::source::tls::Client;
use crate::source::{self, Address, Addresses};

/// What was found; what is missing or bad has been reported.
#[derive(Debug, Default)]
pub(super) struct Found<'a> {
    pub(super) template: Option<UpstreamTemplate>,
    /// Where the template stands.
    pub(super) at: Option<Value<'a>>,
    pub(super) root: Option<Arc<str>>,
    pub(super) tls: Option<Arc<Client>>,
    pub(super) addresses: Option<Arc<Addresses>>,
}

impl Found<'_> {
    /// What the limits say about every upstream, and this route about its own.
    pub(super) fn options(&self, base: &source::Options) -> source::Options {
        source::Options {
            root: self.root.clone(),
            tls: self.tls.clone(),
            addresses: self.addresses.clone(),
            ..base.clone()
        }
    }
}

/// Reads the keys of a route with this path.
pub(super) fn read<'a>(section: &mut Section<'a>, path: Option<&PathTemplate>) -> Found<'a> {
    let found = section.require("upstream", "\"http://127.0.0.1:8000/\"", |value| {
        template(value, path)
    });
    let is_absent = !section.has("root");
    let (root, root_at) = section.read("root", root).unzip();
    let is_bad = !is_absent && root_at.is_none();
    let root = root.flatten();
    let (template, at) = found.unzip();
    let template = template.flatten();
    let is_fastcgi = template.as_ref().map(UpstreamTemplate::is_fastcgi);
    if let (Some(true), None, false, Some(at)) = (is_fastcgi, &root, is_bad, &at) {
        at.complain(no_root());
    }
    if let (Some(false), Some(_), Some(at)) = (is_fastcgi, &root, &root_at) {
        at.complain(at.wrong("is for fastcgi:// upstreams only", "leave it out"));
    }
    let tls = tls::read(section, template.as_ref());
    let (addresses, addresses_at) = section.read("addresses", list(address::upstream)).unzip();
    let addresses: Vec<Address> = addresses
        .unwrap_or_default()
        .into_iter()
        .map(|(a, _)| a)
        .collect();
    if let (Some(true), false, Some(at)) = (is_fastcgi, addresses.is_empty(), &addresses_at) {
        at.complain(at.wrong(
            "is not for fastcgi:// upstreams",
            "write the socket into `upstream`",
        ));
    }
    let addresses = (!addresses.is_empty()).then(|| Arc::new(Addresses::new(addresses)));
    Found {
        template,
        at,
        root,
        tls,
        addresses,
    }
}

/// Reads the URL of `--upstream`. A flag for `root` would not be worth its place: a site behind
/// FastCGI has routes.
pub(super) fn whole_site(url: &str) -> Result<UpstreamTemplate, Complaint> {
    match UpstreamTemplate::whole_site(url) {
        Ok(site) if site.is_fastcgi() => Err(no_root()),
        Ok(site) => Ok(site),
        Err(fault) => Err(Complaint::new(
            format!("{url:?}: {fault}"),
            "write scheme, host and port, such as --upstream http://127.0.0.1:8000",
        )),
    }
}

fn no_root() -> Complaint {
    Complaint::new(
        "a fastcgi:// upstream needs the route's `root`",
        "add the folder of the scripts as the FastCGI server sees it, such as \
         `root = \"/srv/www\"`",
    )
}

/// Without a good path its variables can not be known, so that only the type is looked at.
fn template(
    value: &Value<'_>,
    path: Option<&PathTemplate>,
) -> Result<Option<UpstreamTemplate>, Complaint> {
    let text = value.text()?;
    let parsed = path
        .map(|path| UpstreamTemplate::parse(text, path))
        .transpose();
    parsed.map_err(|fault| {
        Complaint::new(
            format!("`upstream` is {}: {fault}", value.shown()),
            "write a URL such as \"http://127.0.0.1:8000/demo_sse.php?symbol={symbol}\", with \
             variables of `path` behind the host only",
        )
    })
}

/// An absolute folder, without the slash at its end; empty = none.
fn root(value: &Value<'_>) -> Result<Option<Arc<str>>, Complaint> {
    let text = value.text()?;
    if text.is_empty() {
        return Ok(None);
    }
    let is_path = text.starts_with('/') && !text.contains(char::is_control);
    if !is_path || text.split('/').any(|name| matches!(name, "." | "..")) {
        return Err(value.wrong(
            "is not an absolute path",
            "write the folder of the scripts as the FastCGI server sees it, such as \"/srv/www\"",
        ));
    }
    Ok(Some(text.trim_end_matches('/').into()))
}

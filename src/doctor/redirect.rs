//! Where a redirect leads.
//!
//! Pure. Invariant: the result is an absolute URL with a host.

use http::Uri;
use http::header::{HeaderMap, LOCATION};

use super::observation::Failure;

/// The target of a redirect that `base` has answered with.
pub(super) fn target(base: &Uri, headers: &HeaderMap) -> Result<Uri, Failure> {
    let wrong = Failure::Redirect("its Location is no URL");
    let location = headers.get(LOCATION).and_then(|value| value.to_str().ok());
    let Some(location) = location else {
        return Err(wrong);
    };
    let location = location.split('#').next().unwrap_or_default().trim_ascii();
    let scheme = base.scheme_str().unwrap_or("http");
    let authority = base.authority().map_or("", |a| a.as_str());
    let absolute = if location.contains("://") {
        location.to_owned()
    } else if location.starts_with("//") {
        format!("{scheme}:{location}")
    } else if location.starts_with('/') {
        format!("{scheme}://{authority}{location}")
    } else if location.starts_with('?') {
        format!("{scheme}://{authority}{}{location}", base.path())
    } else {
        let directory = base.path().rsplit_once('/').map_or("", |(d, _)| d);
        format!("{scheme}://{authority}{directory}/{location}")
    };
    let url: Option<Uri> = absolute.parse().ok();
    url.filter(|url| matches!(url.scheme_str(), Some("http" | "https")))
        .filter(|url| url.host().is_some_and(|host| !host.is_empty()))
        .ok_or(wrong)
}

/// Whether what was given for one URL may go to the other.
pub(super) fn same_origin(a: &Uri, b: &Uri) -> bool {
    let port = |url: &Uri| url.port_u16().unwrap_or(80);
    let host = |url: &Uri| url.host().map(str::to_ascii_lowercase);
    a.scheme() == b.scheme() && host(a) == host(b) && port(a) == port(b)
}

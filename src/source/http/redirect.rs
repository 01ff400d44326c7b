//! Where a redirect leads.
//!
//! Layer 2, pure. Invariant: the result is an absolute `http` or `https` URL, no less protected than
//! the one before, or words that say why not.

use http::Uri;
use http::header::{HeaderMap, LOCATION};
use http::uri::PathAndQuery;

use crate::source::Error;
use crate::source::reach::{default_port, is_https, port};

/// The target of a redirect that `base` has answered with.
pub(crate) fn target(base: &Uri, headers: &HeaderMap) -> Result<Uri, Error> {
    let location = headers
        .get(LOCATION)
        .ok_or(Error::Redirect("it has no Location"))?;
    let location = str::from_utf8(location.as_bytes())
        .map_err(|_| Error::Redirect("its Location is not text"))?;
    let absolute = resolve(base, location.trim_ascii());
    let url: Uri = absolute
        .parse()
        .map_err(|_| Error::Redirect("its Location is no URL"))?;
    if default_port(&url).is_none() || url.host().is_none_or(str::is_empty) {
        return Err(Error::Redirect("it leads neither to http nor to https"));
    }
    if is_https(base) && !is_https(&url) {
        return Err(Error::Redirect("it leads from https to http"));
    }
    Ok(url)
}

/// Whether headers meant for one URL may go to the other: same scheme, host and port.
pub(crate) fn same_origin(a: &Uri, b: &Uri) -> bool {
    let host = |url: &Uri| url.host().map(str::to_ascii_lowercase);
    a.scheme() == b.scheme() && host(a) == host(b) && port(a) == port(b)
}

/// RFC 3986, 5.2, without the fragment, which is not sent.
fn resolve(base: &Uri, reference: &str) -> String {
    let reference = reference.split_once('#').map_or(reference, |(r, _)| r);
    if has_scheme(reference) {
        return reference.to_owned();
    }
    let scheme = base.scheme_str().unwrap_or("http");
    if reference.starts_with("//") {
        return format!("{scheme}:{reference}");
    }
    let authority = base.authority().map_or("", |a| a.as_str());
    let (path, query) = match reference.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (reference, None),
    };
    let whole = base.path_and_query().map_or("/", PathAndQuery::as_str);
    let path = match path {
        "" if query.is_none() => whole.to_owned(),
        "" => base.path().to_owned(),
        absolute if absolute.starts_with('/') => without_dots(absolute),
        relative => {
            let directory = base.path().rsplit_once('/').map_or("", |(d, _)| d);
            without_dots(&format!("{directory}/{relative}"))
        }
    };
    let query = query.map_or_else(String::new, |query| format!("?{query}"));
    format!("{scheme}://{authority}{path}{query}")
}

/// Whether a colon comes before anything that can not stand in a scheme.
fn has_scheme(reference: &str) -> bool {
    reference.split_once(':').is_some_and(|(scheme, _)| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'))
    })
}

/// A path that begins with `/`, with its `.` and `..` followed.
fn without_dots(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut ends_in_directory = false;
    for segment in path.split('/').skip(1) {
        ends_in_directory = matches!(segment, "." | "..");
        match segment {
            "." => {}
            ".." => drop(kept.pop()),
            name => kept.push(name),
        }
    }
    if ends_in_directory {
        kept.push("");
    }
    format!("/{}", kept.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn led(location: &str) -> Result<String, Error> {
        led_from("http://h:81/a/b/c?q=1", location)
    }

    fn led_from(base: &str, location: &str) -> Result<String, Error> {
        let base = base.parse().unwrap();
        let mut headers = HeaderMap::new();
        headers.insert(LOCATION, location.parse().unwrap());
        target(&base, &headers).map(|url| url.to_string())
    }

    #[rstest]
    #[case("http://other/x?y#z", "http://other/x?y")]
    #[case("HTTP://other", "http://other/")]
    #[case("https://h/", "https://h/")]
    #[case("//other:82/x", "http://other:82/x")]
    #[case("/x", "http://h:81/x")]
    #[case("x:y/../z", "")]
    #[case("x", "http://h:81/a/b/x")]
    #[case("../x", "http://h:81/a/x")]
    #[case("../../../../x/./y/..", "http://h:81/x/")]
    #[case("?q=2", "http://h:81/a/b/c?q=2")]
    #[case("#top", "http://h:81/a/b/c?q=1")]
    #[case("x?u=http://e/", "http://h:81/a/b/x?u=http://e/")]
    fn a_location_is_resolved_against_its_base(#[case] location: &str, #[case] want: &str) {
        assert_eq!(led(location).unwrap_or_default(), want);
    }

    #[rstest]
    #[case("file:///etc/passwd", "it")]
    #[case("javascript:alert(1)", "it")]
    #[case("http://", "it")]
    #[case("http:///x", "it")]
    #[case("http://h h/", "its Location is no URL")]
    fn what_is_not_followed_is_named(#[case] location: &str, #[case] words: &str) {
        let Err(Error::Redirect(why)) = led(location) else {
            panic!("{location} is followed");
        };
        assert!(why.starts_with(words), "{location}: {why}");
    }

    #[test]
    fn what_was_protected_stays_protected() {
        let led = |location| led_from("https://h/a", location).map_err(|e| e.to_string());
        assert_eq!(led("b"), Ok("https://h/b".to_owned()));
        assert_eq!(led("//o/b"), Ok("https://o/b".to_owned()));
        assert!(
            led("http://h/a")
                .unwrap_err()
                .contains("from https to http")
        );
    }

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        let same = |a: &str, b: &str| same_origin(&a.parse().unwrap(), &b.parse().unwrap());
        assert!(same("http://H/a", "http://h:80/b"));
        assert!(!same("http://h/a", "http://h:81/a"));
        assert!(!same("http://h/a", "http://h.evil/a"));
        assert!(!same("http://h/a", "https://h/a"));
        assert!(!same("http://h:443/a", "https://h/a"));
        assert!(same("https://h/a", "https://h:443/b"));
    }
}

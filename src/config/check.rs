//! Rules between values: what is good alone and wrong together.
//!
//! Imports the reader and the validated types. Invariant: each rule names both places.

use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;

use super::address::clash;
use super::route::Found;
use super::units::show_size;
use super::value::{Complaint, Value};
use super::{Listen, Route};
use crate::edge::route::Routes;

/// A listening address and where it was written; `None` = the default.
pub(super) type Placed<'a, T> = (T, Option<Value<'a>>);

/// `listen = []` is for those who listen with TLS alone.
pub(super) fn somebody_listens(listeners: &[Placed<'_, Listen>], at: Option<&Value<'_>>) {
    let is_empty = |at: &&Value<'_>| at.items().is_ok_and(|items| items.is_empty());
    if let (true, Some(at)) = (listeners.is_empty(), at.filter(is_empty)) {
        at.complain(Complaint::new(
            "`listen` is empty, so that nobody could come in",
            "write at least one address, or leave `listen` out: then it is 127.0.0.1:8080",
        ));
    }
}

/// Where proxies tell who their clients are, there must be one who is believed. Programs on this
/// machine are. `told` is where that is turned on.
pub(super) fn somebody_tells(
    told: Option<&Value<'_>>,
    listeners: &[Placed<'_, Listen>],
    trusted: &[IpNet],
) {
    let by_tcp = |(listen, _): &Placed<'_, Listen>| matches!(listen, Listen::Tcp(_));
    if let Some(told) = told.filter(|_| trusted.is_empty() && listeners.iter().any(by_tcp)) {
        told.complain(told.wrong(
            "has no effect: `trusted_proxies` of [server] is empty, so that nobody is believed",
            "name the proxies there, such as `trusted_proxies = [\"10.0.0.0/8\"]`",
        ));
    }
}

/// No two listeners on one address, the admin listener included.
pub(super) fn listeners(listeners: &[Placed<'_, Listen>], admin: Option<&Placed<'_, SocketAddr>>) {
    for (index, (listen, value)) in listeners.iter().enumerate() {
        let earlier = listeners
            .iter()
            .take(index)
            .find(|(other, _)| clash(listen, other));
        if let (Some((_, Some(other))), Some(value)) = (earlier, value) {
            let why = format!("is the address {} already listens on", other.shown());
            value.complain(value.wrong(&why, "listen on each address once"));
        }
    }
    let Some((address, admin_value)) = admin else {
        return;
    };
    let taken = listeners
        .iter()
        .find(|(listen, _)| clash(listen, &Listen::Tcp(*address)));
    let Some((_, value)) = taken else {
        return;
    };
    if let Some(value) = admin_value.as_ref().or(value.as_ref()) {
        value.complain(value.wrong(
            "is the address of a listener and of the admin listener",
            "give [admin] an address of its own; its default is \"127.0.0.1:9900\"",
        ));
    }
}

/// No two routes of one path or one name.
pub(super) fn routes(routes: &[Found<'_>]) {
    for (index, route) in routes.iter().enumerate() {
        let earlier = routes.get(..index).unwrap_or_default();
        let same_path = one_path(route, earlier);
        if let Some((name, value)) = &route.name
            && let Some((_, place)) =
                earlier.iter().filter_map(|other| other.name.as_ref()).find(|(n, _)| n == name)
            // Names that are the paths are told as paths.
            && !(same_path && route.path.as_ref().is_some_and(|(path, _)| path.as_str() == name))
        {
            let what = format!(
                "{name:?} is the name of the route of {} too",
                place.whereabouts()
            );
            value.complain(Complaint::new(what, "give each route a `name` of its own"));
        }
    }
}

/// Whether an earlier route takes the same requests; if so, it is reported.
fn one_path(route: &Found<'_>, earlier: &[Found<'_>]) -> bool {
    let Some((path, value)) = &route.path else {
        return false;
    };
    let mut paths = earlier.iter().filter_map(|other| other.path.as_ref());
    let Some((other, place)) = paths.find(|(other, _)| Routes::new([other, path]).is_err()) else {
        return false;
    };
    let (path, other, line) = (path.as_str(), other.as_str(), place.whereabouts());
    value.complain(Complaint::new(
        format!("`{path}` matches the same requests as `{other}` of {line}"),
        "change one of the paths, or leave one of the routes out",
    ));
    true
}

/// No route asks one of our own listeners: each request would make another one, without end.
pub(super) fn no_loop(route: &Route, upstream: &Value<'_>, listeners: &[Placed<'_, Listen>]) {
    let origin = route.upstream.origin();
    let Some(asked) = origin.strip_prefix("http://").and_then(socket_address) else {
        return;
    };
    let ourselves = |listen: &Listen| match listen {
        Listen::Tcp(ours) => {
            let any = ours.ip().is_unspecified() && asked.ip().is_loopback();
            ours.port() == asked.port() && (ours.ip() == asked.ip() || any)
        }
        Listen::Unix(_) => false,
    };
    if listeners.iter().any(|(listen, _)| ourselves(listen)) {
        upstream.complain(Complaint::new(
            format!("the upstream {origin} is this gateway itself"),
            "write the address of the server that sends the events",
        ));
    }
}

/// `host[:port]` with a numeric host; a name may be anybody's.
fn socket_address(authority: &str) -> Option<SocketAddr> {
    let host = || authority.trim_matches(['[', ']']).parse::<IpAddr>().ok();
    let with_port = authority.parse().ok();
    with_port.or_else(|| Some(SocketAddr::new(host()?, 80)))
}

/// What one connection, topic or event may take must fit into the larger limit `key`.
pub(super) fn not_above(value: Option<&Value<'_>>, bytes: usize, key: &str, limit: usize) {
    if let Some(value) = value
        && bytes > limit
    {
        let limit = show_size(u64::try_from(limit).unwrap_or(u64::MAX));
        let why = format!("is more than `{key}` of [limits], {limit:?}");
        value.complain(value.wrong(&why, format!("at most {limit:?}, or a larger `{key}`")));
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("127.0.0.1", Some("127.0.0.1:80"))]
    #[case("[::1]", Some("[::1]:80"))]
    #[case("[::1]:8080", Some("[::1]:8080"))]
    #[case("localhost:8080", None)]
    fn an_origin_without_port_has_port_80(#[case] text: &str, #[case] right: Option<&str>) {
        let right = right.map(|address| address.parse().unwrap());
        assert_eq!(socket_address(text), right);
    }
}

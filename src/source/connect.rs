//! A fresh TCP connection to an upstream.
//!
//! Layer 2: may import `clock` and the source's own error. Invariants: a name is looked up anew
//! each time; name and addresses together take no longer than the timeout; each address gets its
//! share of what is left, so that a black hole does not eat the time of the next one; none is asked
//! that `policy` denies.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::{Instant, timeout, timeout_at};

use crate::clock;
use crate::source::{Error, policy};

/// Addresses tried: with more, the share of each would be too short for a handshake.
const ADDRESSES: usize = 8;
/// Probes on a quiet connection: a dead peer is found within a minute, a live one barely notices.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(15);
/// Unanswered probes that mean death.
const KEEPALIVE_PROBES: u32 = 3;

/// TCP, Unix, or TLS over one of them.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// Where to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'a> {
    /// As it stands in a URL.
    pub(crate) host: &'a str,
    pub(crate) port: u16,
    /// The host of the route's own upstream: another one than `host` in a redirect.
    pub(crate) own: &'a str,
}

/// Connects to one of the addresses of a place.
pub(super) async fn connect(place: &Place<'_>, limit: Duration) -> Result<TcpStream, Error> {
    let deadline = Instant::from_std(clock::now() + limit);
    let addresses = resolve(place, deadline).await?;
    dial(&addresses, deadline).await
}

/// The addresses of a place that may be asked.
pub(crate) async fn resolve(
    place: &Place<'_>,
    deadline: Instant,
) -> Result<Vec<SocketAddr>, Error> {
    // An IPv6 literal stands in brackets in a URL only.
    let bare = place
        .host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    let target = (bare.unwrap_or(place.host), place.port);
    let found = timeout_at(deadline, lookup_host(target))
        .await
        .map_err(|_| Error::Timeout("name resolution"))?
        .map_err(Error::Resolve)?;
    allowed(found, place)
}

/// Connects to the first address that answers.
pub(crate) async fn dial(addresses: &[SocketAddr], deadline: Instant) -> Result<TcpStream, Error> {
    let stream = first_that_answers(addresses, deadline).await?;
    prepare(&stream).map_err(Error::Connect)?;
    Ok(stream)
}

/// Those that may be asked, as far as they are tried.
fn allowed(
    found: impl Iterator<Item = SocketAddr>,
    place: &Place<'_>,
) -> Result<Vec<SocketAddr>, Error> {
    let (mut allowed, mut denied) = (Vec::new(), None);
    for address in found {
        match policy::denial(place.host, place.own, address.ip()) {
            None if allowed.len() < ADDRESSES => allowed.push(address),
            None => {}
            Some(why) => denied = Some(why),
        }
    }
    match denied.filter(|_| allowed.is_empty()) {
        None => Ok(allowed),
        Some(why) if place.host == place.own => {
            let denied = io::Error::new(io::ErrorKind::PermissionDenied, why);
            Err(Error::Connect(denied))
        }
        Some(why) => Err(Error::Redirect(why)),
    }
}

async fn first_that_answers(
    addresses: &[SocketAddr],
    deadline: Instant,
) -> Result<TcpStream, Error> {
    let mut failure = Error::Resolve(io::ErrorKind::NotFound.into());
    let mut left = u32::try_from(addresses.len()).unwrap_or(u32::MAX);
    for address in addresses {
        let share = deadline.saturating_duration_since(Instant::from_std(clock::now())) / left;
        left = left.saturating_sub(1).max(1);
        match timeout(share, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(e)) => failure = Error::Connect(e),
            Err(_) => failure = Error::Timeout("connect"),
        }
    }
    Err(failure)
}

fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let keepalive = TcpKeepalive::new()
        .with_time(KEEPALIVE_INTERVAL)
        .with_interval(KEEPALIVE_INTERVAL)
        .with_retries(KEEPALIVE_PROBES);
    SockRef::from(stream).set_tcp_keepalive(&keepalive)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    #[tokio::test]
    async fn an_address_that_refuses_gives_way_to_the_next() {
        let refusing = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let answering = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addresses = [
            refusing.local_addr().unwrap(),
            answering.local_addr().unwrap(),
        ];
        drop(refusing);
        let deadline = Instant::from_std(clock::now() + Duration::from_secs(5));
        let stream = first_that_answers(&addresses, deadline).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), addresses[1]);
    }

    #[tokio::test]
    async fn no_address_at_all_is_a_name_that_does_not_resolve() {
        let deadline = Instant::from_std(clock::now());
        let failure = first_that_answers(&[], deadline).await;
        assert!(matches!(failure, Err(Error::Resolve(_))));
    }

    #[test]
    fn what_is_denied_is_left_out_and_named_if_nothing_else_is_left() {
        let found = ["169.254.169.254:80", "10.0.0.1:80", "127.0.0.1:80"];
        let found = found.map(|address| address.parse().unwrap());
        let (host, own, port) = ("h", "h", 80);
        let ours = Place { host, port, own };
        assert_eq!(allowed(found.into_iter(), &ours).unwrap(), found[1..]);
        let other = Place { own: "o", ..ours };
        assert_eq!(allowed(found.into_iter(), &other).unwrap(), found[1..2]);
        let denied = allowed(found[..1].iter().copied(), &ours).unwrap_err();
        insta::assert_snapshot!(
            denied,
            @"the upstream can not be reached: it leads to a link-local address; only an `upstream` that is one may"
        );
        let denied = allowed(found[2..].iter().copied(), &other).unwrap_err();
        insta::assert_snapshot!(
            denied,
            @"the upstream's redirect is not followed: it leads to this machine; only an `upstream` on this machine may"
        );
    }

    #[tokio::test]
    async fn an_ipv6_literal_is_reached_and_the_socket_is_prepared() {
        let Ok(listener) = TcpListener::bind("[::1]:0").await else {
            return; // A machine without IPv6.
        };
        let port = listener.local_addr().unwrap().port();
        let (host, own) = ("[::1]", "[::1]");
        let place = Place { host, port, own };
        let stream = connect(&place, Duration::from_secs(5)).await.unwrap();
        let socket = SockRef::from(&stream);
        assert!(stream.nodelay().unwrap());
        assert!(socket.keepalive().unwrap());
        assert_eq!(socket.tcp_keepalive_time().unwrap(), KEEPALIVE_INTERVAL);
        assert_eq!(socket.tcp_keepalive_retries().unwrap(), KEEPALIVE_PROBES);
    }
}

//! A fresh connection to where a URL leads, with TLS if it says so.
//!
//! Layer 2: may import the source's own connections and TLS. Invariant: what a route has configured
//! about TLS, its certificate and its laxness included, is for its own origin only; any other is
//! verified as the machine trusts.

use http::Uri;

use crate::source::connect::{self, Place, Stream};
use crate::source::{Error, Options, tls};

/// Connects to `url`. `own` is the route's own one, `trusted` that `url` is of its origin and that no
/// other origin had a say in it.
pub(crate) async fn reach(
    options: &Options,
    own: &Uri,
    url: &Uri,
    trusted: bool,
) -> Result<Box<dyn Stream>, Error> {
    let host = url.host().unwrap_or_default();
    let place = Place {
        host,
        port: port(url),
        own: own.host().unwrap_or_default(),
    };
    let stream: Box<dyn Stream> = match options.addresses.as_deref().filter(|_| trusted) {
        // Boxed, so that those who have none do not carry its size.
        Some(addresses) => Box::pin(addresses.connect(options.connect_timeout)).await?,
        None => Box::new(connect::connect(&place, options.connect_timeout).await?),
    };
    if !is_https(url) {
        return Ok(stream);
    }
    let client = match options.tls.as_deref().filter(|_| trusted) {
        Some(client) => client,
        None => tls::Client::usual()?,
    };
    let stream = client.handshake(stream, host, options.tls_timeout).await?;
    Ok(Box::new(stream))
}

/// The port of a URL that names none; `None` if its scheme is not one of ours.
pub(crate) fn default_port(url: &Uri) -> Option<u16> {
    match url.scheme_str() {
        Some("http") => Some(80),
        Some("https") => Some(443),
        _ => None,
    }
}

/// The port that a URL of ours leads to.
pub(crate) fn port(url: &Uri) -> u16 {
    let port = url.port_u16().or_else(|| default_port(url));
    port.unwrap_or_default()
}

pub(crate) fn is_https(url: &Uri) -> bool {
    url.scheme_str() == Some("https")
}

//! What TLS has told about a client: the name that it has asked for, and who it is.

use http::HeaderValue;
use http::request::Parts;
use rustls::CommonState;

use super::certificate::Certificate;
use crate::edge::reject::Reject;
use crate::edge::template::authority::Authority;

/// What is known of a connection that is secured.
#[derive(Clone, Debug, Default)]
pub(in crate::edge) struct Secured {
    /// The name that the client has asked for, lower-case.
    server_name: Option<Box<str>>,
    /// The name in its certificate, which an authority of `client_ca` vouches for.
    pub(in crate::edge) client: Option<HeaderValue>,
}

impl Secured {
    pub(super) fn new(server_name: Option<Box<str>>, facts: &CommonState) -> Self {
        let certificate = facts.peer_certificates().and_then(|chain| chain.first());
        let certificate = certificate.and_then(Certificate::read);
        Self {
            server_name: server_name.map(|name| name.to_ascii_lowercase().into()),
            client: certificate.and_then(|c| HeaderValue::from_str(c.name()).ok()),
        }
    }

    /// Whether a request is for the host that the connection was made to. Without a name in the
    /// hello there is nothing to compare.
    pub(in crate::edge) fn check_host(&self, head: &Parts) -> Result<(), Reject> {
        let Some(asked) = &self.server_name else {
            return Ok(());
        };
        let host = match head.uri.authority() {
            Some(authority) => Some(authority.as_str()),
            None => head
                .headers
                .get(http::header::HOST)
                .and_then(|h| h.to_str().ok()),
        };
        let host = host.and_then(Authority::parse);
        match host {
            Some(host) if *host.host != **asked => Err(Reject::Host(
                "the connection was made to another host (SNI) than the request is for",
            )),
            _ => Ok(()),
        }
    }
}

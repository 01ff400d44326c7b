//! Who asks, and so whose topic it is: the step from a request and its route to the topic key.
//!
//! Invariant: whatever tells two clients apart is in the key, or never reaches the upstream; a
//! client's last event ID goes to an upstream of its own, and to no other.

use std::net::IpAddr;

use http::header::{AUTHORIZATION, COOKIE};
use http::request::Parts;

use super::client::CLIENT_NAME;
use super::reject::Reject;
use super::route::{Asker, KeyRule, Resume};
use super::template::Variables;
use super::{Share, Upstream};
use crate::topic_key::TopicKey;

impl Upstream {
    /// The topic of a request by the client at `address`, which was at `resume`.
    pub(super) fn topic_key(
        &self,
        head: &Parts,
        variables: &Variables,
        address: IpAddr,
        resume: Option<&Resume>,
    ) -> Result<TopicKey, Reject> {
        let rule = KeyRule {
            upstream: &self.template,
            query: &self.query,
            headers: &self.headers,
            cookies: &self.cookies,
        };
        let (query, headers) = (head.uri.query(), &head.headers);
        let key = match self.share {
            Share::Topic => rule.key(variables, query, headers)?,
            Share::Private => {
                let resume = match resume {
                    Some(Resume::Id(id)) => Some(id.as_str()),
                    // No place that an upstream could know: what follows begins with a gap.
                    Some(Resume::Malformed) | None => None,
                };
                let asker = Asker { address, resume };
                rule.private_key(variables, query, headers, &asker)?
            }
        };
        Ok(key)
    }

    /// Whether an upstream of this route may be told who asks, so that what it sends is for that
    /// client's own pages.
    pub(super) fn holds_credential(&self) -> bool {
        self.share == Share::Private
            || !self.cookies.is_empty()
            || self
                .headers
                .iter()
                .any(|name| [COOKIE, AUTHORIZATION, CLIENT_NAME].contains(name))
    }
}

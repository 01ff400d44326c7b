//! What the edge can be told, with each default and its reason.

use std::net::IpAddr;
use std::time::Duration;

use ipnet::IpNet;

use super::h2::H2Options;

/// The bounds of all listeners together. `0` = none unless said otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Connections in all; 0 = nine tenths of the descriptor limit, so that upstreams and the
    /// admin listener always find one.
    pub connections: usize,
    /// Connections of one address (IPv6: of one /64). Behind a balancer all clients share one;
    /// 100 is sane on the open Internet.
    pub connections_per_address: usize,
    /// New connections a second, with a burst of as many.
    pub accepts_per_second: u32,
    /// Likewise of one address (IPv6: of one /64). A browser opens up to six at once, and a whole
    /// office may share an address: 20 is sane on the open Internet.
    pub accepts_per_second_per_address: u32,
    /// Whose `X-Forwarded-For` and PROXY header is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Where they must begin with one.
    pub proxy_protocol: ProxyProtocol,
    /// From accept to the first byte: a browser sends its request at once. And to the end of a
    /// PROXY header, where one is due: so does a proxy.
    pub first_byte_timeout: Duration,
    /// From the first byte to the complete head (a deadline, not per read).
    pub head_timeout: Duration,
    /// From the end of an answer to the next complete head on a connection that is kept: a page's
    /// requests come within a second. Behind a balancer that keeps its connections it must be longer
    /// than the balancer's own time, or a request meets a connection that is just being closed.
    pub idle_timeout: Duration,
    /// Request line and headers together.
    pub head_bytes: usize,
    /// Request target.
    pub uri_bytes: usize,
    /// Number of headers; browsers send about 20.
    pub header_count: usize,
    /// Query string.
    pub query_bytes: usize,
    /// `Last-Event-ID` that is looked up; a longer one is an unknown place, never an error,
    /// because a browser never comes back from one.
    pub last_event_id_bytes: usize,
    /// How long a cold topic's first subscribers wait for the upstream's head before they get a
    /// 200 of our own, so that `onopen` fires.
    pub first_answer_wait: Duration,
    /// Body of a request that is passed through; 0 = no bound, because uploads are the upstream's
    /// business.
    pub body_bytes: u64,
    /// Longest silence of a client in the middle of such a body.
    pub body_timeout: Duration,
    /// Longest silence in an upgraded connection: `WebSocket` libraries ping each 20 to 60 s.
    pub tunnel_timeout: Duration,
    /// From the first byte of a TLS handshake to its end.
    pub handshake_timeout: Duration,
    /// Handshakes that go on at a time: each costs a core a fifth to a third of a millisecond, and
    /// more wait for their turn.
    pub handshakes: usize,
    /// `Strict-Transport-Security` of answers over TLS, which tells browsers to come no other way
    /// for so long; 0 = none, because it can not be taken back.
    pub hsts: Duration,
    /// The TLS port that ordinary requests to plain listeners are sent to; `None` = they are served.
    pub redirect: Option<u16>,
    /// HTTP/2 connections.
    pub h2: H2Options,
    /// Whether plain connections may speak HTTP/2, by its preface.
    pub h2c: bool,
    /// Whether a request must be for the host that its TLS connection has asked for.
    pub strict_sni: bool,
    /// A client that acknowledges nothing for so long while bytes wait for it is cut off by the
    /// kernel. The second line for streams, the only one for downloads.
    pub client_timeout: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            connections: 0,
            connections_per_address: 0,
            accepts_per_second: 1000,
            accepts_per_second_per_address: 0,
            trusted_proxies: Vec::new(),
            proxy_protocol: ProxyProtocol::default(),
            first_byte_timeout: Duration::from_secs(5),
            head_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(10),
            head_bytes: 16 << 10,
            uri_bytes: 8 << 10,
            header_count: 64,
            query_bytes: 4 << 10,
            last_event_id_bytes: 1 << 10,
            first_answer_wait: Duration::from_secs(2),
            body_bytes: 0,
            body_timeout: Duration::from_secs(30),
            tunnel_timeout: Duration::from_secs(600),
            handshake_timeout: Duration::from_secs(10),
            handshakes: 256,
            hsts: Duration::ZERO,
            redirect: None,
            h2: H2Options::default(),
            h2c: false,
            strict_sni: false,
            client_timeout: Duration::from_secs(30),
        }
    }
}

impl Options {
    /// Whether `peer` is a proxy whose word about the client is believed.
    pub fn trusts(&self, peer: IpAddr) -> bool {
        self.trusted_proxies.iter().any(|net| net.contains(&peer))
    }
}

/// Listeners on which connections from trusted proxies, and from programs on this machine, begin
/// with a PROXY header. There it is required: a listener that took connections with and without one
/// would let whoever can reach it through the proxy send one of his own. From anybody else it is not
/// read, so that nobody lies about himself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProxyProtocol {
    /// Plain listeners.
    pub plain: bool,
    /// Listeners with TLS, where the header comes before the handshake.
    pub tls: bool,
}

/// What a route does with a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// A GET that accepts `text/event-stream` subscribes, anything else is passed through.
    #[default]
    Auto,
    /// Every GET subscribes.
    Sse,
    /// Nothing subscribes.
    Proxy,
}

/// Who shares an upstream's answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Share {
    /// All whose requests to the upstream would be the same: they share a topic.
    #[default]
    Topic,
    /// Nobody: each client has an upstream of its own, which sees the client's credentials.
    Private,
}

/// Which of a client's query parameters reach the upstream, and so are part of the topic key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QueryRule {
    /// `"*"`: all of them.
    pub all: bool,
    /// The declared names, unless all pass.
    pub names: Vec<Box<str>>,
    /// Names that never pass: cache-busters such as `_`.
    pub ignored: Vec<Box<str>>,
}

/// Parameters that never reach an upstream, whatever a route declares: they are said to Fantail.
pub(super) const OWN_PARAMETERS: [&str; 3] = ["lastEventId", "last_event_id", "fantail"];

impl QueryRule {
    /// Whether the parameter passes.
    pub fn passes(&self, name: &str) -> bool {
        let declared = self.all || self.names.iter().any(|n| **n == *name);
        let ignored = self.ignored.iter().any(|n| **n == *name);
        declared && !ignored && !OWN_PARAMETERS.contains(&name)
    }
}

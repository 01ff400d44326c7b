//! The words that metrics carry as labels: one enum each, so that a label can not be invented.
//!
//! A leaf. The same words stand in logs and in `/topics`: see `design.md`, words.

/// Declares an enum whose variants are the values of one label.
macro_rules! label {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident => $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$vdoc])* $variant,)+ }

        impl $name {
            /// Every value, in the order of the series.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The label's text.
            pub fn label(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }
        }

        impl From<$name> for usize {
            fn from(value: $name) -> Self {
                value as Self
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.label())
            }
        }
    };
}

label! {
    /// The ways out of a stream.
    EndReason {
        /// The client hung up.
        Client => "client",
        /// It fell off the log and the route says `slow = "close"`.
        Slow => "slow",
        /// No progress on pending bytes for `stall_timeout`.
        Stall => "stall",
        /// `max_age` was reached.
        Age => "age",
        /// Fantail is stopping.
        Drain => "drain",
        /// The socket failed, or the client broke the rules of a stream.
        Error => "error",
        /// The upstream has said its last word, or its end is passed on.
        UpstreamEnd => "upstream_end",
        /// A poll was given all that there was.
        Answered => "answered",
        /// A poll waited for `poll_wait`, and nothing came.
        PollWait => "poll_wait",
        /// A poll was given `poll_bytes`; the rest comes with the next one.
        PollBytes => "poll_bytes",
    }
}

label! {
    /// How a subscriber is served.
    Protocol {
        /// A stream over HTTP/1.1.
        H1 => "h1",
        /// A stream over HTTP/2.
        H2 => "h2",
        /// One bounded answer after another.
        Poll => "poll",
    }
}

label! {
    /// What a client does on an HTTP/2 connection that it should not.
    Glitch {
        /// It gives up requests, or sends headers, faster than they can be taken.
        Reset => "reset",
        /// It makes more requests than `h2_opens`.
        StreamOpen => "stream_open",
        /// It sends more control frames than `inbound_burst` and `inbound_per_second`.
        Inbound => "inbound",
        /// It breaks the protocol.
        Protocol => "protocol",
    }
}

label! {
    /// Why a request was refused.
    RejectReason {
        /// New connections came faster than `accepts_per_second`, or than those of one address may.
        Rate => "rate",
        /// The address holds `connections_per_address`.
        Address => "address",
        /// All `connections` are in use.
        Connections => "connections",
        /// The topic has `subscribers_per_topic`.
        TopicSubscribers => "topic_subscribers",
        /// `handshakes` are going on, and none ended in time.
        Handshakes => "handshakes",
        /// A trusted proxy did not begin with a good PROXY header, in time.
        ProxyProtocol => "proxy_protocol",
        /// No first byte, or no complete head, in time.
        Timeout => "timeout",
        /// Head, URI, query or number of headers too large.
        Head => "head",
        /// A request's body that is too large, or comes too slowly.
        Body => "body",
        /// A malformed or ambiguous request.
        BadRequest => "bad_request",
        /// A host that is not this one, or that contradicts the target.
        Host => "host",
        /// A method that the route does not take.
        Method => "method",
        /// A page of an origin that may not read here.
        Cors => "cors",
        /// `topics` or `topics_per_address` is reached.
        Topics => "topics",
        /// Too little memory, or too many topics waiting to open.
        Overload => "overload",
        /// No route matches.
        UnknownRoute => "unknown_route",
        /// The upstream's own refusal, passed on.
        Upstream => "upstream",
        /// Fantail is stopping.
        Draining => "draining",
        /// A request that this version can not serve.
        NotImplemented => "not_implemented",
    }
}

label! {
    /// How a TLS handshake came to nothing.
    HandshakeResult {
        /// It was not over after `handshake_timeout`.
        Timeout => "timeout",
        /// No permit came free in time.
        Busy => "busy",
        /// The client hung up.
        Client => "client",
        /// The client's certificate is none that is accepted, or is missing.
        Certificate => "certificate",
        /// The two sides could not agree, or one of them broke the rules.
        Error => "error",
    }
}

label! {
    /// Why an attempt at an upstream, or an open feed, failed.
    UpstreamReason {
        /// The name did not resolve.
        Dns => "dns",
        /// No address took the connection.
        Connect => "connect",
        /// TLS failed.
        Tls => "tls",
        /// A part took longer than its timeout.
        Timeout => "timeout",
        /// The status was no 200.
        Status => "status",
        /// A 200 that is no event stream.
        ContentType => "content_type",
        /// A redirect that is not followed.
        Redirect => "redirect",
        /// An event without end.
        EventTooLarge => "event_too_large",
        /// A line without end.
        LineTooLong => "line_too_long",
        /// A coding or charset that is not decoded.
        Encoding => "encoding",
        /// No byte for the silence timeout.
        Silence => "silence",
        /// The body ended before its framing said so.
        Eof => "eof",
        /// The connection broke.
        Reset => "reset",
    }
}

label! {
    /// The hundreds of a status.
    StatusClass {
        /// Switched protocols.
        Informational => "1xx",
        /// Fine.
        Success => "2xx",
        /// Elsewhere, or not changed.
        Redirection => "3xx",
        /// The client's fault.
        ClientError => "4xx",
        /// The upstream's, or ours.
        ServerError => "5xx",
    }
}

impl StatusClass {
    /// The class of a status.
    pub fn of(status: u16) -> Self {
        match status {
            ..=199 => Self::Informational,
            200..=299 => Self::Success,
            300..=399 => Self::Redirection,
            400..=499 => Self::ClientError,
            500.. => Self::ServerError,
        }
    }
}

label! {
    /// Why a subscriber has a gap.
    GapCause {
        /// It read too slowly and fell off the log.
        Lag => "lag",
        /// It came back for frames that have been evicted.
        Evicted => "evicted",
        /// It came back with a token of another life of the log.
        Epoch => "epoch",
        /// It came back with an id that the log does not know.
        UnknownId => "unknown_id",
        /// The upstream lost something, or may have.
        Upstream => "upstream",
    }
}

label! {
    /// Whether frames were missed while reading or while away.
    MissReason {
        /// While reading.
        Lag => "lag",
        /// While away.
        Resume => "resume",
    }
}

label! {
    /// Why frames were passed over that newer ones of the same key replace.
    ConflateReason {
        /// The subscriber was behind.
        Slow => "slow",
        /// They were held back: the route bounds the rate.
        MaxRate => "max_rate",
    }
}

label! {
    /// Why an upstream event never reached the log.
    DropReason {
        /// Above the line or event limit.
        Oversize => "oversize",
        /// A line without a known field name (counted per line).
        Malformed => "malformed",
        /// Unfinished when the response ended.
        Incomplete => "incomplete",
        /// Sent again by the upstream after a reconnect.
        Duplicate => "duplicate",
    }
}

label! {
    /// How a returning client's place was found.
    ResumeResult {
        /// Exactly.
        Full => "full",
        /// Frames in between have been evicted.
        Gap => "gap",
        /// The id is unknown.
        UnknownId => "unknown_id",
        /// It has an upstream of its own, which was told the id.
        Upstream => "upstream",
        /// The client brought no id.
        None => "none",
    }
}

label! {
    /// The states of a topic that hold an upstream (a cold topic is no topic).
    TopicState {
        /// No upstream head yet.
        Opening => "opening",
        /// The upstream has streamed.
        Live => "live",
        /// No subscribers; closed soon.
        Lingering => "lingering",
    }
}

label! {
    /// Why a topic was closed.
    CloseReason {
        /// Nobody came back within `linger`.
        Idle => "idle",
        /// The upstream said its last word.
        Upstream => "upstream",
        /// Fantail is stopping.
        Drain => "drain",
    }
}

label! {
    /// What a feed's task is doing.
    FeedState {
        /// Connecting, or waiting for the head.
        Connecting => "connecting",
        /// Reading events.
        Streaming => "streaming",
        /// Waiting for the next poll after a clean end.
        Waiting => "waiting",
        /// Waiting after an error.
        Backoff => "backoff",
    }
}

label! {
    /// A sign in an upstream's head that it was not meant to be shared.
    SuspectCause {
        /// `Set-Cookie`.
        SetCookie => "set_cookie",
        /// `Vary` on a cookie, a credential or everything.
        Vary => "vary",
        /// `Cache-Control: private`.
        Private => "private",
    }
}

label! {
    /// What a topic waits for before its upstream is asked.
    WaitCause {
        /// `new_topics_per_second`.
        NewTopics => "new_topics",
        /// `max_upstreams`.
        MaxUpstreams => "max_upstreams",
    }
}

label! {
    /// Which part of the program panicked or stalled.
    Part {
        /// The async runtime and its tasks.
        Runtime => "runtime",
        /// A delivery shard.
        Shard => "shard",
    }
}

label! {
    /// Why a new process did not take over.
    HandoverFailure {
        /// It could not be started.
        Spawn => "spawn",
        /// It ended before it was ready.
        Ended => "ended",
        /// It was not ready within `handover_timeout`.
        Timeout => "timeout",
    }
}

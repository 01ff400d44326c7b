//! What a topic is: the exact request that its upstream would be sent.
//!
//! Layer 0: std only. Invariant: two keys are equal if and only if the two upstream requests would
//! be byte-identical; a private one equals no other, for it is one client's. Whatever is not in the key can not reach the upstream, because the source
//! builds its request from the key and from nothing else.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

/// Which route of the configuration, by its place in the list. Routes differ in how they keep and
/// deliver a log, so topics are shared within a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RouteId(pub u16);

/// The exact upstream request: URL after template expansion, and each forwarded header.
///
/// Cheap to clone. `Debug` and `Display` never show a header's value, only a digest made with a
/// secret of this process: equal values look equal, and nothing can be guessed from them.
///
/// ```
/// use fantail::topic_key::TopicKey;
/// let plain = TopicKey::new("http://127.0.0.1:8000/a.php", vec![]);
/// let user = TopicKey::new(
///     "http://127.0.0.1:8000/a.php",
///     vec![("authorization".into(), b"Bearer x".to_vec())],
/// );
/// assert_ne!(plain, user);
/// assert!(!user.to_string().contains("Bearer"));
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct TopicKey(Arc<Request>);

#[derive(PartialEq, Eq, Hash)]
struct Request {
    url: Box<str>,
    headers: Vec<(Box<str>, Vec<u8>)>,
    private: Option<Private>,
}

/// What makes a key one client's own.
#[derive(PartialEq, Eq, Hash)]
struct Private {
    /// No other key of this process has it.
    number: u64,
    /// Where the client says that it was: a part of what its own upstream is asked.
    resume: Option<Box<str>>,
}

impl TopicKey {
    /// A key from the expanded URL and the forwarded headers, whose names are lower-cased and
    /// sorted here: their order on the client's wire is no part of what is asked. Values of one
    /// name keep their order.
    pub fn new(url: &str, headers: Vec<(Box<str>, Vec<u8>)>) -> Self {
        Self::with(url, headers, None)
    }

    /// A key that no other one equals, whatever it asks: nobody can join its topic. `resume` is
    /// the client's last event ID, which goes to its upstream.
    pub fn private(url: &str, headers: Vec<(Box<str>, Vec<u8>)>, resume: Option<&str>) -> Self {
        static NUMBERS: AtomicU64 = AtomicU64::new(1);
        let private = Private {
            number: NUMBERS.fetch_add(1, Ordering::Relaxed),
            resume: resume.map(Into::into),
        };
        Self::with(url, headers, Some(private))
    }

    fn with(url: &str, headers: Vec<(Box<str>, Vec<u8>)>, private: Option<Private>) -> Self {
        let mut headers: Vec<_> = headers
            .into_iter()
            .map(|(name, value)| (name.to_ascii_lowercase().into_boxed_str(), value))
            .collect();
        headers.sort_by(|a, b| a.0.cmp(&b.0));
        Self(Arc::new(Request {
            url: url.into(),
            headers,
            private,
        }))
    }

    /// The URL to ask, absolute.
    pub fn url(&self) -> &str {
        &self.0.url
    }

    /// The headers that pass, lower-case names, sorted by name.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.0
            .headers
            .iter()
            .map(|(name, value)| (&**name, value.as_slice()))
    }

    /// Whether the topic is one client's, which nobody else can join.
    pub fn is_private(&self) -> bool {
        self.0.private.is_some()
    }

    /// The last event ID of a private topic's client.
    pub fn resume(&self) -> Option<&str> {
        self.0.private.as_ref()?.resume.as_deref()
    }

    /// Whether the upstream is told who asks, so that an answer for one person is no wonder.
    pub fn holds_credential(&self) -> bool {
        let credential = |(name, _): (&str, _)| matches!(name, "cookie" | "authorization");
        self.is_private() || self.headers().any(credential)
    }

    /// The key for a log line: at most 256 characters of it, however long the URL is.
    pub fn brief(&self) -> String {
        const LOGGED_CHARS: usize = 256;
        let text = self.to_string();
        match text.char_indices().nth(LOGGED_CHARS) {
            Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
            None => text,
        }
    }
}

impl fmt::Display for TopicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.url)?;
        for (name, value) in &self.0.headers {
            write!(f, " {name}=#{:08x}", digest(value))?;
        }
        match &self.0.private {
            Some(private) => write!(f, " private={}", private.number),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for TopicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TopicKey({self})")
    }
}

fn digest(value: &[u8]) -> u32 {
    // Keyed and per process: a digest in a log can not be compared with a table of known cookies.
    static SECRET: OnceLock<RandomState> = OnceLock::new();
    let hash = SECRET.get_or_init(RandomState::new).hash_one(value);
    u32::try_from(hash >> 32).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(headers: &[(&str, &str)]) -> TopicKey {
        let headers = headers
            .iter()
            .map(|(n, v)| ((*n).into(), v.as_bytes().to_vec()))
            .collect();
        TopicKey::new("http://h/p", headers)
    }

    #[test]
    fn the_order_and_case_of_header_names_make_no_difference() {
        assert_eq!(
            key(&[("B", "2"), ("a", "1")]),
            key(&[("A", "1"), ("b", "2")])
        );
    }

    #[test]
    fn any_other_difference_makes_another_topic() {
        let base = key(&[("a", "1")]);
        assert_ne!(base, key(&[]));
        assert_ne!(base, key(&[("a", "2")]));
        assert_ne!(base, key(&[("b", "1")]));
        assert_ne!(base, key(&[("a", "1"), ("a", "1")]));
        assert_ne!(
            key(&[("a", "1"), ("a", "2")]),
            key(&[("a", "2"), ("a", "1")])
        );
        // A value can not be shifted into a name.
        assert_ne!(key(&[("ab", "c")]), key(&[("a", "bc")]));
    }

    #[test]
    fn a_private_key_equals_itself_alone() {
        let private = || TopicKey::private("http://h/p", vec![], Some("7"));
        let (one, two) = (private(), private());
        assert_eq!(one, one.clone());
        assert_ne!(one, two);
        assert_ne!(one, key(&[]));
        assert!(one.is_private() && one.holds_credential() && !key(&[]).is_private());
        assert_eq!((one.resume(), key(&[]).resume()), (Some("7"), None));
        assert_ne!(one.to_string(), two.to_string());
    }

    #[test]
    fn a_cookie_or_a_credential_tells_who_asks() {
        assert!(key(&[("Cookie", "a=b")]).holds_credential());
        assert!(key(&[("Authorization", "x")]).holds_credential());
        assert!(!key(&[("Accept-Language", "de")]).holds_credential());
    }

    #[test]
    fn a_long_key_is_cut_in_a_log_line() {
        let long = TopicKey::new(&format!("http://h/{}", "ä".repeat(5000)), Vec::new());
        assert_eq!(long.brief().chars().count(), 257);
        assert!(long.brief().ends_with('…'));
        assert_eq!(key(&[]).brief(), "http://h/p");
    }

    #[test]
    fn a_secret_is_printed_as_a_digest_that_equal_values_share() {
        let text = key(&[("cookie", "sid=topsecret")]).to_string();
        assert!(!text.contains("topsecret"));
        assert_eq!(text, key(&[("cookie", "sid=topsecret")]).to_string());
    }
}

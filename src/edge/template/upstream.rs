//! `http://host:port/a.php?symbol={symbol}`: the URL that a topic asks.
//!
//! Pure. Invariant: variables stand in the path and in values of the query only, and an expanded
//! URL is parsed again and compared with its template before anybody sees it.

use std::borrow::Cow;
use std::ops::Range;

use http::Uri;
use http::uri::{Authority, PathAndQuery};
use percent_encoding::percent_decode_str;

use super::origin::{Origin, Scheme};
use super::path::Segment;
use super::piece::{Piece, path_pieces, query_pieces};
use super::{ExpandFault, PathTemplate, TemplateFault, ValueRules, Variables, script, segment};

/// Longest expanded URL: common servers take 8 KiB of request line.
const URL_BYTES: usize = 8 << 10;

/// The upstream of a route.
///
/// ```
/// use fantail::edge::template::{PathTemplate, UpstreamTemplate, Variables};
/// let path = PathTemplate::parse("/prices/{symbol}").unwrap();
/// let upstream = UpstreamTemplate::parse("http://127.0.0.1:8000/a.php?s={symbol}", &path).unwrap();
/// let variables: Variables = [("symbol", "BRK.B")].into_iter().collect();
/// let url = upstream.expand(&variables, "lang=en").unwrap();
/// assert_eq!(url, "http://127.0.0.1:8000/a.php?s=BRK.B&lang=en");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamTemplate {
    text: Box<str>,
    origin: Origin,
    path: Vec<Piece>,
    query: Vec<Piece>,
    query_names: Vec<Box<str>>,
    rules: ValueRules,
    /// The route's remainder, which a rule reads as a whole.
    rest: Option<Box<str>>,
}

// === impl UpstreamTemplate ===

impl UpstreamTemplate {
    /// Parses the upstream of a route with this path.
    pub fn parse(text: &str, path: &PathTemplate) -> Result<Self, TemplateFault> {
        let (origin, target) = Origin::split(text)?;
        let (own_path, query) = target.split_once('?').unwrap_or((target, ""));
        // A server without a path gets what the route leaves over, as whoever writes it means.
        let whole = match path.rest() {
            Some(rest) if query.is_empty() => format!("/{{{rest}*}}"),
            Some(_) | None => "/".to_owned(),
        };
        let own_path = if own_path.is_empty() {
            &whole
        } else {
            own_path
        };
        let dots = |s: &str| segment::decode(s).is_ok_and(|s| segment::is_dots(&s));
        if own_path.split('/').any(dots) {
            return Err(TemplateFault::Syntax(
                "an upstream's path has no `.` or `..` segment",
            ));
        }
        if !own_path.starts_with('/') {
            let words = "the path of an upstream starts with `/`";
            return Err(TemplateFault::Syntax(words));
        }
        let pieces = path_pieces(own_path, path)?;
        if origin.scheme == Scheme::FastCgi {
            script::check(&pieces)?;
        }
        Ok(Self {
            text: text.into(),
            origin,
            path: pieces,
            query: query_pieces(query, path)?,
            query_names: query.split('&').map(decoded_name).collect(),
            rules: ValueRules::default(),
            rest: path.rest().map(Into::into),
        })
    }

    /// The upstream of `serve --upstream URL`: every path below the URL, for a route whose path is
    /// `/{rest*}`.
    pub fn whole_site(url: &str) -> Result<Self, TemplateFault> {
        if url.contains(['?', '#', '{', '}']) {
            let words = "the upstream of a whole site has no query, fragment or variables";
            return Err(TemplateFault::Syntax(words));
        }
        let everything = PathTemplate::parse("/{rest*}")?;
        Self::parse(
            &format!("{}/{{rest*}}", url.trim_end_matches('/')),
            &everything,
        )
    }

    /// A feed that Fantail makes itself; its URL is `fantail:<name>`.
    pub fn builtin(name: &'static str) -> Self {
        let url = format!("fantail:{name}").into_boxed_str();
        let origin = Origin {
            scheme: Scheme::Builtin,
            text: url.clone(),
            separator: "",
        };
        Self {
            text: url,
            origin,
            path: Vec::new(),
            query: Vec::new(),
            query_names: Vec::new(),
            rules: ValueRules::default(),
            rest: None,
        }
    }

    /// Takes only values that keep these rules.
    #[must_use]
    pub fn with_rules(self, rules: ValueRules) -> Self {
        Self { rules, ..self }
    }

    /// As spelt.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// `http://host[:port]`, `https://host[:port]` or `fastcgi://host:port` with a lower-case host,
    /// `fastcgi://unix:/path`, or `fantail:<name>`.
    pub fn origin(&self) -> &str {
        &self.origin.text
    }

    /// Whether the upstream speaks FastCGI, so that its path names a script.
    pub fn is_fastcgi(&self) -> bool {
        self.origin.scheme == Scheme::FastCgi
    }

    /// Whether the upstream speaks TLS.
    pub fn is_https(&self) -> bool {
        self.origin.scheme == Scheme::Https
    }

    /// Whether the template's own query has a parameter of this decoded name.
    pub fn fixes(&self, name: &str) -> bool {
        self.query_names.iter().any(|n| **n == *name)
    }

    /// The URL for these variables (raw, still percent-encoded) and a client query that is filtered
    /// and canonical already. A built-in feed takes neither.
    pub fn expand(&self, variables: &Variables, query: &str) -> Result<String, ExpandFault> {
        self.rules.check(variables, self.rest.as_deref())?;
        let mut url = String::from(&*self.origin.text);
        if self.path.is_empty() {
            return Ok(url);
        }
        url.push_str(self.origin.separator);
        self.expand_path(variables, &mut url)?;
        let mut mark = '?';
        if !self.query.is_empty() {
            url.push(mark);
            mark = '&';
        }
        for piece in &self.query {
            piece.expand(variables, &self.rules, &mut url)?;
        }
        if !query.is_empty() {
            url.push(mark);
            url.push_str(query);
        }
        if url.len() > URL_BYTES {
            return Err(ExpandFault::TooLong);
        }
        self.confirm(&url).ok_or(ExpandFault::Escaped)?;
        Ok(url)
    }

    /// Path and query of an ordinary request on a route with this path. A whole site gets the
    /// client's own spelling, any other upstream its expanded path and the client's query behind
    /// its own.
    pub fn pass(
        &self,
        route: &PathTemplate,
        variables: &Variables,
        target: &PathAndQuery,
    ) -> Result<PathAndQuery, ExpandFault> {
        if self.is_whole_site() && matches!(route.segments(), [Segment::Rest(_)]) {
            let dots = |s: &str| {
                let text: Cow<'_, [u8]> = percent_decode_str(s).into();
                segment::is_dots(&String::from_utf8_lossy(&text))
            };
            // There is no prefix to leave, but other routes' paths begin elsewhere.
            if target.path().split('/').any(dots) {
                return Err(ExpandFault::Rest("the path holds a dot segment"));
            }
            return Ok(target.clone());
        }
        let mut url = self.expand(variables, "")?;
        if let Some(query) = target.query() {
            url.push(if url.contains('?') { '&' } else { '?' });
            url.push_str(query);
        }
        let uri: Uri = url.parse().map_err(|_| ExpandFault::Escaped)?;
        let origin = self.origin.text.split_once("://");
        let is_ours = origin == uri.scheme_str().zip(uri.authority().map(Authority::as_str));
        let target = uri.into_parts().path_and_query;
        target.filter(|_| is_ours).ok_or(ExpandFault::Escaped)
    }

    /// Whether the upstream's path is whatever the route's remainder is, and nothing else.
    fn is_whole_site(&self) -> bool {
        let whole = matches!(&*self.path, [Piece::Literal(root), Piece::Rest(_)] if **root == *"/");
        whole && self.query.is_empty()
    }

    fn expand_path(&self, variables: &Variables, url: &mut String) -> Result<(), ExpandFault> {
        let begin = url.len();
        let mut foreign: Vec<Range<usize>> = Vec::new();
        for piece in &self.path {
            let at = url.len() - begin;
            piece.expand(variables, &self.rules, url)?;
            if !matches!(piece, Piece::Literal(_)) {
                foreign.push(at..url.len() - begin);
            }
        }
        if self.is_fastcgi() {
            script::confirm(url.get(begin..).unwrap_or_default(), &foreign)?;
        }
        Ok(())
    }

    /// Defence in depth: the URL, read by the parser that the source uses, is still ours.
    fn confirm(&self, url: &str) -> Option<()> {
        let behind = url.strip_prefix(&*self.origin.text)?;
        let target = behind.strip_prefix(self.origin.separator)?;
        let read: PathAndQuery = target.parse().ok()?;
        let same_origin = self.is_fastcgi() || {
            let uri: Uri = url.parse().ok()?;
            let (scheme, authority) = self.origin.text.split_once("://")?;
            uri.scheme_str() == Some(scheme)
                && uri.authority()?.as_str() == authority
                && uri.path_and_query()? == &read
        };
        let same_target = read.as_str() == target;
        let prefix = match self.path.first() {
            Some(Piece::Literal(text)) => &**text,
            _ => "/",
        };
        let dots = |s: &str| segment::decode(s).is_ok_and(|s| segment::is_dots(&s));
        let inside = read.path().starts_with(prefix) && !read.path().split('/').any(dots);
        (same_origin && same_target && inside).then_some(())
    }
}

fn decoded_name(pair: &str) -> Box<str> {
    let name = pair.split('=').next().unwrap_or_default();
    percent_decode_str(name).decode_utf8_lossy().into()
}

//! `http://host:port/a.php?symbol={symbol}`: the URL that a topic asks.
//!
//! Pure. Invariant: variables stand in the path and in values of the query only, and an expanded
//! URL is parsed again and compared with its template before anybody sees it.

use http::Uri;
use percent_encoding::percent_decode_str;

use super::authority::Authority;
use super::piece::{Piece, path_pieces, query_pieces};
use super::{ExpandFault, PathTemplate, TemplateFault, Variables, segment};

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
    origin: Box<str>,
    path: Vec<Piece>,
    query: Vec<Piece>,
    query_names: Vec<Box<str>>,
}

// === impl UpstreamTemplate ===

impl UpstreamTemplate {
    /// Parses the upstream of a route with this path.
    pub fn parse(text: &str, path: &PathTemplate) -> Result<Self, TemplateFault> {
        let (authority, target) = split(text)?;
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
        Ok(Self {
            text: text.into(),
            origin: origin(authority)?,
            path: path_pieces(own_path, path)?,
            query: query_pieces(query, path)?,
            query_names: query.split('&').map(decoded_name).collect(),
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
        Self {
            text: url.clone(),
            origin: url,
            path: Vec::new(),
            query: Vec::new(),
            query_names: Vec::new(),
        }
    }

    /// As spelt.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// `http://host[:port]` with a lower-case host, or `fantail:<name>`.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Whether the template's own query has a parameter of this decoded name.
    pub fn fixes(&self, name: &str) -> bool {
        self.query_names.iter().any(|n| **n == *name)
    }

    /// The URL for these variables (raw, still percent-encoded) and a client query that is filtered
    /// and canonical already. A built-in feed takes neither.
    pub fn expand(&self, variables: &Variables, query: &str) -> Result<String, ExpandFault> {
        let mut url = String::from(&*self.origin);
        if self.path.is_empty() {
            return Ok(url);
        }
        for piece in &self.path {
            piece.expand(variables, &mut url)?;
        }
        let mut mark = '?';
        if !self.query.is_empty() {
            url.push(mark);
            mark = '&';
        }
        for piece in &self.query {
            piece.expand(variables, &mut url)?;
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

    /// Defence in depth: the URL, read by the parser that the source uses, is still ours.
    fn confirm(&self, url: &str) -> Option<()> {
        let target = url.strip_prefix(&*self.origin)?;
        let uri: Uri = url.parse().ok()?;
        let same_origin = uri.scheme_str() == Some("http")
            && uri.authority()?.as_str() == self.origin.strip_prefix("http://")?;
        let same_target = uri.path_and_query()?.as_str() == target;
        let prefix = match self.path.first() {
            Some(Piece::Literal(text)) => &**text,
            _ => "/",
        };
        let dots = |s: &str| segment::decode(s).is_ok_and(|s| segment::is_dots(&s));
        let inside = uri.path().starts_with(prefix) && !uri.path().split('/').any(dots);
        (same_origin && same_target && inside).then_some(())
    }
}

/// Authority, and all that follows it.
fn split(text: &str) -> Result<(&str, &str), TemplateFault> {
    let Some((scheme, rest)) = text.split_once(':') else {
        return Err(TemplateFault::Syntax(
            "an upstream is http://host:port/path",
        ));
    };
    let scheme = scheme.to_ascii_lowercase();
    if matches!(
        &*scheme,
        "https" | "unix" | "fastcgi" | "h2c" | "ws" | "wss"
    ) {
        let scheme = scheme.into();
        return Err(TemplateFault::Scheme { scheme });
    }
    let ("http", Some(rest)) = (&*scheme, rest.strip_prefix("//")) else {
        return Err(TemplateFault::Syntax(
            "an upstream is http://host:port/path",
        ));
    };
    if rest.contains('#') {
        return Err(TemplateFault::Syntax("an upstream has no fragment (`#`)"));
    }
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    Ok(rest.split_at_checked(end).unwrap_or((rest, "")))
}

fn origin(authority: &str) -> Result<Box<str>, TemplateFault> {
    let words = if authority.contains('@') {
        "an upstream's URL holds no user name or password"
    } else if authority.contains(['{', '}']) {
        "scheme, host and port of an upstream hold no variables"
    } else {
        match Authority::parse(authority) {
            Some(Authority { port: Some(0), .. }) | None => {
                "the upstream's host and port are not valid: write http://host:port/path"
            }
            Some(Authority { host, port: None }) => return Ok(format!("http://{host}").into()),
            Some(Authority {
                host,
                port: Some(port),
            }) => {
                return Ok(format!("http://{host}:{port}").into());
            }
        }
    };
    Err(TemplateFault::Syntax(words))
}

fn decoded_name(pair: &str) -> Box<str> {
    let name = pair.split('=').next().unwrap_or_default();
    percent_decode_str(name).decode_utf8_lossy().into()
}

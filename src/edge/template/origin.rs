//! Where an upstream is: scheme and authority, or a socket's path.
//!
//! Pure. Invariant: an origin holds no variable, so that nothing a client sends can change it, and
//! what its URLs begin with can be told from what follows in one way only.

use super::TemplateFault;
use super::authority::Authority;

/// Longest path of a Unix socket that the kernel takes.
const SOCKET_BYTES: usize = 107;

/// How an upstream is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheme {
    /// A feed that Fantail makes itself.
    Builtin,
    /// HTTP/1.1.
    Http,
    /// HTTP/1.1 over TLS.
    Https,
    /// FastCGI: the path names a script.
    FastCgi,
}

/// A parsed origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Origin {
    pub(super) scheme: Scheme,
    /// `http://host:port`, `https://host:port`, `fastcgi://host:port`, `fastcgi://unix:/run/php.sock`.
    pub(super) text: Box<str>,
    /// What stands between it and the path: `:` after a socket.
    pub(super) separator: &'static str,
}

impl Scheme {
    /// As it stands before the colon.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Builtin => "fantail",
            Self::Http => "http",
            Self::Https => "https",
            Self::FastCgi => "fastcgi",
        }
    }
}

impl Origin {
    /// The origin, and all that follows it.
    pub(super) fn split(text: &str) -> Result<(Self, &str), TemplateFault> {
        let Some((scheme, rest)) = text.split_once(':') else {
            return Err(syntax("an upstream is http://host:port/path"));
        };
        let scheme = scheme.to_ascii_lowercase();
        if matches!(&*scheme, "unix" | "h2c" | "ws" | "wss") {
            let scheme = scheme.into();
            return Err(TemplateFault::Scheme { scheme });
        }
        let rest = rest.strip_prefix("//");
        if rest.is_some_and(|rest| rest.contains('#')) {
            return Err(syntax("an upstream has no fragment (`#`)"));
        }
        match (&*scheme, rest) {
            ("http", Some(rest)) => tcp(Scheme::Http, rest),
            ("https", Some(rest)) => tcp(Scheme::Https, rest),
            ("fastcgi", Some(rest)) => match rest.strip_prefix("unix:") {
                Some(socket) => unix(socket),
                None => tcp(Scheme::FastCgi, rest),
            },
            ("fastcgi", None) => Err(syntax(
                "a fastcgi upstream is fastcgi://host:port/script.php or \
                 fastcgi://unix:/run/php.sock:/script.php",
            )),
            _ => Err(syntax("an upstream is http://host:port/path")),
        }
    }
}

fn tcp(scheme: Scheme, rest: &str) -> Result<(Origin, &str), TemplateFault> {
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, target) = rest.split_at_checked(end).unwrap_or((rest, ""));
    let words = if authority.contains('@') {
        "an upstream's URL holds no user name or password"
    } else if authority.contains(['{', '}']) {
        "scheme, host and port of an upstream hold no variables"
    } else {
        match (Authority::parse(authority), scheme) {
            (Some(Authority { port: Some(0), .. }) | None, _) => {
                "the upstream's host and port are not valid: write http://host:port/path"
            }
            (Some(Authority { port: None, .. }), Scheme::FastCgi) => {
                "a fastcgi upstream names its port: write fastcgi://host:9000/script.php"
            }
            (Some(Authority { host, port }), _) => {
                let name = scheme.name();
                let port = port.map_or_else(String::new, |port| format!(":{port}"));
                let origin = Origin {
                    scheme,
                    text: format!("{name}://{host}{port}").into(),
                    separator: "",
                };
                return Ok((origin, target));
            }
        }
    };
    Err(syntax(words))
}

/// As nginx spells it: the socket's path ends at the first colon.
fn unix(rest: &str) -> Result<(Origin, &str), TemplateFault> {
    let (socket, target) = rest.split_once(':').ok_or_else(|| {
        syntax("a script follows the socket: write fastcgi://unix:/run/php.sock:/script.php")
    })?;
    // Nothing that the source, or a person, could read in two ways.
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"/._-+@,=~".contains(&b);
    if !socket.starts_with('/') || socket.len() > SOCKET_BYTES || !socket.bytes().all(plain) {
        return Err(syntax(
            "the socket is not valid: an absolute path of at most 107 letters, digits and `._-+@,=~`, \
             without variables, such as fastcgi://unix:/run/php.sock:/script.php",
        ));
    }
    let origin = Origin {
        scheme: Scheme::FastCgi,
        text: format!("fastcgi://unix:{socket}").into(),
        separator: ":",
    };
    Ok((origin, target))
}

fn syntax(words: &'static str) -> TemplateFault {
    TemplateFault::Syntax(words)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use crate::edge::template::{PathTemplate, UpstreamTemplate};

    fn parse(text: &str) -> Result<UpstreamTemplate, String> {
        let path = PathTemplate::parse("/p/{s}/{rest*}").unwrap();
        UpstreamTemplate::parse(text, &path).map_err(|fault| fault.to_string())
    }

    #[rstest]
    #[case("FastCGI://PHP:9000/a.php", "fastcgi://php:9000")]
    #[case("fastcgi://[::1]:9000/{s}.php", "fastcgi://[::1]:9000")]
    #[case(
        "fastcgi://unix:/run/php/x_8.2.sock:/a.php?s={s}",
        "fastcgi://unix:/run/php/x_8.2.sock"
    )]
    #[case("fastcgi://h:9000", "fastcgi://h:9000")]
    fn a_fastcgi_origin_is_an_address_or_a_socket(#[case] text: &str, #[case] origin: &str) {
        let upstream = parse(text).unwrap();
        assert!(upstream.is_fastcgi());
        assert_eq!((upstream.origin(), upstream.as_str()), (origin, text));
    }

    #[rstest]
    #[case("fastcgi:/run/x", "fastcgi://host:port/script.php or")]
    #[case("fastcgi://h/a.php", "names its port")]
    #[case("fastcgi://h:0/a.php", "not valid")]
    #[case("fastcgi://u@h:9000/a.php", "no user name")]
    #[case("fastcgi://{s}:9000/a.php", "no variables")]
    #[case("fastcgi://h:9000/a.php#b", "no fragment")]
    #[case("fastcgi://h:9000/", "names a script")]
    #[case("fastcgi://h:9000/a/?b", "names a script")]
    #[case("fastcgi://h:9000/x-{s}", "")]
    #[case("fastcgi://h:9000/{s}-x", "ends in `.php`")]
    #[case("fastcgi://h:9000/{s}/", "names a script")]
    #[case("fastcgi://h:9000/../a.php", "no `.` or `..`")]
    #[case("fastcgi://unix:/run/x.sock", "a script follows")]
    #[case("fastcgi://unix:/run/x.sock:", "")]
    #[case("fastcgi://unix:/run/x.sock:a.php", "starts with `/`")]
    #[case("fastcgi://unix:run/x.sock:/a.php", "the socket is not valid")]
    #[case("fastcgi://unix:/run/{s}.sock:/a.php", "the socket is not valid")]
    #[case("fastcgi://unix:/run/x y.sock:/a.php", "the socket is not valid")]
    #[case("fastcgi://unix:/run/%78.sock:/a.php", "the socket is not valid")]
    fn a_fault_of_a_fastcgi_upstream_is_named(#[case] text: &str, #[case] words: &str) {
        match parse(text) {
            // A script of any name, if the client may give it: it is judged when it comes.
            Ok(_) => assert!(words.is_empty(), "{text} is taken"),
            Err(fault) => assert!(
                !words.is_empty() && fault.contains(words),
                "{text}: {fault}"
            ),
        }
    }

    #[test]
    fn nothing_a_client_writes_changes_socket_or_address() {
        for upstream in [
            "fastcgi://h:9000/base/{rest*}",
            "fastcgi://unix:/run/x.sock:/base/{rest*}",
            "fastcgi://h:9000",
            "fastcgi://unix:/run/x.sock:",
        ] {
            let upstream = parse(upstream).unwrap();
            for raw in [
                "x.php",
                "../x.php",
                ":/x.php",
                "a:/x.php",
                "@h/x.php",
                "%3a/x.php",
                "%2e%2e/x.php",
                "?/x.php",
                "#/x.php",
                "\\x.php",
                "..%2fx.php",
                "/x.php",
                "..;/x.php",
            ] {
                let variables = [("rest", raw), ("s", raw)].into_iter().collect();
                let Ok(url) = upstream.expand(&variables, "") else {
                    continue;
                };
                assert_eq!(raw, "x.php", "{url}");
                assert!(
                    url.starts_with(upstream.origin()) && url.ends_with("/x.php"),
                    "{url}"
                );
            }
        }
    }
}

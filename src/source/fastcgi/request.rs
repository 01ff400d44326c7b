//! What a script is told: CGI/1.1's variables, from the topic key and from nothing else.
//!
//! Layer 2, pure. Invariant: whose client it is that the events are for is not in the key, so the
//! script is never told; no header becomes `HTTP_PROXY`, which libraries take for the environment's
//! own (httpoxy), and no two spellings of a header become one variable.

use http::HeaderMap;
use http::header::{self, HeaderName};

use super::params::{Params, TooLong};
use super::record::{Sent, begin, record};
use super::target::Target;
use crate::source::request::Ask;

/// Headers that are no variables: the connection's own, and those that CGI names otherwise.
static NO_VARIABLES: [HeaderName; 3] = [
    header::CONNECTION,
    header::CONTENT_TYPE,
    header::CONTENT_LENGTH,
];

/// The whole request, in records.
pub(super) fn encode(target: &Target, root: &str, ask: &Ask<'_>) -> Result<Vec<u8>, TooLong> {
    let mut params = Params::default();
    for (name, value) in script(target) {
        params.push(name, value)?;
    }
    let root = root.as_bytes();
    params.push("DOCUMENT_ROOT", if root.is_empty() { b"/" } else { root })?;
    params.push("SCRIPT_FILENAME", &[root, &target.path].concat())?;
    for (name, value) in variables(&ask.headers(target.host())) {
        params.push(&name, &value)?;
    }
    let mut out = Vec::new();
    begin(&mut out);
    params.finish(&mut out);
    record(Sent::Stdin, &[], &mut out);
    Ok(out)
}

fn script(target: &Target) -> [(&'static str, &[u8]); 17] {
    let agent = concat!("fantail/", env!("CARGO_PKG_VERSION"));
    [
        ("GATEWAY_INTERFACE", b"CGI/1.1"),
        ("SERVER_SOFTWARE", agent.as_bytes()),
        ("SERVER_PROTOCOL", b"HTTP/1.1"),
        ("SERVER_NAME", target.host().as_bytes()),
        // Of HTTP, as `HTTP_HOST` without a port says; at the FastCGI port nobody speaks it. For
        // the same reason `HTTPS` is not set: to PHP any value means yes.
        ("SERVER_PORT", b"80"),
        ("REQUEST_SCHEME", b"http"),
        ("REQUEST_METHOD", b"GET"),
        ("REQUEST_URI", target.uri.as_bytes()),
        ("SCRIPT_NAME", &target.path),
        ("DOCUMENT_URI", &target.path),
        ("PATH_INFO", b""),
        ("QUERY_STRING", target.query.as_bytes()),
        ("CONTENT_TYPE", b""),
        ("CONTENT_LENGTH", b"0"),
        ("REMOTE_ADDR", b"127.0.0.1"),
        ("REMOTE_PORT", b"0"),
        // PHP built with `cgi.force_redirect` runs nothing without it.
        ("REDIRECT_STATUS", b"200"),
    ]
}

/// Each header as `HTTP_NAME`, its values joined as HTTP allows.
fn variables(headers: &HeaderMap) -> impl Iterator<Item = (String, Vec<u8>)> {
    let passes = |name: &&HeaderName| {
        let text = name.as_str();
        !NO_VARIABLES.contains(name) && text != "proxy" && !text.contains('_')
    };
    headers.keys().filter(passes).map(|name| {
        let between: &[u8] = if name == header::COOKIE { b"; " } else { b", " };
        let values: Vec<_> = headers.get_all(name).iter().collect();
        let values: Vec<_> = values.iter().map(|value| value.as_bytes()).collect();
        let variable = name.as_str().to_ascii_uppercase().replace('-', "_");
        (format!("HTTP_{variable}"), values.join(between))
    })
}

#[cfg(test)]
mod tests {
    use super::super::params::tests::{contents, pairs};
    use super::*;
    use crate::event::EventId;
    use crate::topic_key::TopicKey;

    /// What PHP reads, a line each.
    fn told(url: &str, headers: &[(&str, &str)], resume: Option<&str>) -> String {
        let headers = headers
            .iter()
            .map(|(n, v)| ((*n).into(), v.as_bytes().to_vec()))
            .collect();
        let resume = resume.and_then(EventId::new);
        let ask = Ask {
            key: &TopicKey::new(url, headers),
            trusted: true,
            resume: resume.as_ref(),
        };
        let target = Target::parse(url).unwrap();
        let out = encode(&target, "/srv/www", &ask).unwrap();
        let (begin, rest) = out.split_at(16);
        assert_eq!(begin, [1, 1, 0, 1, 0, 8, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
        let (contents, rest) = contents(rest);
        assert_eq!(rest, [1, 5, 0, 1, 0, 0, 0, 0]);
        let line = |(name, value)| format!("{name}={}\n", String::from_utf8_lossy(value));
        let all: Vec<_> = contents.into_iter().flat_map(pairs).collect();
        all.iter()
            .map(|(name, value)| line((name, value)))
            .collect()
    }

    #[test]
    fn a_script_is_told_what_a_web_server_would_tell_it() {
        let url = "fastcgi://127.0.0.1:9000/app/demo%20sse.php?symbol=BRK%2EB";
        insta::assert_snapshot!(told(url, &[("accept-language", "mi")], Some("7")), @r"
        GATEWAY_INTERFACE=CGI/1.1
        SERVER_SOFTWARE=fantail/0.1.0
        SERVER_PROTOCOL=HTTP/1.1
        SERVER_NAME=127.0.0.1
        SERVER_PORT=80
        REQUEST_SCHEME=http
        REQUEST_METHOD=GET
        REQUEST_URI=/app/demo%20sse.php?symbol=BRK%2EB
        SCRIPT_NAME=/app/demo sse.php
        DOCUMENT_URI=/app/demo sse.php
        PATH_INFO=
        QUERY_STRING=symbol=BRK%2EB
        CONTENT_TYPE=
        CONTENT_LENGTH=0
        REMOTE_ADDR=127.0.0.1
        REMOTE_PORT=0
        REDIRECT_STATUS=200
        DOCUMENT_ROOT=/srv/www
        SCRIPT_FILENAME=/srv/www/app/demo sse.php
        HTTP_HOST=127.0.0.1
        HTTP_ACCEPT=text/event-stream
        HTTP_ACCEPT_ENCODING=identity
        HTTP_CACHE_CONTROL=no-cache
        HTTP_USER_AGENT=fantail/0.1.0
        HTTP_ACCEPT_LANGUAGE=mi
        HTTP_LAST_EVENT_ID=7
        ");
    }

    #[test]
    fn no_header_poses_as_the_environment_or_as_another() {
        let url = "fastcgi://unix:/run/php.sock:/a.php";
        let odd = [
            ("proxy", "http://evil/"),
            ("x_user", "root"),
            ("content-type", "x"),
            ("cookie", "a=b"),
            ("cookie", "c=d"),
            ("x-user", "1"),
            ("x-user", "2"),
        ];
        let plain = told(url, &[], None);
        let stuffed = told(url, &odd, None);
        let added: Vec<_> = stuffed
            .lines()
            .filter(|line| !plain.contains(line))
            .collect();
        assert_eq!(added, ["HTTP_COOKIE=a=b; c=d", "HTTP_X_USER=1, 2"]);
        assert!(plain.contains("HTTP_HOST=localhost\n") && !plain.contains("LAST_EVENT"));
    }
}

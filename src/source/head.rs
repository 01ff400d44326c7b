//! What a response's head says: a stream, a redirect, an answer, or trouble.
//!
//! Layer 2, pure: may import `metrics` for its labels. Invariant: only a 200 of type
//! `text/event-stream` whose text can be decoded is a stream.

use http::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap,
    HeaderName, SET_COOKIE, TRANSFER_ENCODING, VARY,
};
use http::response::Parts;

use crate::metrics::UpstreamReason;
use crate::source::charset::Charset;
use crate::source::decode::Coding;
use crate::source::{Answer, Error, Suspicions};

/// What to do with the response.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Read its body as events, decoded from this, in this charset.
    Stream(Coding, Charset),
    /// Go where it says.
    Moved,
    /// A 200 that is something else.
    WrongType,
}

/// Judges a head; `charset` overrides the one that it declares.
pub(super) fn judge(head: &Parts, charset: Option<&str>) -> Result<Verdict, Error> {
    match head.status.as_u16() {
        200 => stream(&head.headers, charset),
        204 => Err(Error::Answer(Answer::NoContent)),
        301 | 302 | 303 | 307 | 308 => Ok(Verdict::Moved),
        // Timeout, too early, too many: what they refuse now they may grant later.
        status @ (408 | 425 | 429) => Err(Error::Status(status)),
        status @ 400..=499 => Err(Error::Answer(Answer::Refused(status))),
        status => Err(Error::Status(status)),
    }
}

/// The type as it came, for people.
pub(super) fn content_type(headers: &HeaderMap) -> Option<&str> {
    headers.get(CONTENT_TYPE).map(|value| {
        let text = str::from_utf8(value.as_bytes());
        text.unwrap_or("a type that is not text")
    })
}

/// See [`Suspicions`].
pub(super) fn suspicions(headers: &HeaderMap) -> Suspicions {
    let vary = ["cookie", "authorization", "*"];
    Suspicions {
        set_cookie: headers.contains_key(SET_COOKIE),
        private: tokens(headers, &CACHE_CONTROL).any(|token| token == "private"),
        vary: tokens(headers, &VARY).any(|token| vary.contains(&token.as_str())),
    }
}

/// Whether pages of every origin may read it: exactly `*`. Any other word is about the one who has
/// asked, and that was us.
pub(super) fn is_open_to_all(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(ACCESS_CONTROL_ALLOW_ORIGIN).iter();
    let is_star = values.next().is_some_and(|value| value.as_bytes() == b"*");
    is_star && values.next().is_none()
}

fn stream(headers: &HeaderMap, charset: Option<&str>) -> Result<Verdict, Error> {
    let mut parts = content_type(headers).unwrap_or_default().split(';');
    let essence = parts.next().unwrap_or_default().trim_ascii();
    if !essence.eq_ignore_ascii_case("text/event-stream") {
        return Ok(Verdict::WrongType);
    }
    let coding = coding(headers)?;
    let label = charset.or_else(|| parts.find_map(charset_parameter));
    match label.map(Charset::named) {
        None => Ok(Verdict::Stream(coding, Charset::default())),
        Some(Some(charset)) => Ok(Verdict::Stream(coding, charset)),
        Some(None) => {
            let label = shown(label.unwrap_or_default());
            Err(unreadable(format!("its charset `{label}` is not known")))
        }
    }
}

/// The only coding of the body. `identity` was asked for; nobody has a reason to apply two.
fn coding(headers: &HeaderMap) -> Result<Coding, Error> {
    let framed = |token: &String| matches!(&**token, "chunked" | "identity");
    if !tokens(headers, &TRANSFER_ENCODING).all(|token| framed(&token)) {
        return Err(unreadable(
            "its transfer coding is compressed; switch compression off for this URL",
        ));
    }
    let mut codings = tokens(headers, &CONTENT_ENCODING).filter(|token| token != "identity");
    let Some(name) = codings.next() else {
        return Ok(Coding::Identity);
    };
    if codings.next().is_some() {
        let what = "it is compressed more than once; switch compression off for this URL";
        return Err(unreadable(what));
    }
    Coding::named(&name).ok_or_else(|| {
        unreadable(format!(
            "it is compressed with `{}` although `identity` was asked for; switch compression off \
             for this URL",
            shown(&name)
        ))
    })
}

/// As it came, but short and harmless.
fn shown(text: &str) -> String {
    text.escape_debug().take(40).collect()
}

fn charset_parameter(parameter: &str) -> Option<&str> {
    let (name, value) = parameter.split_once('=')?;
    let value = value.trim_ascii().trim_matches(|c| c == '"' || c == '\'');
    (name.trim_ascii().eq_ignore_ascii_case("charset") && !value.is_empty()).then_some(value)
}

/// The members of a comma-separated header, in lower case, without `=value`.
fn tokens(headers: &HeaderMap, name: &HeaderName) -> impl Iterator<Item = String> {
    headers
        .get_all(name)
        .into_iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|token| token.split('=').next().unwrap_or_default().trim_ascii())
        .filter(|token| !token.is_empty())
        .map(str::to_ascii_lowercase)
}

fn unreadable(what: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::Body {
        what: what.into(),
        reason: UpstreamReason::Encoding,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Response;
    use rstest::rstest;

    fn head(status: u16, headers: &[(&'static str, &str)]) -> Parts {
        let mut response = Response::builder().status(status);
        for (name, value) in headers {
            response = response.header(*name, *value);
        }
        response.body(()).unwrap().into_parts().0
    }

    fn typed(content_type: &str, charset: Option<&str>) -> Result<Verdict, String> {
        judge(&head(200, &[("content-type", content_type)]), charset).map_err(|e| e.to_string())
    }

    #[rstest]
    #[case("text/event-stream", "utf-8")]
    #[case("TEXT/Event-Stream;", "utf-8")]
    #[case("text/event-stream;charset=UTF-8", "utf-8")]
    #[case("text/event-stream ; foo=bar; Charset=\"gb2312\"", "gbk")]
    #[case("text/event-stream; charset=", "utf-8")]
    #[case("text/event-stream; charset='big5'", "big5")]
    fn every_spelling_of_the_type_is_a_stream(#[case] content_type: &str, #[case] charset: &str) {
        let charset = Charset::named(charset).unwrap();
        let stream = Verdict::Stream(Coding::Identity, charset);
        assert_eq!(typed(content_type, None), Ok(stream));
    }

    #[test]
    fn another_type_or_none_is_no_stream() {
        for other in ["text/html", "text/event-streams", "text/event-stream/x", ""] {
            assert_eq!(typed(other, None), Ok(Verdict::WrongType), "{other}");
        }
        let none = judge(&head(200, &[]), None);
        assert!(matches!(none, Ok(Verdict::WrongType)));
    }

    #[test]
    fn the_routes_charset_beats_the_declared_one() {
        assert_eq!(
            typed("text/event-stream; charset=klingon", Some("gbk")),
            Ok(Verdict::Stream(
                Coding::Identity,
                Charset::named("gb2312").unwrap()
            ))
        );
    }

    #[test]
    fn an_unknown_charset_is_named() {
        insta::assert_snapshot!(
            typed("text/event-stream; charset=klingon", None).unwrap_err(),
            @"the upstream's body can not be used: its charset `klingon` is not known"
        );
    }

    #[rstest]
    #[case("content-encoding", "br", true)]
    #[case("content-encoding", "zstd", true)]
    #[case("content-encoding", "identity, br", true)]
    #[case("content-encoding", "gzip, gzip", true)]
    #[case("transfer-encoding", "gzip, chunked", true)]
    #[case("content-encoding", "Identity", false)]
    #[case("content-encoding", "", false)]
    #[case("transfer-encoding", "chunked", false)]
    fn a_coding_that_is_not_decoded_is_refused(
        #[case] name: &'static str,
        #[case] value: &str,
        #[case] refused: bool,
    ) {
        let head = head(200, &[("content-type", "text/event-stream"), (name, value)]);
        let reason = judge(&head, None).map_err(|e| e.reason());
        assert_eq!(reason == Err(UpstreamReason::Encoding), refused);
    }

    #[test]
    fn gzip_and_deflate_are_decoded_and_another_coding_is_named() {
        let coded = |name| {
            let headers = [
                ("content-type", "text/event-stream"),
                ("content-encoding", name),
            ];
            judge(&head(200, &headers), None).map_err(|e| e.to_string())
        };
        let stream = |coding| Ok(Verdict::Stream(coding, Charset::default()));
        assert_eq!(coded("GZip"), stream(Coding::Gzip));
        assert_eq!(coded("identity, x-gzip"), stream(Coding::Gzip));
        assert_eq!(coded("deflate"), stream(Coding::Deflate));
        insta::assert_snapshot!(
            coded("br").unwrap_err(),
            @"the upstream's body can not be used: it is compressed with `br` although `identity` was asked for; switch compression off for this URL"
        );
    }

    #[rstest]
    #[case(204, true)]
    #[case(404, true)]
    #[case(499, true)]
    #[case(408, false)]
    #[case(425, false)]
    #[case(429, false)]
    #[case(101, false)]
    #[case(206, false)]
    #[case(304, false)]
    #[case(503, false)]
    #[case(999, false)]
    fn a_status_is_an_answer_or_trouble(#[case] status: u16, #[case] is_answer: bool) {
        let error = judge(&head(status, &[]), None).unwrap_err();
        assert_eq!(matches!(error, Error::Answer(_)), is_answer, "{error}");
        assert!(error.to_string().contains(&status.to_string()), "{error}");
    }

    #[rstest]
    #[case(&["*"], true)]
    #[case(&["https://app.example"], false)]
    #[case(&["null"], false)]
    #[case(&["*, *"], false)]
    #[case(&["*", "*"], false)]
    #[case(&[""], false)]
    #[case(&[], false)]
    fn only_a_star_opens_a_stream_to_all(#[case] values: &[&str], #[case] is_open: bool) {
        let all: Vec<_> = values
            .iter()
            .map(|value| ("access-control-allow-origin", *value))
            .collect();
        assert_eq!(is_open_to_all(&head(200, &all).headers), is_open);
    }

    #[rstest]
    #[case("set-cookie", "a=b", (true, false, false))]
    #[case("cache-control", "max-age=0, Private=\"x\"", (false, true, false))]
    #[case("cache-control", "no-cache", (false, false, false))]
    #[case("vary", "Accept-Encoding, Cookie", (false, false, true))]
    #[case("vary", "*", (false, false, true))]
    #[case("vary", "Accept", (false, false, false))]
    fn signs_of_a_response_for_one_person_are_seen(
        #[case] name: &'static str,
        #[case] value: &str,
        #[case] want: (bool, bool, bool),
    ) {
        let seen = suspicions(&head(200, &[(name, value)]).headers);
        assert_eq!((seen.set_cookie, seen.private, seen.vary), want);
    }
}

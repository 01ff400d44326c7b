//! Cookies by name: the only ones that pass.
//!
//! Pure. Invariant: what comes out is one value that every server reads in one way: declared names
//! only, sorted, in nothing but printable ASCII. What can not be read so does not pass.

use http::{HeaderMap, header};

/// Whether a cookie can be declared by this name (RFC 6265: a token).
pub fn nameable(name: &str) -> bool {
    let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    !name.is_empty() && name.bytes().all(token)
}

/// The cookies of these names as one `Cookie` value; `None` if the client sends none of them. Two
/// of one name keep their order: which of them counts is the upstream's own question.
pub(super) fn named(headers: &HeaderMap, names: &[Box<str>]) -> Option<Vec<u8>> {
    let lines = headers.get_all(header::COOKIE).iter();
    let pairs = lines.flat_map(|line| line.as_bytes().split(|b| *b == b';'));
    let mut passing: Vec<(&[u8], &[u8])> = pairs
        .filter_map(pair)
        .filter(|(name, _)| names.iter().any(|declared| declared.as_bytes() == *name))
        .collect();
    passing.sort_by_key(|(name, _)| *name);
    let texts = passing
        .into_iter()
        .map(|(name, value)| [name, b"=", value].concat());
    let texts: Vec<_> = texts.collect();
    (!texts.is_empty()).then(|| texts.join(&b"; "[..]))
}

/// All cookies, as one value: HTTP/2 sends each in a line of its own, HTTP/1.1 knows one line.
pub(super) fn all(headers: &HeaderMap) -> Option<Vec<u8>> {
    let lines = headers.get_all(header::COOKIE).iter();
    let lines: Vec<&[u8]> = lines.map(http::HeaderValue::as_bytes).collect();
    (!lines.is_empty()).then(|| lines.join(&b"; "[..]))
}

fn pair(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = text.iter().position(|b| *b == b'=')?;
    let (name, value) = text.split_at_checked(at)?;
    let value = value.get(1..)?.trim_ascii();
    is_value(value).then(|| (name.trim_ascii(), value))
}

/// Printable, and no quotation mark that is opened and never closed: old parsers read on to the
/// next one, over the semicolon and into the next cookie.
fn is_value(value: &[u8]) -> bool {
    let is_printable = value.iter().all(|b| b.is_ascii_graphic() || *b == b' ');
    let is_closed = !value.starts_with(b"\"") || (value.len() > 1 && value.ends_with(b"\""));
    is_printable && is_closed
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    fn passing(lines: &[&[u8]], names: &[&str]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for line in lines {
            let value = http::HeaderValue::from_bytes(line).unwrap();
            headers.append(header::COOKIE, value);
        }
        let names: Vec<Box<str>> = names.iter().map(|name| (*name).into()).collect();
        let value = named(&headers, &names)?;
        Some(String::from_utf8(value).unwrap())
    }

    #[rstest]
    #[case(&["session=1"], Some("session=1"))]
    #[case(&["_ga=GA1.2; session=1; x=2"], Some("session=1"))]
    #[case(&["session=1;lang=de"], Some("lang=de; session=1"))]
    #[case(&["  lang = de ;\tsession=1 ; "], Some("lang=de; session=1"))]
    #[case(&["session=1", "lang=de"], Some("lang=de; session=1"))]
    #[case(&["session=2; lang=de; session=1"], Some("lang=de; session=2; session=1"))]
    #[case(&["session="], Some("session="))]
    #[case(&["session=a=b=="], Some("session=a=b=="))]
    #[case(&["session=\"a b,c\""], Some("session=\"a b,c\""))]
    #[case(&["session={\"a\":1}"], Some("session={\"a\":1}"))]
    #[case(&["Session=1; SESSION=2; sessio=3; session2=4"], None)]
    #[case(&["session"], None)]
    #[case(&["=session"], None)]
    #[case(&["session\0=1"; 0], None)]
    #[case(&["", ";;; ; ="], None)]
    #[case(&["session=a\tb"], None)]
    #[case(&["session=\"a; lang=b\""], Some("lang=b\""))]
    #[case(&["session=\"; lang=\"de\""], Some("lang=\"de\""))]
    #[case(&["x=session=1"], None)]
    #[case(&["$Version=1; session=1"], Some("session=1"))]
    #[case(&["session[a]=1; session.b=2"], None)]
    fn only_declared_cookies_that_read_in_one_way_pass(
        #[case] lines: &[&str],
        #[case] value: Option<&str>,
    ) {
        let lines: Vec<&[u8]> = lines.iter().map(|line| line.as_bytes()).collect();
        let value = value.map(String::from);
        assert_eq!(passing(&lines, &["session", "lang"]), value);
    }

    #[test]
    fn bytes_that_are_no_text_do_not_pass() {
        assert_eq!(passing(&[b"session=\xff; lang=de"], &["session"]), None);
        assert_eq!(passing(&[b"session=caf\xc3\xa9"], &["session"]), None);
    }

    #[test]
    fn a_name_is_a_token() {
        assert!(
            ["session", "PHPSESSID", "__Host-id", "a.b"]
                .iter()
                .all(|n| nameable(n))
        );
        assert!(
            !["", "a b", "a=b", "a;b", "é", "a\"", "user[1]"]
                .iter()
                .any(|n| nameable(n))
        );
    }

    proptest! {
        #[test]
        fn whatever_comes_out_is_made_of_declared_cookies(
            line in prop_oneof![
                "([a-c]{1,2}(=[ -~]{0,6})?; ?){0,5}",
                "[a-c=;\" \\t]{0,24}",
            ],
        ) {
            let Some(value) = passing(&[line.as_bytes()], &["a", "b"]) else { return Ok(()) };
            let mut last = "";
            for pair in value.split("; ") {
                let (name, _) = pair.split_once('=').unwrap();
                prop_assert!(["a", "b"].contains(&name) && last <= name, "{}", value);
                last = if name == "a" { "a" } else { "b" };
            }
            // Read again, it says the same.
            let again = passing(&[value.as_bytes()], &["a", "b"]);
            prop_assert_eq!(again, Some(value));
        }
    }
}

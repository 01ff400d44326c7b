//! Why a 200 is no event stream, in words that its author can act on.
//!
//! Layer 2, pure. Invariant: nothing of the body is repeated, for it may be somebody's.

/// The longest part of a type that is repeated, in characters.
const TYPE_CHARS: usize = 60;

/// The words for a response of this type whose body begins with `body`.
pub(super) fn explain(content_type: Option<&str>, body: &[u8]) -> Box<str> {
    let came = match content_type {
        Some(text) => {
            let text: String = text.escape_debug().take(TYPE_CHARS).collect();
            format!("the type `{text}`")
        }
        None => "no type".to_owned(),
    };
    let cause = cause(body);
    format!("the upstream sent {came} instead of `text/event-stream`: {cause}").into()
}

/// The likely cause; the surest sign first.
fn cause(body: &[u8]) -> &'static str {
    let marked = body.starts_with(b"\xEF\xBB\xBF");
    let text = String::from_utf8_lossy(body).to_lowercase();
    let text = text.trim_start_matches('\u{FEFF}').trim_ascii_start();
    let has = |words: &[&str]| words.iter().any(|word| text.contains(word));
    if marked {
        "a byte-order mark or text before `<?php` makes PHP send its headers too early; \
         save the file as UTF-8 without one"
    } else if has(&["headers already sent", "cannot modify header information"]) {
        "a byte-order mark or text before `<?php`, or output before `header()`, \
         makes PHP send its headers too early"
    } else if has(&["fatal error", "parse error", "uncaught exception"]) {
        "PHP failed with an error; it stands in the body and in PHP's log"
    } else if has(&["vbscript runtime", "vbscript compilation", "asp 0"]) {
        "the ASP script failed with an error; it stands in the body"
    } else if text.starts_with("<?php") || text.starts_with("<%") {
        "the script's source was sent; the server does not run it"
    } else if has(&["<form"]) && has(&["password", "login", "log in", "sign in"]) {
        "it looks like a login page; the route's `headers` says which of a client's headers, \
         such as `cookie`, are passed on"
    } else if text.starts_with(['{', '[']) {
        "it looks like JSON; is this the right URL?"
    } else if has_field_line(text) {
        "the body looks like an event stream, so only the header is missing, in PHP: \
         `header('Content-Type: text/event-stream')`"
    } else if text.starts_with('<') {
        "it looks like an ordinary page; is this the right URL, and does the script call \
         `header('Content-Type: text/event-stream')`?"
    } else {
        "does the script call `header('Content-Type: text/event-stream')` \
         (PHP) or set `Response.ContentType` (ASP)?"
    }
}

fn has_field_line(text: &str) -> bool {
    text.split(['\r', '\n']).any(|line| {
        ["data:", "event:", "id:", "retry:"]
            .iter()
            .any(|f| line.starts_with(f))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("\u{FEFF}data: x\n\n", "a byte-order mark or text before `<?php`")]
    #[case(
        "\u{FEFF}<br />\n<b>Warning</b>:  Cannot modify header",
        "a byte-order"
    )]
    #[case(
        "\n<br />\n<b>Warning</b>:  Cannot modify header information - headers already sent by \
         (output started at /x.php:1)",
        "a byte-order mark or text before `<?php`, or output"
    )]
    #[case("<br />\n<b>Fatal error</b>:  Uncaught Error: Call to", "PHP failed")]
    #[case("PHP Parse error:  syntax error", "PHP failed")]
    #[case("Microsoft VBScript runtime error '800a01a8'", "the ASP script failed")]
    #[case(
        "  <?php header('Content-Type: text/event-stream');",
        "the script's source"
    )]
    #[case("<% Response.Write \"x\" %>", "the script's source")]
    #[case(
        "<html><form action=/l><input type=password></form>",
        "it looks like a login"
    )]
    #[case("<!DOCTYPE html><form>Log in</form>", "it looks like a login")]
    #[case("<!DOCTYPE html><form>Search</form>", "it looks like an ordinary page")]
    #[case(" {\"error\":\"login\"}", "it looks like JSON")]
    #[case(
        ": hi\r\ndata: The time\r\n\r\n",
        "the body looks like an event stream"
    )]
    #[case("<html><h1>It works!</h1>", "it looks like an ordinary page")]
    #[case("", "does the script call")]
    #[case("\u{0}\u{1}", "does the script call")]
    fn the_likely_cause_is_named(#[case] body: &str, #[case] words: &str) {
        let cause = cause(body.as_bytes());
        assert!(cause.starts_with(words), "{cause}");
    }

    #[test]
    fn the_type_that_came_is_repeated_bounded_and_escaped() {
        insta::assert_snapshot!(
            explain(Some("text/html; charset=UTF-8"), b"[1]"),
            @"the upstream sent the type `text/html; charset=UTF-8` instead of `text/event-stream`: it looks like JSON; is this the right URL?"
        );
        assert!(explain(None, b"").starts_with("the upstream sent no type instead of"));
        assert!(explain(Some(&"x".repeat(9_999)), b"").len() < 300);
        assert!(!explain(Some("a\tb"), b"").contains('\t'));
    }
}

//! One path segment: decoded once, judged, and encoded in the one canonical way.
//!
//! Pure. Invariant: `canonical` is idempotent, and two spellings that an upstream would decode to
//! the same segment become the same text, so that an encoded letter can not slip past a route.

use percent_encoding::{
    AsciiSet, CONTROLS, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode,
};

/// Everything but RFC 3986 `pchar`: unreserved, sub-delims, `:` and `@`.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'!')
    .remove(b'$')
    .remove(b'&')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')')
    .remove(b'*')
    .remove(b'+')
    .remove(b',')
    .remove(b';')
    .remove(b'=')
    .remove(b':')
    .remove(b'@');

/// The canonical form of a non-empty raw segment, or what is wrong with it.
pub(crate) fn canonical(raw: &str) -> Result<String, &'static str> {
    let text = decode(raw)?;
    if text.is_empty() {
        return Err("the path holds an empty segment");
    }
    if is_dots(&text) {
        return Err("the path holds a dot segment");
    }
    if text.contains(['/', '\\']) {
        return Err("the path holds an encoded slash or a backslash");
    }
    if text.contains(char::is_control) {
        return Err("the path holds a control character");
    }
    Ok(utf8_percent_encode(&text, ENCODED).to_string())
}

/// Decodes once. Invalid UTF-8 is refused because overlong forms of `.` and `/` are.
pub(crate) fn decode(raw: &str) -> Result<String, &'static str> {
    if !raw.is_ascii() {
        return Err("the path holds raw bytes that are not ASCII");
    }
    if !well_formed(raw) {
        return Err("the path holds a broken percent sequence");
    }
    match percent_decode_str(raw).decode_utf8() {
        Ok(text) => Ok(text.into_owned()),
        Err(_) => Err("the path holds percent sequences that are not UTF-8"),
    }
}

/// Encodes what a person may write raw in a configuration and a client never sends raw.
pub(crate) fn ascii(text: &str) -> String {
    utf8_percent_encode(text, CONTROLS).to_string()
}

/// Whether every `%` is followed by two hexadecimal digits.
pub(crate) fn well_formed(raw: &str) -> bool {
    raw.split('%').skip(1).all(|after| {
        let digits = after.as_bytes().get(..2);
        digits.is_some_and(|d| d.iter().all(u8::is_ascii_hexdigit))
    })
}

/// Whether some server takes the decoded segment for `.` or `..`: servlet containers cut
/// parameters off at `;`, Windows drops spaces at the end.
pub(crate) fn is_dots(text: &str) -> bool {
    let name = text.split(';').next().unwrap_or_default();
    matches!(name.trim_end_matches(' '), "." | "..")
}

//! The `[[route]]` block to paste.
//!
//! Pure. Invariant: what is written is good configuration of this version (a test reads it with
//! `config`), and no line is wider than a terminal.

use http::Uri;

use super::findings::Case;
use super::findings::Sharing;
use super::reading::EVENT_BYTES;
use super::wrap::WIDTH;
use crate::config::units;

/// The block for the URL of this case; `None` if no route can say it.
pub fn block(case: &Case) -> Option<String> {
    let url: Uri = case.seen.url.parse().ok()?;
    let path = url.path();
    // A brace is a variable of a route.
    if path.contains(['{', '}']) || path.contains("//") {
        return None;
    }
    let authority = url.authority()?.as_str();
    let scheme = url.scheme_str()?;
    let upstream = quoted(&format!("{scheme}://{authority}{path}"));
    let mut lines = vec![
        "[[route]]".to_owned(),
        format!("path     = {}", quoted(path)),
        format!("upstream = {upstream}"),
    ];
    let ca = case.seen.ca.as_ref();
    lines.extend(ca.map(|ca| format!("upstream_tls = {{ ca = {} }}", quoted(ca))));
    let names = query_names(url.query().unwrap_or_default());
    if !names.is_empty() {
        lines.push(format!(
            "query    = {}   # what else tells streams apart",
            list(&names)
        ));
    }
    let headers = headers(case);
    if !headers.is_empty() {
        lines.push(format!(
            "headers  = {}   # who sends the same shares a stream",
            list(&headers)
        ));
    }
    if case.body.charset.is_none() && !case.body.is_text {
        lines.push("charset  = \"gbk\"   # a guess: name what the script prints".to_owned());
    }
    lines.extend(max_event(case));
    lines.push(String::new());
    Some(lines.join("\n"))
}

/// A limit with room for the largest event that was seen, if the usual one has none.
fn max_event(case: &Case) -> Option<String> {
    let largest = case.body.oversize.iter().max()?;
    let limit = largest.saturating_mul(2).next_power_of_two().min(64 << 20);
    let own = u64::try_from(EVENT_BYTES).unwrap_or(u64::MAX);
    Some(format!(
        "max_event = {:?}",
        units::show_size(limit.max(own))
    ))
}

/// What was sent along and made a difference.
fn headers(case: &Case) -> Vec<String> {
    let credentials = &case.seen.credentials;
    let rejected = matches!(case.seen.first.status(), Some(401 | 403));
    match Sharing::of(case) {
        Sharing::Personal(_) => {
            let cookie = credentials.cookie.then(|| "Cookie".to_owned());
            cookie
                .into_iter()
                .chain(credentials.headers.iter().cloned())
                .collect()
        }
        Sharing::Unknown if rejected => vec!["Authorization".to_owned(), "Cookie".to_owned()],
        Sharing::Same | Sharing::Unknown => Vec::new(),
    }
}

fn query_names(query: &str) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for part in query.split('&').filter(|part| !part.is_empty()) {
        let name = part.split('=').next().unwrap_or_default().replace('+', " ");
        let name = percent_encoding::percent_decode_str(&name)
            .decode_utf8_lossy()
            .into_owned();
        if !name.is_empty() && !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

fn list(names: &[String]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| quoted(name)).collect();
    let line = format!("[{}]", quoted.join(", "));
    if line.len() < WIDTH / 2 {
        return line;
    }
    format!("[\n  {},\n]", quoted.join(",\n  "))
}

/// A TOML string; a long one goes over several lines, which TOML joins again.
fn quoted(text: &str) -> String {
    let plain = format!("\"{}\"", escaped(text));
    if plain.len() <= WIDTH - 12 {
        return plain;
    }
    let chars: Vec<char> = text.chars().collect();
    let pieces = chars.chunks(WIDTH / 2).map(|piece| {
        let piece: String = piece.iter().collect();
        format!("  {}", escaped(&piece))
    });
    let pieces: Vec<String> = pieces.collect();
    format!("\"\"\"\\\n{}\"\"\"", pieces.join("\\\n"))
}

fn escaped(text: &str) -> String {
    let escape = |c: char| match c {
        '"' | '\\' => format!("\\{c}"),
        c if c.is_control() => format!("\\u{:04X}", u32::from(c)),
        c => c.to_string(),
    };
    text.chars().map(escape).collect()
}

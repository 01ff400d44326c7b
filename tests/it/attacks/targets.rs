//! C1, C2, D2: targets that lead elsewhere, or that two servers read in two ways.

use super::table::Expect::{Gap, Status, Stream};
use super::table::{Row, row, target};

const BAD: [(&str, &str); 40] = [
    ("no slash first", "s/a"),
    ("nothing", ""),
    ("a space", "/s/a b"),
    ("a tab", "/s/a\tb"),
    ("NUL", "/s/a\0b"),
    ("delete", "/s/a\x7fb"),
    ("an escape character", "/s/a\x1b[2J"),
    ("raw UTF-8", "/s/ä"),
    ("a backslash", "/s/a\\b"),
    ("quotes", "/s/\"a\""),
    ("angle brackets", "/s/<a>"),
    ("a bar", "/s/a|b"),
    ("braces", "/s/{a}"),
    ("a dot segment", "/s/."),
    ("two dots", "/s/.."),
    ("encoded dots", "/s/%2e%2e"),
    ("half encoded dots", "/s/.%2E"),
    ("an encoded slash", "/s/a%2fb"),
    ("an encoded backslash", "/s/a%5cb"),
    ("encoded NUL", "/s/a%00"),
    ("an encoded line end", "/s/a%0d%0aX-Injected:%201"),
    ("a lone percent", "/s/%"),
    ("half a percent sequence", "/s/%4"),
    ("a broken percent sequence", "/s/%zz"),
    ("an overlong dot", "/s/%c0%ae"),
    ("a byte that is no text", "/s/%ff"),
    ("an encoded space", "/s/a%20b"),
    ("a user", "/s/me@evil"),
    ("a port", "/s/evil:80"),
    ("a script", "/s/$(id)"),
    (
        "a variable too long",
        "/s/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    ),
    ("dots in the remainder", "/open/a/../../b"),
    ("encoded dots in the remainder", "/open/%2e%2e/b"),
    ("dots with a parameter", "/open/..;x=y/b"),
    ("dots with a space", "/open/..%20/b"),
    ("an empty segment", "/open//evil/b"),
    ("a URL in the remainder", "/open/http://evil/"),
    ("an encoded slash in the remainder", "/open/a%2f..%2fb"),
    ("a broken declared parameter", "/s/a?lang=%"),
    ("a broken parameter where all pass", "/open/a?x=%g1"),
];

pub(super) fn rows() -> Vec<Row> {
    let bad = BAD
        .iter()
        .map(|(name, path)| row(name, target(path), Status(400)));
    bad.chain(unknown())
        .chain(served())
        .chain(places())
        .collect()
}

fn unknown() -> Vec<Row> {
    let of = |name, path: &str| row(name, target(path), Status(404));
    vec![
        of("no variable", "/s/"),
        of("a slash behind the variable", "/s/a/"),
        of("two slashes first", "//s/a"),
        of("a doubled slash", "/s//a"),
        of("dots through another route", "/s/../s/a"),
        of("a route that is none", "/nothing"),
        of("another case", "/S/a"),
        of("a slash for a name", "/s%2fa"),
    ]
}

fn served() -> Vec<Row> {
    let long = format!("/s/a?lang={}", "x".repeat(5 << 10));
    let longer = format!("/open/{}", "x".repeat(9 << 10));
    let longest = format!("/open/{}", "x".repeat(80 << 10));
    let parameters = format!("/s/a?{}", "a&".repeat(1000));
    vec![
        row("a fragment", target("/s/a#evil"), Stream),
        row("a letter encoded", target("/%73/%61"), Stream),
        row("dots encoded twice", target("/open/%252e%252e/b"), Stream),
        row(
            "an undeclared parameter",
            target("/s/a?x-smuggled=1"),
            Stream,
        ),
        row("a broken undeclared parameter", target("/s/a?x=%"), Stream),
        row(
            "a declared parameter, twice",
            target("/s/a?lang=b&lang=a"),
            Stream,
        ),
        row(
            "a declared line end",
            target("/s/a?lang=%0d%0aX-Injected:%201"),
            Stream,
        ),
        row("a thousand parameters", target(parameters), Stream),
        row("a query too long", target(long), Status(431)),
        row("a target too long", target(longer), Status(431)),
        row("a target beyond every buffer", target(longest), Status(431)),
    ]
}

/// C5: where a client says that it was. Never an error.
fn places() -> Vec<Row> {
    let long = format!("/s/a?lastEventId={}", "x".repeat(2 << 10));
    vec![
        row(
            "a place with a line end",
            target("/s/a?lastEventId=1%0d%0a2"),
            Gap,
        ),
        row("a place with NUL", target("/s/a?last_event_id=%00"), Gap),
        row(
            "a place that is no text",
            target("/s/a?lastEventId=%ff"),
            Gap,
        ),
        row(
            "a place that is no encoding",
            target("/s/a?lastEventId=%zz"),
            Gap,
        ),
        row("a place too long", target(long), Gap),
        row("an empty place", target("/s/a?lastEventId="), Stream),
    ]
}

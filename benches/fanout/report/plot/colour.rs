//! A colour for each server, the same in every plot; they differ in brightness too.

const NAMED: [(&str, &str); 9] = [
    ("fantail", "#0b5fd0"),
    ("bare", "#8c959f"),
    ("fantail by TLS", "#58a6ff"),
    ("nginx", "#1a7f37"),
    ("nchan", "#4ac26b"),
    ("pushpin", "#bf3989"),
    ("haproxy", "#bc4c00"),
    ("caddy", "#d4a72c"),
    ("apache", "#82071e"),
];

const OTHERS: [&str; 4] = ["#6639ba", "#1b7c83", "#a475f9", "#953800"];

pub(super) fn of(server: &str) -> &'static str {
    let server = server.to_ascii_lowercase();
    let named = NAMED.iter().find(|(name, _)| *name == server);
    named.map_or_else(
        || {
            let sum: usize = server.bytes().map(usize::from).sum();
            OTHERS[sum % OTHERS.len()]
        },
        |(_, colour)| colour,
    )
}

//! E10, E11: charsets, byte-order marks, and lines that are no event's.

use std::time::Duration;

use encoding_rs::Encoding;

use crate::support::{Client, Event, Exchange, Gateway, Get, Process, Upstream, eventually};

/// Text that each charset has, so that what comes is what was written.
const TEXTS: [(&str, &str); 9] = [
    ("gb2312", "你好，股票"),
    ("gbk", "你好，鎔基"),
    ("gb18030", "你好，𠮷"),
    ("big5", "你好，股票"),
    ("shift_jis", "こんにちは、ソ表"),
    ("windows-1252", "café “€ 5”"),
    ("windows-1251", "Привет"),
    ("utf-16le", "你好 €"),
    ("utf-16be", "你好 €"),
];

/// As a backend with this charset writes it; `encoding_rs` encodes no UTF-16.
fn written(charset: &str, text: &str) -> Vec<u8> {
    let units = text.encode_utf16();
    match charset {
        "utf-16le" => units.flat_map(u16::to_le_bytes).collect(),
        "utf-16be" => units.flat_map(u16::to_be_bytes).collect(),
        _ => {
            let encoding = Encoding::for_label(charset.as_bytes()).unwrap();
            let (bytes, _, is_unknown) = encoding.encode(text);
            assert!(!is_unknown, "{charset} has not all of {text}");
            bytes.into_owned()
        }
    }
}

fn head(charset: Option<&str>) -> String {
    let parameter = charset.map_or(String::new(), |name| format!("; charset={name}"));
    format!("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream{parameter}\r\n\r\n")
}

/// Sends the bytes in single packets of one byte each; what is read is cut at every one of them.
fn byte_by_byte(exchange: &mut Exchange, bytes: &[u8]) {
    for byte in bytes {
        exchange.send([*byte]);
        exchange.rest_for(Duration::from_millis(1));
    }
}

/// A client gets `text` from an upstream that writes it in `charset`, declared or configured.
#[track_caller]
fn assert_read(charset: &'static str, text: &'static str, is_declared: bool) {
    let upstream = Upstream::start(move |mut exchange| {
        let declared = if is_declared {
            Some(charset)
        } else {
            // The label that backends put on everything; the route knows better.
            Some("utf-8")
        };
        exchange.send(head(declared));
        let event = format!("id: 1\nevent: {text}\ndata: {text}\n\n");
        byte_by_byte(&mut exchange, &written(charset, &event));
        exchange.hold();
    });
    let keys = if is_declared {
        String::new()
    } else {
        format!("charset = \"{charset}\"")
    };
    let gateway = Gateway::route(&upstream, &keys);
    let mut client = gateway.subscribe();
    let event = client.next_event();
    assert_eq!((&*event.name, &*event.data), (text, text), "{charset}");
    let downstream = client.header("content-type");
    assert_eq!(downstream, Some("text/event-stream"), "{charset}");
}

#[test]
fn a_charset_that_is_declared_is_read_wherever_its_characters_are_cut() {
    for (charset, text) in TEXTS {
        assert_read(charset, text, true);
    }
}

#[test]
fn a_charset_that_is_configured_goes_before_the_one_that_is_declared() {
    for (charset, text) in TEXTS {
        assert_read(charset, text, false);
    }
}

/// What two polls with this body bring, byte by byte.
#[track_caller]
fn two_polls(charset: Option<&'static str>, body: &'static [u8]) -> Vec<Event> {
    let upstream = Upstream::start(move |mut exchange| {
        exchange.send(head(charset));
        byte_by_byte(&mut exchange, body);
    });
    let gateway = Gateway::route(&upstream, "poll_interval = \"500ms\"");
    let mut client = gateway.subscribe();
    vec![client.next_event(), client.next_event()]
}

#[test]
fn a_mark_at_the_start_of_each_poll_is_dropped_and_in_the_middle_it_is_text() {
    let polls: [(Option<&'static str>, &'static [u8]); 4] = [
        (None, b"\xEF\xBB\xBFdata: a\xEF\xBB\xBFb\n\n"),
        (Some("utf-8"), b"\xEF\xBB\xBFdata: a\xEF\xBB\xBFb\n\n"),
        // A mark beats the label, as in browsers.
        (Some("gbk"), b"\xEF\xBB\xBFdata: a\xEF\xBB\xBFb\n\n"),
        (
            Some("utf-16"),
            b"\xFF\xFEd\0a\0t\0a\0:\0 \0a\0\xFF\xFEb\0\n\0\n\0",
        ),
    ];
    for (charset, body) in polls {
        for event in two_polls(charset, body) {
            assert_eq!(event.data, "a\u{FEFF}b", "{charset:?}");
        }
    }
}

#[test]
fn a_second_mark_at_the_start_is_a_name_that_no_field_has() {
    for event in two_polls(None, b"\xEF\xBB\xBF\xEF\xBB\xBFdata: lost\ndata: kept\n\n") {
        assert_eq!(event.data, "kept");
    }
}

#[test]
fn bytes_that_are_no_text_become_the_character_that_says_so() {
    for (charset, body) in [
        (None, &b"data: a\xFFb\n\n"[..]),
        (Some("gbk"), b"data: a\xFFb\n\n"),
        (Some("shift_jis"), b"data: a\xFDb\n\n"),
    ] {
        for event in two_polls(charset, body) {
            assert_eq!(event.data, "a\u{FFFD}b", "{charset:?}");
        }
    }
}

const JUNK: &str = "<br />\n<b>Fatal error</b>:  Uncaught PDOException in /srv/a.php:7\n";
const NOTICE: &str = "PHP Notice:  Undefined index: symbol in /srv/a.php on line 3\n";

/// Whatever a client reads is a comment, `retry:` or a line of an event.
fn lines_until(client: &mut Client, last: &str) -> Vec<String> {
    let mut lines = Vec::new();
    while lines.last().is_none_or(|line| line != last) {
        lines.push(client.line().expect("more, up to the last line"));
    }
    lines
}

#[test]
fn lines_that_are_no_events_reach_nobody_are_counted_and_logged_once() {
    const POLLS: usize = 3;
    let upstream = Upstream::start(|mut exchange| {
        let number = exchange.number;
        exchange.send(head(None));
        exchange.send(format!(
            "{NOTICE}id: {number}\n{JUNK}data: {number}\n\n{JUNK}"
        ));
    });
    let route = "[[route]]\nname = \"events\"\npath = \"/{name}\"\n\
                 poll_interval = \"500ms\"\nupstream = \"{upstream}/{name}\"\n";
    let program = Process::serve(route, &upstream, 256);
    let mut client = Get::new("/a").stream(program.address());
    let lines = lines_until(&mut client, &format!("data: {}\n", POLLS - 1));
    for line in lines {
        let known = [":", "id: ", "data: ", "retry: ", "\n"];
        assert!(
            known.iter().any(|begin| line.starts_with(begin)),
            "{line:?}"
        );
    }
    // Another topic of the route sends the same.
    let mut other = Get::new("/b").stream(program.address());
    assert!(!other.next_event().data.is_empty());
    let series = "fantail_events_dropped_total{reason=\"malformed\",route=\"events\"}";
    let lines = 5 * POLLS;
    eventually("each line is counted", || {
        program.metric(series) >= lines as f64
    });
    let log = program.into_log();
    let told: Vec<&str> = log
        .lines()
        .filter(|line| line.contains("belong to no event"))
        .collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("WARN") && told[0].contains("Undefined index"));
}

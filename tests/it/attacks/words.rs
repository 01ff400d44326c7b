//! C8, C9: what is said about a failure, to the client and in the log.

use crate::support::{Client, Gateway, Get, Process, STREAM_HEAD, Upstream};

#[test]
fn no_answer_tells_where_the_upstream_is_or_what_it_said() {
    let html = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nServer: secret-server\r\n\
                Content-Length: 30\r\n\r\n<html>secret stack trace</html";
    let refused = "HTTP/1.1 403 Forbidden\r\nServer: secret-server\r\nX-Secret: 1\r\n\
                   Set-Cookie: sid=secret\r\nContent-Length: 6\r\n\r\nsecret";
    let broken = "HTTP/1.1 500 Oh\r\nServer: secret-server\r\nContent-Length: 6\r\n\r\nsecret";
    for (answer, status) in [(html, 502), (refused, 403), (broken, 502)] {
        let upstream = Upstream::polled(move |_| answer.to_owned());
        let gateway = Gateway::route(&upstream, "on_upstream_error = \"mirror\"");
        let mut client = Get::new("/events").stream(gateway.address());
        assert_eq!(client.status, status);
        let body = client.body();
        let said = format!("{}{body}", client.head).to_lowercase();
        let port = upstream.address().port().to_string();
        for secret in ["secret", "127.0.0.1", port.as_str()] {
            assert!(!said.contains(secret), "{secret} in {said}");
        }
    }
}

#[test]
fn a_refused_connection_is_told_without_its_address() {
    let upstream = Upstream::live();
    upstream.kill();
    for (keys, status) in [("on_upstream_error = \"mirror\"", 502), ("", 200)] {
        let gateway = Gateway::route(&upstream, keys);
        let mut client = Get::new("/events").stream(gateway.address());
        assert_eq!(client.status, status);
        let words = if status == 200 {
            (0..3).filter_map(|_| client.line()).collect()
        } else {
            client.body()
        };
        let said = format!("{}{words}", client.head);
        assert!(said.contains("connect"), "the cause in a word: {said}");
        for address in ["127.0.0.1", &upstream.address().port().to_string()] {
            assert!(!said.contains(address), "{address} in {said}");
        }
    }
}

#[test]
fn what_clients_and_upstreams_say_reaches_the_log_escaped() {
    let upstream = Upstream::start(|mut exchange| {
        if exchange.head.contains("/events/type") {
            exchange.send(b"HTTP/1.1 200 OK\r\nContent-Type: a\xc2\x9b2J\xff\r\n\r\n".as_slice());
        } else if exchange.head.contains("/events/charset") {
            let head =
                "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=\u{9b}2J\r\n\r\n";
            exchange.send(head);
        } else {
            exchange.send(STREAM_HEAD);
            exchange.send("\x1b[2J evil\u{202e}\u{9b}\x07: x\n\ndata: x\n\n");
            exchange.hold();
        }
    });
    let route = "[[route]]\npath = \"/events/{rest*}\"\nquery = [\"*\"]\n\
                 upstream = \"{upstream}/events/{rest*}\"\n";
    let program = Process::serve(route, &upstream, 256);
    for row in super::table::all() {
        Client::raw(program.address()).send(&row.bytes);
    }
    for target in [
        "type",
        "charset",
        "a?x=%1b[2J%0aevil",
        "b%c2%9b",
        "c%e2%80%ae",
    ] {
        let mut client = Client::raw(program.address());
        client.send(format!(
            "GET /events/{target} HTTP/1.1\r\nHost: x\r\nUser-Agent: \t\u{9b}2J\r\n"
        ));
        client.send("Accept: text/event-stream\r\nLast-Event-ID: \u{9b}\r\n\r\n");
        assert!(client.try_status().is_some(), "{target}");
    }
    program.logs("evil");
    let log = program.into_log();
    log.lines().for_each(assert_clean);
}

fn assert_clean(line: &str) {
    let odd = |c: char| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}');
    assert!(!line.contains(odd), "{line:?}");
    let parsed: Result<serde_json::Value, _> = serde_json::from_str(line);
    assert!(parsed.is_ok(), "{line}");
}

//! Ordinary requests in front of a whole site: through to the upstream and back, unchanged but for
//! what belongs to one hop.

mod bodies;
mod smuggling;
mod tunnels;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::support::{Client, Exchange, Gateway, Get, STREAM_HEAD, Upstream, Way, eventually};
use rstest::rstest;

/// Every path of the upstream, as `serve --upstream` does.
const SITE: &str = "[[route]]\nname = \"site\"\npath = \"/{rest*}\"\nupstream = \"{upstream}\"\n\
                    query = [\"*\"]\n";

/// An upstream that answers every request with its own head as the body.
fn echo() -> Upstream {
    Upstream::start(|mut exchange: Exchange| {
        let head = exchange.head.clone();
        exchange.send(page(&head));
    })
}

fn page(body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n\
         Connection: close, X-Hop\r\nX-Hop: 1\r\nContent-Length: {length}\r\n\r\n{body}"
    )
}

#[test]
fn a_page_comes_back_as_the_site_sent_it_and_the_site_hears_of_the_client() {
    let upstream = echo();
    let gateway = Gateway::start(SITE, &upstream);
    let mut client = Get::new("/a%2Fb//c/@d?x=1&_=2&fantail=y")
        .header("Cookie", "PHPSESSID=1; other=2")
        .header("Connection", "keep-alive, X-Hop")
        .header("X-Hop", "1")
        .header("X-Forwarded-For", "6.6.6.6")
        .connect(gateway.address());
    assert_eq!(client.status, 200);
    let head = client.head.to_ascii_lowercase();
    assert!(head.contains("set-cookie: a=1\r\nset-cookie: b=2\r\n"));
    assert!(
        head.contains("via: 1.1 fantail") && !head.contains("x-hop"),
        "{head}"
    );
    let seen = client.body();
    let mut lines: Vec<String> = seen.lines().map(str::to_ascii_lowercase).collect();
    lines[1..].sort();
    let expected = [
        "get /a%2fb//c/@d?x=1&_=2&fantail=y http/1.1",
        "",
        "cookie: phpsessid=1; other=2",
        "forwarded: for=127.0.0.1;host=\"127.0.0.1\";proto=http",
        "host: 127.0.0.1",
        "via: 1.1 fantail",
        "x-forwarded-for: 127.0.0.1",
        "x-forwarded-host: 127.0.0.1",
        "x-forwarded-proto: http",
    ];
    assert_eq!(lines, expected);
}

#[rstest]
fn many_requests_on_one_connection_are_answered_in_order(
    #[values(Way::Plain, Way::Tls, Way::H2)] way: Way,
) {
    let upstream = echo();
    let gateway = way.start(SITE, &upstream);
    let mut client = Get::new("/0").connect(gateway.address());
    for number in 1..20 {
        assert!(client.body().starts_with(&format!("GET /{} ", number - 1)));
        client.send(Get::new(&format!("/{number}")).bytes());
        client.read_head();
    }
    assert_eq!(
        gateway.metric("fantail_requests_total{route=\"site\",status=\"2xx\"}"),
        20.0
    );
}

#[rstest]
fn every_status_and_method_passes_and_head_has_no_body(
    #[values(Way::Plain, Way::Tls, Way::H2)] way: Way,
) {
    let upstream = Upstream::start(|mut exchange: Exchange| {
        let method = exchange.head.split(' ').next().unwrap().to_owned();
        let status = match method.as_str() {
            "DELETE" => "404 Not Found",
            "PUT" => "201 Created",
            "OPTIONS" => "405 Method Not Allowed",
            "PATCH" => "500 Internal Server Error",
            _ => "302 Found\r\nLocation: /login",
        };
        let body = if method == "HEAD" { "" } else { "12345" };
        exchange.send(format!(
            "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: 5\r\n\r\n{body}"
        ));
    });
    let gateway = way.start(SITE, &upstream);
    let rows = [
        ("GET", 302),
        ("HEAD", 302),
        ("POST", 302),
        ("DELETE", 404),
        ("PUT", 201),
        ("OPTIONS", 405),
        ("PATCH", 500),
    ];
    for (method, status) in rows {
        let mut client = Get::new("/x")
            .method(method)
            .header("Connection", "close")
            .connect(gateway.address());
        assert_eq!(client.status, status, "{method}");
        assert_eq!(client.header("content-length"), Some("5"), "{method}");
        if method == "HEAD" {
            assert!(client.is_ended());
        } else {
            assert_eq!(client.body(), "12345");
        }
    }
}

#[rstest]
fn streams_are_shared_while_pages_pass_on_the_same_path(
    #[values(Way::Plain, Way::Tls, Way::H2)] way: Way,
) {
    let upstream = Upstream::start(|mut exchange: Exchange| {
        if exchange.header("accept") == Some("text/event-stream") {
            exchange.send(STREAM_HEAD);
            exchange.stream();
        } else {
            exchange.send(page("a page"));
        }
    });
    let gateway = way.start(SITE, &upstream);
    let mut clients = [(); 3].map(|()| Get::new("/x").stream(gateway.address()));
    upstream.wait_for_streams(1);
    assert_eq!(Get::new("/x").connect(gateway.address()).body(), "a page");
    upstream.emit("data: 1\n\n");
    for client in &mut clients {
        assert_eq!(client.next_event().data, "1");
    }
    assert_eq!(upstream.requests().len(), 2);
}

#[rstest]
fn an_event_stream_that_nobody_subscribed_to_passes_one_to_one_and_at_once(
    #[values(Way::Plain, Way::Tls, Way::H2)] way: Way,
) {
    let upstream = Upstream::start(|mut exchange: Exchange| {
        exchange.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nX-Own: 1\r\n\r\n");
        exchange.stream();
    });
    let gateway = way.start(SITE, &upstream);
    let post = |_| {
        let post = Get::new("/x").method("POST").header("Content-Length", "0");
        post.connect(gateway.address())
    };
    let mut clients = [0, 1].map(post);
    upstream.wait_for_streams(2);
    for number in 0..5 {
        upstream.emit(&format!(": own\nretry: 1\nid: {number}\ndata: x\n\n"));
        for client in &mut clients {
            assert_eq!(client.header("x-own"), Some("1"));
            let text = format!(": own\nretry: 1\nid: {number}\ndata: x\n\n");
            if way == Way::H2 {
                client.expect_bytes(&text);
                continue;
            }
            // Chunked by hyper: the size in hexadecimal, then the bytes as they are.
            let size = client.line().unwrap();
            let size = usize::from_str_radix(size.trim(), 16).unwrap();
            client.expect_bytes(&format!("{text}\r\n"));
            assert_eq!(size, 30);
        }
    }
}

#[test]
fn an_upstream_that_is_not_there_is_a_502_with_a_request_id_and_one_that_hangs_a_504() {
    let upstream = Upstream::start(Exchange::hold);
    let route = format!("{SITE}timeouts = {{ answer = \"300ms\" }}\n");
    let gateway = Gateway::start(&route, &upstream);
    let mut client = Get::new("/x").connect(gateway.address());
    assert_eq!(client.status, 504);
    assert!(client.body().contains("\nrequest "));
    upstream.kill();
    let mut client = Get::new("/x").connect(gateway.address());
    assert_eq!(client.status, 502);
    let body = client.body();
    assert!(
        body.contains("(connect)") && body.contains("\nrequest "),
        "{body}"
    );
    assert!(
        !body.contains(&upstream.address().port().to_string()),
        "{body}"
    );
    assert_eq!(
        gateway.metric("fantail_requests_total{route=\"site\",status=\"5xx\"}"),
        2.0
    );
}

#[rstest]
fn an_answer_that_breaks_off_is_broken_for_the_client_too(
    #[values(Way::Plain, Way::Tls, Way::H2)] way: Way,
) {
    let has_half = Arc::new(AtomicBool::new(false));
    let condition = Arc::clone(&has_half);
    let upstream = Upstream::start(move |mut exchange: Exchange| {
        exchange.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
        exchange.wait(&condition);
        exchange.reset();
    });
    let gateway = way.start(SITE, &upstream);
    let mut client = Get::new("/x").connect(gateway.address());
    assert_eq!(client.status, 200);
    client.expect_bytes("half");
    has_half.store(true, Ordering::SeqCst);
    assert!(client.is_ended());
    // In HTTP/1.1 the length tells.
    assert!(way != Way::H2 || client.is_cut(), "it looks whole");
}

#[rstest]
fn a_connection_that_the_upstream_closes_between_two_requests_costs_no_error(
    #[values(Way::Plain, Way::Tls, Way::H2)] way: Way,
) {
    let is_first = AtomicBool::new(true);
    let upstream = Upstream::start(move |mut exchange: Exchange| {
        // Says that it keeps the connection, and closes it: a kept-alive one that has timed out.
        exchange.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        is_first.store(false, Ordering::SeqCst);
    });
    let gateway = way.start(SITE, &upstream);
    let mut client = Client::raw(gateway.address());
    for _ in 0..50 {
        client.send(Get::new("/x").bytes());
        client.read_head();
        assert_eq!((client.status, client.body().as_str()), (200, "ok"));
    }
}

#[test]
fn the_first_address_that_answers_is_asked_and_the_next_one_when_it_dies() {
    let first = echo();
    let second = Arc::new(echo());
    let route = format!(
        "{SITE}addresses = [\"{}\", \"{}\"]\n",
        first.address(),
        second.address()
    )
    .replace("{upstream}", "http://app.invalid");
    let gateway = Gateway::start(&route, &first);
    let ask = || {
        let mut client = Get::new("/x")
            .header("Connection", "close")
            .connect(gateway.address());
        (client.status, client.body())
    };
    assert_eq!(ask().0, 200);
    first.kill();
    let (status, body) = ask();
    assert_eq!(status, 200, "{body}");
    assert_eq!((first.requests().len(), second.requests().len()), (1, 1));
}

#[test]
fn a_site_behind_a_unix_socket_gives_pages_and_streams() {
    let upstream = Upstream::live();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.sock");
    let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
    let thread = std::thread::spawn(move || {
        use std::io::{BufRead, BufReader, Write};
        for stream in listener.incoming().take(2) {
            let mut stream = stream.unwrap();
            let reader = BufReader::new(stream.try_clone().unwrap());
            let head: Vec<String> = reader
                .lines()
                .map_while(Result::ok)
                .take_while(|line| !line.is_empty())
                .collect();
            let wants_stream = head.iter().any(|line| line.contains("text/event-stream"));
            let answer = if wants_stream {
                "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 9\r\n\r\ndata: 1\n\n"
            } else {
                "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 6\r\n\r\na page"
            };
            stream.write_all(answer.as_bytes()).unwrap();
        }
    });
    let route = format!("{SITE}addresses = [\"unix:{}\"]\n", path.display());
    let gateway = Gateway::start(&route, &upstream);
    assert_eq!(Get::new("/x").connect(gateway.address()).body(), "a page");
    let mut client = Get::new("/x").stream(gateway.address());
    assert_eq!(client.next_event().data, "1");
    thread.join().unwrap();
    assert_eq!(upstream.requests().len(), 0);
}

#[test]
fn a_trusted_proxys_word_about_the_client_is_passed_on() {
    let upstream = echo();
    let toml = format!(
        "[server]\nlisten = [\"127.0.0.1:0\"]\ntrusted_proxies = [\"127.0.0.0/8\"]\n{SITE}"
    );
    let gateway = Gateway::start(&toml, &upstream);
    let body = Get::new("/x")
        .header("X-Forwarded-For", "203.0.113.9")
        .header("X-Forwarded-Proto", "https")
        .connect(gateway.address())
        .body()
        .to_ascii_lowercase();
    assert!(
        body.contains("x-forwarded-for: 203.0.113.9, 127.0.0.1\r\n"),
        "{body}"
    );
    assert!(body.contains("x-forwarded-proto: https\r\n"), "{body}");
}

#[test]
fn a_route_may_tell_the_upstream_its_own_host() {
    let upstream = echo();
    let gateway = Gateway::start(&format!("{SITE}host = \"upstream\"\n"), &upstream);
    let body = Get::new("/x")
        .connect(gateway.address())
        .body()
        .to_ascii_lowercase();
    assert!(
        body.contains(&format!("host: {}\r\n", upstream.address())),
        "{body}"
    );
}

#[test]
fn a_path_with_dot_segments_never_reaches_the_upstream() {
    let upstream = echo();
    let gateway = Gateway::start(SITE, &upstream);
    for path in ["/../x", "/a/%2e%2e/x", "/./x", "/a/..;/x", "/a/%2E"] {
        let client = Get::new(path).connect(gateway.address());
        assert_eq!(client.status, 400, "{path}");
    }
    assert_eq!(upstream.requests().len(), 0);
}

#[rstest]
fn requests_under_way_are_answered_while_streams_end(
    #[values(Way::Plain, Way::Tls, Way::H2)] way: Way,
) {
    let go_on = Arc::new(AtomicBool::new(false));
    let condition = Arc::clone(&go_on);
    let upstream = Upstream::start(move |mut exchange: Exchange| {
        exchange.wait(&condition);
        exchange.send(page("late"));
    });
    let toml = format!(
        "[server]\nlisten = [\"127.0.0.1:0\"]\ndrain = \"20s\"\ndrain_delay = \"0s\"\n{SITE}"
    );
    let mut gateway = way.start(&toml, &upstream);
    let mut client = Client::raw(gateway.address());
    client.send(Get::new("/x").bytes());
    eventually("the request is there", || upstream.open() == 1);
    gateway.drain();
    assert!(!client.has_more(Duration::from_millis(100)));
    go_on.store(true, Ordering::SeqCst);
    client.read_head();
    assert_eq!((client.status, client.body().as_str()), (200, "late"));
    eventually("the drain is over", || gateway.is_drained());
}

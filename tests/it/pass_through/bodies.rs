//! Bodies in both directions: streamed, bounded where asked, never held whole.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use super::{SITE, page};
use crate::support::{Client, Exchange, Gateway, Get, Process, Upstream, Way, eventually};
use rstest::rstest;

const MIB: u64 = 1 << 20;

/// What the sized body of a request is, to its last byte.
fn read_body(exchange: &mut Exchange) -> u64 {
    let length: u64 = exchange.header("content-length").unwrap().parse().unwrap();
    exchange.discard(length)
}

#[test]
fn an_upload_and_a_download_of_300_mib_cost_no_memory() {
    let upstream = Upstream::start(|mut exchange: Exchange| {
        if exchange.head.starts_with("POST") {
            let read = read_body(&mut exchange);
            exchange.send(page(&read.to_string()));
        } else {
            let head = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 314572800\r\n\r\n";
            exchange.send(head);
            exchange.pour(&[b'x'; 16 << 10], 300 * MIB);
        }
    });
    let process = Process::serve(SITE, &upstream, 1024);
    let before = process.memory("VmHWM");
    let mut client = Client::raw(process.address());
    client.send("POST /up HTTP/1.1\r\nHost: a\r\nContent-Length: 314572800\r\n\r\n");
    let piece = vec![b'y'; 1 << 20];
    for _ in 0..300 {
        client.send(&piece);
    }
    client.read_head();
    assert_eq!((client.status, client.body().as_str()), (200, "314572800"));
    let mut client = Get::new("/down").connect(process.address());
    assert_eq!(client.discard(), 300 * MIB);
    let grown = process.memory("VmHWM") - before;
    assert!(grown < 16 * MIB, "grown by {grown}");
}

#[rstest]
fn a_client_that_reads_slowly_holds_its_download_back(
    #[values(Way::Plain, Way::Tls, Way::H2)] way: Way,
) {
    let poured = Arc::new(AtomicU64::new(0));
    let seen = Arc::clone(&poured);
    let upstream = Upstream::start(move |mut exchange: Exchange| {
        exchange.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1073741824\r\n\r\n");
        for _ in 0..1024 {
            if exchange.pour(&[b'x'; 16 << 10], MIB) < MIB {
                return;
            }
            seen.fetch_add(MIB, Ordering::SeqCst);
        }
    });
    let gateway = way.start(SITE, &upstream);
    let client = Get::new("/x")
        .receive_buffer(4096)
        .connect(gateway.address());
    let mut last = u64::MAX;
    eventually("the upstream is held back", || {
        let now = poured.load(Ordering::SeqCst);
        std::mem::replace(&mut last, now) == now && now > 0 || now > 64 * MIB
    });
    // Kernel buffers of three sockets, and nothing of ours to speak of.
    assert!(poured.load(Ordering::SeqCst) < 64 * MIB);
    drop(client);
    eventually("the upstream's connection is let go", || {
        upstream.open() == 0
    });
}

#[rstest]
fn an_upstream_that_reads_slowly_holds_its_upload_back(
    #[values(Way::Plain, Way::Tls, Way::H2)] way: Way,
) {
    const PIECES: u64 = 64;
    let go_on = Arc::new(AtomicBool::new(false));
    let condition = Arc::clone(&go_on);
    let upstream = Upstream::start(move |mut exchange: Exchange| {
        exchange.wait(&condition);
        let read = read_body(&mut exchange);
        exchange.send(page(&read.to_string()));
    });
    let gateway = way.start(SITE, &upstream);
    let sent = AtomicU64::new(0);
    let mut client = Client::raw(gateway.address());
    let length = PIECES * MIB;
    std::thread::scope(|scope| {
        let upload = scope.spawn(|| {
            client.send(format!(
                "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n"
            ));
            let piece = vec![b'x'; 1 << 20];
            for _ in 0..PIECES {
                client.send(&piece);
                sent.fetch_add(1, Ordering::SeqCst);
            }
            client.read_head();
            client.body()
        });
        let mut last = u64::MAX;
        eventually("the client is held back", || {
            let now = sent.load(Ordering::SeqCst);
            upstream.open() == 1 && std::mem::replace(&mut last, now) == now
        });
        // Kernel buffers of four sockets, and nothing of ours to speak of.
        assert!(sent.load(Ordering::SeqCst) < PIECES / 2);
        go_on.store(true, Ordering::SeqCst);
        assert_eq!(upload.join().unwrap(), length.to_string());
    });
}

#[rstest]
fn who_asks_whether_to_go_on_is_told_so_once_the_upstream_takes_the_body(
    #[values(Way::Plain, Way::Tls)] way: Way,
) {
    let upstream = Upstream::start(|mut exchange: Exchange| {
        assert!(exchange.header("expect").is_none());
        let read = read_body(&mut exchange);
        exchange.send(page(&read.to_string()));
    });
    let gateway = way.start(SITE, &upstream);
    let mut client = Client::raw(gateway.address());
    client.send("POST /x HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
    client.read_head();
    assert_eq!(client.status, 100);
    client.send("12345");
    client.read_head();
    assert_eq!((client.status, client.body().as_str()), (200, "5"));
    upstream.kill();
    let mut client = Client::raw(gateway.address());
    client.send("POST /x HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
    client.read_head();
    assert_eq!(client.status, 502);
}

#[rstest]
fn a_chunked_body_passes_as_it_comes(#[values(Way::Plain, Way::Tls, Way::H2)] way: Way) {
    let go_on = Arc::new(AtomicBool::new(false));
    let came = Arc::clone(&go_on);
    let upstream = Upstream::start(move |mut exchange: Exchange| {
        assert_eq!(exchange.header("transfer-encoding"), Some("chunked"));
        exchange.expect_bytes("3\r\nabc\r\n");
        came.store(true, Ordering::SeqCst);
        exchange.expect_bytes("2\r\nde\r\n0\r\n\r\n");
        exchange.send(page("whole"));
    });
    let gateway = way.start(SITE, &upstream);
    let mut client = Client::raw(gateway.address());
    client.send("POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
    eventually("the first chunk is there before the second", || {
        go_on.load(Ordering::SeqCst)
    });
    client.send("2\r\nde\r\n0\r\n\r\n");
    client.read_head();
    assert_eq!((client.status, client.body().as_str()), (200, "whole"));
}

#[rstest]
fn a_body_above_the_bound_is_a_413_however_it_is_framed(
    #[values(Way::Plain, Way::Tls, Way::H2)] way: Way,
) {
    let upstream = Upstream::start(|exchange: Exchange| drop(exchange.rest()));
    let gateway = way.start(
        &format!("[limits]\nbody_bytes = \"10B\"\n{SITE}"),
        &upstream,
    );
    let sized = "Content-Length: 11\r\n\r\n";
    let chunked = "Transfer-Encoding: chunked\r\n\r\nb\r\n12345678901\r\n0\r\n\r\n";
    for framing in [sized, chunked] {
        let mut client = Client::raw(gateway.address());
        client.send(format!("POST /x HTTP/1.1\r\nHost: a\r\n{framing}"));
        client.read_head();
        assert_eq!(client.status, 413, "{framing}");
        if way != Way::H2 {
            assert_eq!(client.header("connection"), Some("close"));
        }
    }
    let rejects = "fantail_rejects_total{listener=\"127.0.0.1:0\",reason=\"body\"}";
    assert_eq!(gateway.metric(rejects), 2.0);
}

#[rstest]
fn a_body_that_stops_is_a_408_and_one_that_breaks_off_reaches_nobody_whole(
    #[values(Way::Plain, Way::Tls, Way::H2)] way: Way,
) {
    let upstream = Upstream::start(|exchange: Exchange| drop(exchange.rest()));
    let toml = format!("[limits]\nbody_timeout = \"200ms\"\n{SITE}");
    let gateway = way.start(&toml, &upstream);
    let mut client = Client::raw(gateway.address());
    client.send("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n12");
    client.read_head();
    assert_eq!(client.status, 408);
    let mut client = Client::raw(gateway.address());
    client.send("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n12");
    drop(client);
    eventually("the upstream sees the end", || upstream.open() == 0);
}

#[test]
fn a_download_that_takes_longer_than_every_timeout_is_not_cut() {
    let upstream = Upstream::start(|mut exchange: Exchange| {
        exchange.send("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
        for _ in 0..6 {
            exchange.send("x");
            exchange.rest_for(Duration::from_millis(150));
        }
    });
    let toml = format!(
        "[limits]\nhead_timeout = \"200ms\"\nbody_timeout = \"200ms\"\n{SITE}\
         timeouts = {{ answer = \"200ms\", head = \"200ms\" }}\n"
    );
    let gateway = Gateway::start(&toml, &upstream);
    let mut client = Get::new("/x").connect(gateway.address());
    let mut body = String::new();
    while let Some(line) = client.line() {
        body.push_str(&line);
        if line == "0\r\n" {
            break;
        }
    }
    assert_eq!(body.matches("x\r\n").count(), 6, "{body}");
}

#[test]
fn a_client_that_acknowledges_nothing_is_cut_off() {
    let upstream = Upstream::start(|mut exchange: Exchange| {
        exchange.send("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
        exchange.pour(&[b'x'; 16 << 10], 1 << 40);
    });
    let toml = format!("[limits]\nclient_timeout = \"1s\"\n{SITE}");
    let gateway = Gateway::start(&toml, &upstream);
    let client = Get::new("/x")
        .receive_buffer(4096)
        .connect(gateway.address());
    eventually("its connection is over", || {
        gateway.app().connections() == 0
    });
    drop(client);
}

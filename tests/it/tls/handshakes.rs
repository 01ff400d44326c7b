//! Slow and half handshakes: bounded, counted, and nobody else's trouble.

use std::io::Write as _;
use std::net::TcpStream;

use rstest::rstest;
use rustls::ClientConnection;
use rustls::pki_types::ServerName;

use super::{Stage, client_config};
use crate::support::eventually;

/// A whole hello, and then silence.
fn only_hello(stage: &Stage) -> TcpStream {
    let name = ServerName::try_from("localhost").unwrap();
    let mut tls = ClientConnection::new(client_config(), name).unwrap();
    let mut socket = TcpStream::connect(stage.address()).unwrap();
    tls.write_tls(&mut socket).unwrap();
    socket
}

#[test]
fn sockets_that_say_little_hold_no_permit_and_end_at_the_deadline() {
    let limits = "[limits]\nhandshakes = 1\nhandshake_timeout = \"3s\"";
    let stage = Stage::new("", limits);
    let slow: Vec<TcpStream> = (0..200)
        .map(|_| {
            let mut socket = TcpStream::connect(stage.address()).unwrap();
            socket.write_all(&[22]).unwrap();
            socket
        })
        .collect();
    eventually("all are in", || stage.gateway.app().connections() >= 200);
    let clients: Vec<_> = (0..20).map(|_| stage.subscribe(&client_config())).collect();
    let timeouts = || stage.handshakes("none", "no", "timeout");
    eventually("the slow ones are ended", || timeouts() == 200.0);
    drop((slow, clients));
}

#[test]
fn more_handshakes_than_there_may_be_wait_and_are_refused_when_none_ends() {
    let limits = "[limits]\nhandshakes = 1\nhandshake_timeout = \"4s\"";
    let stage = Stage::new("", limits);
    let held = only_hello(&stage);
    let rejects = "fantail_rejects_total{listener=\"127.0.0.1:0\",reason=\"handshakes\"}";
    eventually("the permit is held", || {
        stage.gateway.app().connections() >= 1
    });
    let waiting = only_hello(&stage);
    eventually("who waits too long is refused", || {
        stage.gateway.metric(rejects) == 1.0
    });
    assert_eq!(stage.handshakes("none", "no", "busy"), 1.0);
    // The permit comes free with the deadline of who holds it.
    eventually("the holder's time is over", || {
        stage.handshakes("none", "no", "timeout") == 1.0
    });
    stage.subscribe(&client_config());
    drop((held, waiting));
}

#[test]
fn a_client_that_hangs_up_in_the_middle_gives_its_permit_back() {
    let stage = Stage::new("", "[limits]\nhandshakes = 1");
    for gone in 1..=5 {
        drop(only_hello(&stage));
        eventually("it is counted", || {
            stage.handshakes("none", "no", "client") == f64::from(gone)
        });
    }
    stage.subscribe(&client_config());
}

/// One that waits for its answer.
fn hello() -> (ClientConnection, Vec<u8>) {
    let name = ServerName::try_from("localhost").unwrap();
    let mut tls = ClientConnection::new(client_config(), name).unwrap();
    let mut hello = Vec::new();
    tls.write_tls(&mut hello).unwrap();
    // A key of ML-KEM is in it: it needs more than one packet of the Internet.
    assert!(hello.len() > 1300, "{}", hello.len());
    (tls, hello)
}

#[rstest]
#[case::by_byte(1)]
#[case::in_three(500)]
fn a_hello_that_comes_in_pieces_is_a_hello(#[case] piece: usize) {
    let stage = Stage::new("", "");
    let (mut tls, hello) = hello();
    let mut socket = TcpStream::connect(stage.address()).unwrap();
    socket.set_nodelay(true).unwrap();
    for piece in hello.chunks(piece) {
        socket.write_all(piece).unwrap();
    }
    while tls.is_handshaking() {
        tls.complete_io(&mut socket).unwrap();
    }
}

#[test]
fn a_hello_over_several_records_is_a_hello() {
    let stage = Stage::new("", "");
    let (mut tls, hello) = hello();
    let (head, message) = hello.split_at(5);
    let mut socket = TcpStream::connect(stage.address()).unwrap();
    socket.set_nodelay(true).unwrap();
    for part in message.chunks(500) {
        let length = u16::try_from(part.len()).unwrap().to_be_bytes();
        socket
            .write_all(&[&head[..3], &length, part].concat())
            .unwrap();
    }
    while tls.is_handshaking() {
        tls.complete_io(&mut socket).unwrap();
    }
}

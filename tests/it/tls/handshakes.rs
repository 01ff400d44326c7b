//! Slow and half handshakes: bounded, counted, and nobody else's trouble.

use std::io::Write as _;
use std::net::{SocketAddr, TcpStream};

use rstest::rstest;
use rustls::ClientConnection;
use rustls::pki_types::ServerName;
use socket2::{Domain, Socket, Type};

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

/// The begin of a hello, from an address of its own.
fn one_byte(stage: &Stage, number: usize) -> Socket {
    let [.., high, low] = number.to_be_bytes();
    let source = SocketAddr::from(([127, 1, high, low], 0));
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&source.into()).unwrap();
    socket.connect(&stage.address().into()).unwrap();
    (&socket).write_all(&[22]).unwrap();
    socket
}

#[test]
fn two_thousand_sockets_that_say_little_keep_nobody_out_and_end_at_the_deadline() {
    const SLOW: usize = 2000;
    let limits = "[limits]\naccepts_per_second = 0\nhandshakes = 1\nhandshake_timeout = \"6s\"";
    let stage = Stage::new("", limits);
    let slow: Vec<_> = (1..=SLOW).map(|number| one_byte(&stage, number)).collect();
    eventually("all are in", || stage.gateway.app().connections() >= SLOW);
    let mut clients: Vec<_> = (0..20).map(|_| stage.subscribe(&client_config())).collect();
    stage.upstream.wait_for_streams(1);
    stage.upstream.emit("data: 1\n\n");
    for client in &mut clients {
        assert_eq!(client.next_event().data, "1");
    }
    let timeouts = || stage.handshakes("none", "no", "timeout");
    assert!(timeouts() < SLOW as f64, "they are still there");
    eventually("the slow ones are ended", || timeouts() == SLOW as f64);
    eventually("and gone", || {
        stage.gateway.app().connections() == clients.len()
    });
    drop(slow);
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

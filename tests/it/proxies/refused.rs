//! A trusted proxy that does not begin with a good header is hung up on, without an answer: who
//! its client is nobody knows.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use fantail::clock;
use rstest::rstest;

use super::{V1, V2, confidant, refused, told};
use crate::support::{Gateway, Get, Way, eventually, patience};

/// Says this; what is answered before the end.
fn answer_to(gateway: &Gateway, words: &[u8], is_over: bool) -> Vec<u8> {
    let mut socket = TcpStream::connect(gateway.address()).unwrap();
    socket.set_read_timeout(Some(patience())).unwrap();
    // A gateway that has hung up already is no fault.
    drop(socket.write_all(words));
    if is_over {
        drop(socket.shutdown(Shutdown::Write));
    }
    let mut answer = Vec::new();
    // A reset is an end too.
    if let Err(error) = socket.read_to_end(&mut answer) {
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    }
    answer
}

#[rstest]
fn whoever_begins_otherwise_is_hung_up_on(#[values(Way::Plain, Way::Tls)] way: Way) {
    let upstream = confidant();
    let gateway = told(way, "", &upstream);
    let request = Get::new("/").bytes();
    let long = format!("PROXY UNKNOWN {}\r\n", "x".repeat(92));
    let with = |at: usize, byte: u8| {
        let mut header = V2.to_vec();
        header[at] = byte;
        [&header, request.as_bytes()].concat()
    };
    let cases: [(&str, Vec<u8>); 10] = [
        ("no header", request.clone().into_bytes()),
        (
            "a client's hello",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc".to_vec(),
        ),
        (
            "a bare LF",
            [&V1[..V1.len() - 2], b"\n", request.as_bytes()].concat(),
        ),
        (
            "a bad address",
            format!("PROXY TCP4 1.2.3 1.2.3.4 1 2\r\n{request}").into_bytes(),
        ),
        ("a long line", format!("{long}{request}").into_bytes()),
        ("version 3", with(12, 0x31)),
        ("command 2", with(12, 0x22)),
        ("family 4", with(13, 0x41)),
        ("too short for IPv6", with(13, 0x21)),
        ("longer than the limit", with(14, 0xff)),
    ];
    for (number, (what, words)) in cases.into_iter().enumerate() {
        assert_eq!(answer_to(&gateway, &words, false), b"", "{what}");
        let so_far = (number + 1) as f64;
        eventually(what, || refused(&gateway, "127.0.0.1:0") == so_far);
    }
    assert!(upstream.requests().is_empty());
    eventually("no place is taken", || gateway.app().connections() == 0);
}

#[test]
fn a_connection_that_ends_within_its_header_is_counted_and_one_that_says_nothing_is_not() {
    let upstream = confidant();
    let gateway = told(Way::Plain, "", &upstream);
    // As balancers look whether a port is open.
    for _ in 0..10 {
        assert_eq!(answer_to(&gateway, b"", true), b"");
    }
    for cut in [1, 12, 20, V2.len() - 1] {
        assert_eq!(answer_to(&gateway, &V2[..cut], true), b"", "{cut}");
    }
    // A header and then nothing: a look by a proxy that has one to send.
    assert_eq!(answer_to(&gateway, V2, true), b"");
    eventually("the cut ones", || refused(&gateway, "127.0.0.1:0") == 4.0);
}

#[rstest]
fn a_header_has_the_time_of_a_first_byte_however_it_drips(
    #[values(Way::Plain, Way::Tls)] way: Way,
    #[values(0, 1, 20)] said: usize,
) {
    let upstream = confidant();
    let limits = "[limits]\nfirst_byte_timeout = \"400ms\"\n";
    let gateway = told(way, limits, &upstream);
    let begin = clock::now();
    assert_eq!(answer_to(&gateway, &V2[..said], false), b"");
    let took = clock::now() - begin;
    assert!(took >= Duration::from_millis(400), "after {took:?}");
    eventually("it is counted", || refused(&gateway, "127.0.0.1:0") == 1.0);
}

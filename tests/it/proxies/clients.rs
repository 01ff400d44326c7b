//! Whom a header names: the upstream hears of it, and nobody else is believed.

use rstest::rstest;

use super::{SITE, TRUSTED, V1, V2, binary, confidant, refused, told, told_at};
use crate::support::{Client, Get, Way, eventually};

/// What the upstream has heard, of a client that has no more to say.
fn heard(client: &mut Client) -> String {
    assert_eq!(client.status, 200, "{}", client.head);
    client.body()
}

fn of(address: &str) -> String {
    let quoted = if address.contains(':') {
        format!("\"[{address}]\"")
    } else {
        address.to_owned()
    };
    format!("{address} for={quoted};host=\"127.0.0.1\";proto=")
}

#[rstest]
fn the_client_is_whom_the_header_names(#[values(Way::Plain, Way::Tls)] way: Way) {
    let upstream = confidant();
    let gateway = told(way, "", &upstream);
    let addresses = &V2[16..];
    let mapped = [[0; 10].as_slice(), &[0xff; 2], &addresses[..4], &[0; 20]].concat();
    let v6 = binary(0x21, 0x21, &[[0xfd; 16].as_slice(), &[0; 20]].concat());
    let mapped = binary(0x21, 0x21, &mapped);
    let authority = [addresses, b"\x02\x00\x09a.example"].concat();
    let tlvs = binary(0x21, 0x11, &authority);
    let local = binary(0x20, 0x00, b"");
    let unix = binary(0x21, 0x31, &[0; 216]);
    let cases: [(&[u8], &str); 10] = [
        (V1, "203.0.113.9"),
        (b"PROXY TCP6 2001:db8::9 ::1 50000 443\r\n", "2001:db8::9"),
        (b"PROXY UNKNOWN\r\n", "127.0.0.1"),
        (b"PROXY UNKNOWN 203.0.113.9 and so on\r\n", "127.0.0.1"),
        (V2, "203.0.113.9"),
        (&v6, "fdfd:fdfd:fdfd:fdfd:fdfd:fdfd:fdfd:fdfd"),
        (&mapped, "203.0.113.9"),
        (&tlvs, "203.0.113.9"),
        (&local, "127.0.0.1"),
        (&unix, "127.0.0.1"),
    ];
    for (header, client) in cases {
        let answer = Get::new("/").behind(header).connect(gateway.address());
        let heard = heard(&mut { answer });
        assert!(heard.starts_with(&of(client)), "{heard}, not {client}");
    }
    assert_eq!(refused(&gateway, "127.0.0.1:0"), 0.0);
}

/// With the first bytes of TLS or of the request behind it, which the header's reader must leave.
#[rstest]
fn a_header_may_be_cut_at_every_byte(
    #[values(Way::Plain, Way::Tls)] way: Way,
    #[values(V1, V2)] header: &[u8],
) {
    let upstream = confidant();
    let gateway = told(way, "", &upstream);
    for cut in 1..header.len() {
        let get = Get::new("/").behind(&header[..cut]);
        let answer = get.behind(&header[cut..]).connect(gateway.address());
        let heard = heard(&mut { answer });
        assert!(heard.starts_with(&of("203.0.113.9")), "{cut}: {heard}");
    }
    let byte_by_byte = header.chunks(1).fold(Get::new("/"), Get::behind);
    let heard = heard(&mut byte_by_byte.connect(gateway.address()));
    assert!(heard.starts_with(&of("203.0.113.9")), "{heard}");
}

#[test]
fn what_a_named_client_says_about_itself_is_not_believed() {
    let upstream = confidant();
    let gateway = told(Way::Plain, "", &upstream);
    let claims = |header: &[u8]| {
        let get = Get::new("/").behind(header);
        let get = get.header("X-Forwarded-For", "6.6.6.6");
        heard(&mut get.connect(gateway.address()))
    };
    assert!(claims(V1).starts_with(&of("203.0.113.9")));
    // A balancer in front of a proxy that is trusted too.
    let proxy = claims(b"PROXY TCP4 127.0.0.1 127.0.0.1 1 2\r\n");
    assert!(proxy.starts_with("6.6.6.6, 127.0.0.1 for="), "{proxy}");
}

#[rstest]
fn from_anybody_else_a_header_is_not_read(#[values(V1, V2)] header: &[u8]) {
    let upstream = confidant();
    let gateway = told(Way::Plain, "", &upstream);
    let stranger = || Get::new("/").from("127.0.0.2");
    let liar = stranger().behind(header).connect(gateway.address());
    assert_eq!(liar.status, 400, "{}", liar.head);
    let heard = heard(&mut stranger().connect(gateway.address()));
    assert!(heard.starts_with(&of("127.0.0.2")), "{heard}");
    assert_eq!(refused(&gateway, "127.0.0.1:0"), 0.0);
}

#[test]
fn a_listener_that_is_not_told_takes_a_header_for_a_bad_request() {
    let upstream = confidant();
    // The plain listener beside one with TLS that is told.
    let gateway = told(Way::Tls, "", &upstream);
    let plain = gateway.plain_address();
    assert_eq!(Get::new("/").behind(V1).connect(plain).status, 400);
    let heard = heard(&mut Get::new("/").connect(plain));
    assert!(heard.starts_with(&of("127.0.0.1")), "{heard}");
    drop(gateway);
    let off = format!("[server]\nlisten = [\"127.0.0.1:0\"]\n{TRUSTED}{SITE}");
    let gateway = Way::Tls.start(&off, &upstream);
    let heard = {
        let mut client = Get::new("/").connect(gateway.tls_address());
        self::heard(&mut client)
    };
    assert!(heard.starts_with(&of("127.0.0.1")), "{heard}");
}

#[test]
fn a_unix_socket_is_told_likewise() {
    let upstream = confidant();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fantail.sock");
    let gateway = told_at(&path, &upstream);
    let ask = |header: &[u8]| {
        let mut client = Client::unix(&path);
        client.send([header, Get::new("/").bytes().as_bytes()].concat());
        client
    };
    for header in [V1, V2] {
        let mut client = ask(header);
        client.read_head();
        assert!(heard(&mut client).starts_with(&of("203.0.113.9")));
    }
    assert!(ask(b"").is_ended(), "no header, no answer");
    let listener = format!("unix:{}", path.display());
    eventually("it is counted", || refused(&gateway, &listener) == 1.0);
}

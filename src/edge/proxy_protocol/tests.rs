//! Headers byte by byte: what is one, what is none, and why.

use rstest::rstest;

use super::*;

fn client(address: &str, length: usize) -> Parsed {
    let source = Source::Client(address.parse().unwrap());
    Parsed::Done { source, length }
}

fn peer(length: usize) -> Parsed {
    let source = Source::Peer;
    Parsed::Done { source, length }
}

#[rstest]
#[case(
    "PROXY TCP4 203.0.113.9 192.0.2.1 50000 443\r\n",
    client("203.0.113.9", 44)
)]
#[case(
    "PROXY TCP4 0.0.0.0 255.255.255.255 0 65535\r\nGET",
    client("0.0.0.0", 44)
)]
#[case("PROXY TCP6 2001:db8::9 ::1 1 2\r\n", client("2001:db8::9", 32))]
#[case(
    "PROXY TCP6 ::ffff:203.0.113.9 ::1 1 2\r\n",
    client("::ffff:203.0.113.9", 39)
)]
#[case("PROXY UNKNOWN\r\n", peer(15))]
#[case("PROXY UNKNOWN and what else\tis said\r\nGET /", peer(37))]
fn a_line_of_version_1(#[case] text: &str, #[case] right: Parsed) {
    assert_eq!(parse(text.as_bytes()), right);
}

#[rstest]
#[case("PROXY TCP4 203.0.113.9 192.0.2.1 50000\r\n")]
#[case("PROXY TCP4 203.0.113.9 192.0.2.1 50000 443 \r\n")]
#[case("PROXY TCP4  203.0.113.9 192.0.2.1 50000 443\r\n")]
#[case("PROXY TCP4 203.0.113.9 192.0.2.1 50000 443\n")]
#[case("PROXY TCP4 203.0.113.9 192.0.2.1 50000 443\rX")]
#[case("PROXY TCP4 203.0.113.09 192.0.2.1 50000 443\r\n")]
#[case("PROXY TCP4 203.0.113.9 192.0.2 50000 443\r\n")]
#[case("PROXY TCP4 2001:db8::9 ::1 50000 443\r\n")]
#[case("PROXY TCP6 203.0.113.9 192.0.2.1 50000 443\r\n")]
#[case("PROXY TCP4 203.0.113.9 192.0.2.1 65536 443\r\n")]
#[case("PROXY TCP4 203.0.113.9 192.0.2.1 +50000 443\r\n")]
#[case("PROXY TCP4 203.0.113.9 192.0.2.1 050000 443\r\n")]
#[case("PROXY TCP4 203.0.113.9 192.0.2.1 -1 443\r\n")]
#[case("PROXY TCP4 203.0.113.9 192.0.2.1  443\r\n")]
#[case("PROXY UDP4 203.0.113.9 192.0.2.1 50000 443\r\n")]
#[case("PROXY tcp4 203.0.113.9 192.0.2.1 50000 443\r\n")]
#[case("PROXY UNKNOWNS\r\n")]
#[case("PROXY \r\n")]
fn a_line_that_is_not_to_the_letter_is_refused(#[case] text: &str) {
    assert_eq!(
        parse(text.as_bytes()),
        Parsed::Malformed(Fault::Line),
        "{text:?}"
    );
}

#[test]
fn a_line_may_have_107_bytes_and_no_more() {
    let line = |filler: usize| format!("PROXY UNKNOWN {}\r\n", "x".repeat(filler));
    assert_eq!(parse(line(91).as_bytes()), peer(107));
    assert_eq!(parse(line(92).as_bytes()), Parsed::Malformed(Fault::Line));
    assert_eq!(parse(&line(91).as_bytes()[..106]), Parsed::Incomplete);
    // Nobody waits for an end that would come too late.
    assert_eq!(
        parse(&line(92).as_bytes()[..107]),
        Parsed::Malformed(Fault::Line)
    );
}

/// Version 2 with these bytes after the signature.
fn binary(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
    let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
    let fixed = [&v2::SIGNATURE[..], &[command, family], &length];
    [fixed.concat(), rest.to_vec()].concat()
}

const V4: [u8; 12] = [203, 0, 113, 9, 192, 0, 2, 1, 0xC3, 0x50, 0x01, 0xBB];
/// An authority (type 2) and an identifier (type 5).
const TLVS: &[u8] = b"\x02\x00\x09localhost\x05\x00\x01x";

#[test]
fn a_header_of_version_2() {
    let mut v6 = [0; 36];
    v6[..16].copy_from_slice(
        &"2001:db8::9"
            .parse::<std::net::Ipv6Addr>()
            .unwrap()
            .octets(),
    );
    let cases = [
        (0x21, 0x11, V4.to_vec(), client("203.0.113.9", 28)),
        (0x21, 0x12, V4.to_vec(), client("203.0.113.9", 28)),
        (0x21, 0x21, v6.to_vec(), client("2001:db8::9", 52)),
        (0x21, 0x22, v6.to_vec(), client("2001:db8::9", 52)),
        (
            0x21,
            0x11,
            [&V4[..], TLVS].concat(),
            client("203.0.113.9", 44),
        ),
        // No addresses, or such as nobody can be counted by.
        (0x21, 0x00, Vec::new(), peer(16)),
        (0x21, 0x00, V4.to_vec(), peer(28)),
        (0x21, 0x31, vec![b'/'; 216], peer(232)),
        (0x21, 0x32, vec![0; 216], peer(232)),
        // A proxy that speaks for itself: whatever it says besides is not looked at.
        (0x20, 0x00, Vec::new(), peer(16)),
        (0x20, 0x11, V4.to_vec(), peer(28)),
        (0x20, 0xFF, TLVS.to_vec(), peer(32)),
        (0x20, 0x11, Vec::new(), peer(16)),
    ];
    for (command, family, rest, right) in cases {
        let bytes = binary(command, family, &rest);
        assert_eq!(parse(&bytes), right, "{command:x} {family:x}");
        assert_eq!(parse(&[&bytes, &b"GET / "[..]].concat()), right);
    }
}

#[rstest]
#[case(0x11, 0x11, 12, Fault::Version)]
#[case(0x31, 0x11, 12, Fault::Version)]
#[case(0x22, 0x11, 12, Fault::Command)]
#[case(0x2F, 0x11, 12, Fault::Command)]
#[case(0x21, 0x10, 12, Fault::Family)]
#[case(0x21, 0x01, 12, Fault::Family)]
#[case(0x21, 0x13, 12, Fault::Family)]
#[case(0x21, 0x41, 216, Fault::Family)]
#[case(0x21, 0x11, 11, Fault::Short)]
#[case(0x21, 0x21, 35, Fault::Short)]
#[case(0x21, 0x31, 215, Fault::Short)]
#[case(0x21, 0x11, 4081, Fault::TooLong)]
#[case(0x20, 0x00, 65535, Fault::TooLong)]
fn version_2_is_judged_before_its_rest_has_come(
    #[case] command: u8,
    #[case] family: u8,
    #[case] rest: usize,
    #[case] fault: Fault,
) {
    let bytes = binary(command, family, &vec![0; rest]);
    assert_eq!(parse(&bytes[..15]), Parsed::Incomplete);
    assert_eq!(parse(&bytes[..16]), Parsed::Malformed(fault));
    assert_eq!(parse(&bytes), Parsed::Malformed(fault));
}

#[test]
fn a_header_may_be_as_long_as_its_limit() {
    let bytes = binary(0x21, 0x11, &[&V4[..], &[0; 4068]].concat());
    assert_eq!(parse(&bytes), client("203.0.113.9", LONGEST));
}

#[rstest]
#[case(b"GET / HTTP/1.1\r\n")]
#[case(b"POST / HTTP/1.1\r\n")]
#[case(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")]
#[case(b"\x16\x03\x01\x02\x00")]
#[case(b"proxy TCP4 ")]
#[case(b"PROXY\tTCP4 ")]
#[case(b"\r\n\r\n\r\n")]
#[case(b"\r\n\r\n\0\r\nQUIT\r")]
fn what_begins_otherwise_is_no_header(#[case] bytes: &[u8]) {
    assert_eq!(parse(bytes), Parsed::Malformed(Fault::Absent));
}

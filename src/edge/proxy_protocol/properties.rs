//! What holds for all headers and all bytes.

use std::net::IpAddr;

use proptest::prelude::*;

use super::*;

/// A header of either version, by a writer of its own, and whom it names.
fn header() -> impl Strategy<Value = (Vec<u8>, Source)> {
    let ports = (any::<u16>(), any::<u16>());
    let tlvs = prop::collection::vec(any::<u8>(), 0..64);
    (
        any::<IpAddr>(),
        any::<[u8; 16]>(),
        ports,
        tlvs,
        any::<bool>(),
    )
        .prop_map(|(client, target, (from, to), tlvs, is_text)| {
            let target = match client {
                IpAddr::V4(_) => IpAddr::from(*target.first_chunk::<4>().unwrap()),
                IpAddr::V6(_) => IpAddr::from(target),
            };
            let bytes = if is_text {
                let family = if client.is_ipv4() { "TCP4" } else { "TCP6" };
                format!("PROXY {family} {client} {target} {from} {to}\r\n").into_bytes()
            } else {
                binary(client, target, (from, to), &tlvs)
            };
            (bytes, Source::Client(client))
        })
}

fn binary(client: IpAddr, target: IpAddr, (from, to): (u16, u16), tlvs: &[u8]) -> Vec<u8> {
    let octets = |address| match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    };
    let ports = [from.to_be_bytes(), to.to_be_bytes()].concat();
    let rest = [octets(client), octets(target), ports, tlvs.to_vec()].concat();
    let family = if client.is_ipv4() { 0x11 } else { 0x21 };
    let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
    let fixed = [&v2::SIGNATURE[..], &[0x21, family], &length].concat();
    [fixed, rest].concat()
}

/// However the bytes come, piece by piece, the same is made of them.
fn is_the_same_by_every_cut(bytes: &[u8]) {
    let whole = parse(bytes);
    let mut judged = Parsed::Incomplete;
    for end in 0..=bytes.len() {
        let now = parse(&bytes[..end]);
        assert!(
            judged == Parsed::Incomplete || now == judged,
            "at byte {end}"
        );
        judged = now;
        if let Parsed::Done { length, .. } = now {
            assert!(length <= end && length <= LONGEST);
        }
    }
    assert_eq!(judged, whole);
    assert!(whole != Parsed::Incomplete || bytes.len() < LONGEST);
}

proptest! {
    #[test]
    fn a_header_is_known_at_its_last_byte_and_not_before(
        (bytes, source) in header(),
        rest in prop::collection::vec(any::<u8>(), 0..32),
    ) {
        let length = bytes.len();
        prop_assert_eq!(parse(&bytes), Parsed::Done { source, length });
        prop_assert_eq!(parse(&bytes[..length - 1]), Parsed::Incomplete);
        is_the_same_by_every_cut(&[bytes, rest].concat());
    }

    #[test]
    fn a_header_with_one_byte_changed_is_judged_once(
        (mut bytes, _) in header(),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let at = at.index(bytes.len());
        bytes[at] = byte;
        is_the_same_by_every_cut(&bytes);
    }

    #[test]
    fn any_bytes_behind_either_beginning_are_judged_once(
        is_text in any::<bool>(),
        rest in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let beginning = if is_text { v1::WORD } else { &v2::SIGNATURE };
        is_the_same_by_every_cut(&[beginning, &rest].concat());
        is_the_same_by_every_cut(&rest);
    }
}

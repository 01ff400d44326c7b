//! Compressed bodies, cut anywhere, cut off, and out for harm.

use std::io::Write;

use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use flate2::{Compression, GzBuilder};
use proptest::prelude::*;
use rstest::rstest;

use super::*;

/// What `demo_sse.php` of the tutorial prints.
const TUTORIAL: &[u8] = b"data: The server time is: Sun, 22 Nov 2026 06:29:31 +0000\n\n";
/// The same, as `gzip -c` made it.
const TUTORIAL_GZIP: &[u8] = &[
    0x1F, 0x8B, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x03, 0x4B, 0x49, 0x2C, 0x49, 0xB4, 0x52,
    0x08, 0xC9, 0x48, 0x55, 0x28, 0x4E, 0x2D, 0x2A, 0x4B, 0x2D, 0x52, 0x28, 0xC9, 0xCC, 0x4D, 0x55,
    0xC8, 0x2C, 0xB6, 0x52, 0x08, 0x2E, 0xCD, 0xD3, 0x51, 0x30, 0x32, 0x52, 0xF0, 0xCB, 0x2F, 0x53,
    0x30, 0x32, 0x30, 0x32, 0x53, 0x30, 0x30, 0xB3, 0x32, 0xB2, 0xB4, 0x32, 0x36, 0x54, 0xD0, 0x36,
    0x00, 0x02, 0x2E, 0x2E, 0x00, 0x82, 0x11, 0xD9, 0x5E, 0x3B, 0x00, 0x00, 0x00,
];

const RATIO: usize = 100;

#[derive(Clone, Copy, Debug)]
enum Made {
    Gzip,
    Zlib,
    Raw,
}

impl Made {
    fn coding(self) -> Coding {
        match self {
            Self::Gzip => Coding::Gzip,
            Self::Zlib | Self::Raw => Coding::Deflate,
        }
    }

    /// Compresses pieces, each flushed.
    fn compress(self, pieces: &[&[u8]]) -> Vec<Vec<u8>> {
        fn flushed<W: Write>(
            mut encoder: W,
            pieces: &[&[u8]],
            out: impl Fn(&mut W) -> Vec<u8>,
        ) -> (W, Vec<Vec<u8>>) {
            let mut parts = Vec::new();
            for piece in pieces {
                encoder.write_all(piece).unwrap();
                encoder.flush().unwrap();
                parts.push(out(&mut encoder));
            }
            (encoder, parts)
        }
        let level = Compression::default();
        let (rest, mut parts) = match self {
            Self::Gzip => {
                let encoder = GzEncoder::new(Vec::new(), level);
                let (e, parts) = flushed(encoder, pieces, |e| std::mem::take(e.get_mut()));
                (e.finish().unwrap(), parts)
            }
            Self::Zlib => {
                let encoder = ZlibEncoder::new(Vec::new(), level);
                let (e, parts) = flushed(encoder, pieces, |e| std::mem::take(e.get_mut()));
                (e.finish().unwrap(), parts)
            }
            Self::Raw => {
                let encoder = DeflateEncoder::new(Vec::new(), level);
                let (e, parts) = flushed(encoder, pieces, |e| std::mem::take(e.get_mut()));
                (e.finish().unwrap(), parts)
            }
        };
        parts.push(rest);
        parts
    }

    fn whole(self, text: &[u8]) -> Vec<u8> {
        self.compress(&[text]).concat()
    }
}

/// What a body gives that comes in these pieces, each in a step of its own.
fn decode<'a>(
    coding: Coding,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> (Vec<u8>, Result<(), Error>) {
    let (mut decoder, mut out) = (coding.decoder(RATIO), Vec::new());
    for piece in pieces {
        decoder.renew();
        let fed = decoder.feed(piece, &mut |bytes| {
            assert!(!bytes.is_empty());
            out.extend_from_slice(bytes);
        });
        if fed.is_err() {
            return (out, fed);
        }
    }
    let end = decoder.finish();
    (out, end)
}

fn words(end: Result<(), Error>) -> String {
    let error = end.unwrap_err();
    assert_eq!(error.reason(), UpstreamReason::Encoding);
    error.to_string()
}

#[test]
fn the_tutorials_body_as_gzip_makes_it_is_read() {
    let (out, end) = decode(Coding::Gzip, [TUTORIAL_GZIP]);
    assert_eq!(out, TUTORIAL);
    end.unwrap();
}

#[rstest]
#[case(Made::Gzip)]
#[case(Made::Zlib)]
#[case(Made::Raw)]
fn what_is_flushed_is_given_at_once(#[case] made: Made) {
    let events: Vec<_> = (0..50).map(|n| format!("data: event {n}\n\n")).collect();
    let pieces: Vec<_> = events.iter().map(String::as_bytes).collect();
    let mut decoder = made.coding().decoder(RATIO);
    let parts = made.compress(&pieces);
    assert!(parts[0].ends_with(&[0, 0, 0xFF, 0xFF]));
    for (part, event) in parts.iter().zip(&events) {
        let mut out = Vec::new();
        decoder
            .feed(part, &mut |bytes| out.extend_from_slice(bytes))
            .unwrap();
        assert_eq!(out, event.as_bytes());
        assert!(decoder.finish().is_err(), "an end before the end");
    }
    decoder
        .feed(&parts[50], &mut |_| panic!("something more"))
        .unwrap();
    decoder.finish().unwrap();
}

#[rstest]
#[case(Made::Gzip)]
#[case(Made::Zlib)]
#[case(Made::Raw)]
fn wherever_a_body_is_cut_off_it_is_broken(#[case] made: Made) {
    let body = made.whole(TUTORIAL);
    for end in 1..body.len() {
        let (_, result) = decode(made.coding(), [&body[..end]]);
        assert_eq!(result.unwrap_err().reason(), UpstreamReason::Eof, "{end}");
    }
    decode(made.coding(), []).1.unwrap();
}

#[test]
fn several_members_are_one_body_and_what_follows_them_is_not_looked_at() {
    let body = [
        Made::Gzip.whole(b"data: a\n\n"),
        Made::Gzip.whole(b"data: b\n\n"),
    ]
    .concat();
    for garbage in [&b""[..], b"\0\0\0\0", b"junk", b"\x1Fx"] {
        let body = [&body, garbage].concat();
        for size in 1..=body.len() {
            let (out, end) = decode(Coding::Gzip, body.chunks(size));
            assert_eq!(out, b"data: a\n\ndata: b\n\n");
            end.unwrap();
        }
    }
    let (out, end) = decode(
        Coding::Deflate,
        [&[&Made::Zlib.whole(b"x")[..], b"junk"].concat()[..]],
    );
    assert_eq!(out, b"x");
    end.unwrap();
}

#[test]
fn every_optional_field_of_a_header_is_passed_over() {
    let encoder = GzBuilder::new()
        .filename("a.php")
        .comment("c")
        .extra(vec![7; 300]);
    let mut encoder = encoder.write(Vec::new(), Compression::best());
    encoder.write_all(TUTORIAL).unwrap();
    let body = encoder.finish().unwrap();
    // And an empty extra field, with a checksum of the header, which is not looked at.
    let bare = Made::Gzip.whole(TUTORIAL);
    let checked = [
        &bare[..3],
        &[2 | 4],
        &bare[4..10],
        &[0, 0, 1, 2],
        &bare[10..],
    ]
    .concat();
    for body in [body, checked] {
        for size in [1, 7, body.len()] {
            let (out, end) = decode(Coding::Gzip, body.chunks(size));
            assert_eq!(out, TUTORIAL);
            end.unwrap();
        }
    }
}

#[test]
fn what_is_not_what_it_claims_is_named() {
    let gzip = Made::Gzip.whole(TUTORIAL);
    let changed = |at: usize, byte| {
        let mut body = gzip.clone();
        body[at] = byte;
        body
    };
    let endless = [&gzip[..3], &[8], &gzip[4..10], &b"x".repeat(70 << 10)].concat();
    for (body, why) in [
        (b"data: a\n\n".to_vec(), "not gzip"),
        (changed(2, 7), "method"),
        (changed(3, 0x20), "unknown flags"),
        (endless, "header has no end"),
        (
            changed(gzip.len() - 8, gzip[gzip.len() - 8] ^ 1),
            "checksum",
        ),
        (changed(gzip.len() - 1, 1), "checksum"),
        (changed(10, 0xFF), "damaged"),
    ] {
        let words = words(decode(Coding::Gzip, [&body[..]]).1);
        assert!(words.contains(why), "{words}");
    }
    let words = words(decode(Coding::Deflate, [&b"data: a\n\n"[..]]).1);
    assert!(words.contains("damaged"), "{words}");
}

#[rstest]
#[case(Made::Gzip)]
#[case(Made::Raw)]
fn a_bomb_is_stopped_before_it_has_gone_off(#[case] made: Made) {
    let bomb = made.whole(&vec![b'x'; 64 << 20]);
    for size in [100, 16 << 10, bomb.len()] {
        let (mut decoder, mut out) = (made.coding().decoder(20), 0);
        let mut fed = Ok(());
        // Pieces that come together are one step, however small they are.
        for piece in bomb.chunks(size) {
            fed = fed.and_then(|()| decoder.feed(piece, &mut |bytes| out += bytes.len()));
        }
        assert!(words(fed).contains("decode_ratio"));
        assert!(
            out <= FLOOR_BYTES + 20 * size.max(FLOOR_BYTES / 900),
            "{size}: {out}"
        );
    }
}

#[test]
fn a_large_event_like_the_one_before_is_no_bomb() {
    let event = format!("data: {}\n\n", "prices and more prices ".repeat(2000));
    let parts = Made::Gzip.compress(&[event.as_bytes(); 20]);
    assert!(parts[9].len() * RATIO < event.len());
    let (out, end) = decode(Coding::Gzip, parts.iter().map(|part| &part[..]));
    assert_eq!(out, event.repeat(20).as_bytes());
    end.unwrap();
}

#[test]
fn a_plain_body_is_not_copied() {
    let mut decoder = Coding::Identity.decoder(RATIO);
    let (body, mut same) = (TUTORIAL, false);
    decoder
        .feed(body, &mut |bytes| same = std::ptr::eq(bytes, body))
        .unwrap();
    assert!(same);
    decoder.finish().unwrap();
}

proptest! {
    #[test]
    fn any_cut_gives_the_same(
        text in proptest::collection::vec(any::<u8>(), 0..5000),
        repeats in 1..4usize,
        cuts in proptest::collection::vec(1..400usize, 1..50),
        made in prop_oneof![Just(Made::Gzip), Just(Made::Zlib), Just(Made::Raw)],
    ) {
        let text = text.repeat(repeats);
        let body = made.whole(&text);
        let (mut rest, mut pieces) = (&body[..], Vec::new());
        for cut in cuts.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (piece, after) = rest.split_at((*cut).min(rest.len()));
            pieces.push(piece);
            rest = after;
        }
        let (out, end) = decode(made.coding(), pieces);
        prop_assert_eq!(out, text);
        prop_assert!(end.is_ok());
    }
}

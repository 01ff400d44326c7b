//! The codec of the bench's HTTP/2 client: `benches/fanout` has no test harness of its own.

#[path = "../../benches/fanout/load/frame.rs"]
#[allow(dead_code, reason = "the bench uses what these tests do not")]
mod frame;
#[path = "../../benches/fanout/load/hpack.rs"]
mod hpack;

use frame::{Broken, Frame};

/// A frame as a peer may send it.
fn raw(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut bytes = length[1..].to_vec();
    bytes.extend([kind, flags]);
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

#[test]
fn a_frame_is_read_once_its_last_byte_is_there() {
    let bytes = raw(frame::DATA, frame::END_STREAM, 0x8000_0005, b"data: 1\n\n");
    for cut in 0..bytes.len() {
        assert_eq!(Frame::read(&bytes[..cut]), Ok(None), "{cut}");
    }
    let followed = [bytes.clone(), b"more".to_vec()].concat();
    let frame = Frame::read(&followed).unwrap().unwrap();
    assert_eq!(frame.length(), bytes.len());
    assert_eq!((frame.kind, frame.stream), (frame::DATA, 5));
    assert!(frame.has(frame::END_STREAM));
    assert_eq!(frame.content(), Ok(&b"data: 1\n\n"[..]));
}

#[test]
fn a_frame_longer_than_was_allowed_is_a_fault() {
    let longest = raw(frame::DATA, 0, 1, &vec![0; 16_384]);
    assert_eq!(
        Frame::read(&longest).unwrap().unwrap().payload.len(),
        16_384
    );
    let longer = raw(frame::DATA, 0, 1, &vec![0; 16_385]);
    assert_eq!(Frame::read(&longer), Err(Broken));
    // Whoever answers in HTTP/1.1 is found out by its first nine bytes.
    assert_eq!(Frame::read(b"HTTP/1.1 200 OK"), Err(Broken));
}

#[test]
fn padding_and_priority_are_not_content() {
    let content = |kind, flags, payload: &[u8]| {
        let bytes = raw(kind, flags, 1, payload);
        let frame = Frame::read(&bytes).unwrap().unwrap();
        frame.content().map(<[u8]>::to_vec)
    };
    let (padded, priority) = (frame::PADDED, frame::PRIORITY);
    assert_eq!(
        content(frame::DATA, padded, b"\x02abc\0\0"),
        Ok(b"abc".to_vec())
    );
    assert_eq!(
        content(frame::DATA, padded, b"\x00abc"),
        Ok(b"abc".to_vec())
    );
    assert_eq!(content(frame::DATA, padded, b"\x04abc"), Err(Broken));
    assert_eq!(content(frame::DATA, padded, b""), Err(Broken));
    let both = content(frame::HEADERS, padded | priority, b"\x01\0\0\0\0\x10\x88\0");
    assert_eq!(both, Ok(b"\x88".to_vec()));
    assert_eq!(content(frame::HEADERS, priority, b"\0\0\0\0"), Err(Broken));
}

#[test]
fn what_is_written_is_read_again() {
    let mut out = Vec::new();
    frame::write_settings(&mut out, &[(frame::INITIAL_WINDOW_SIZE, 0x0060_0000)]);
    frame::write_settings_ack(&mut out);
    frame::write_request(&mut out, 3, b"block");
    frame::write_ping_ack(&mut out, b"12345678");
    frame::write_window_update(&mut out, 3, 0x0102_0304);
    let mut rest = &out[..];
    let mut seen = Vec::new();
    while let Some(frame) = Frame::read(rest).unwrap() {
        rest = &rest[frame.length()..];
        seen.push((
            frame.kind,
            frame.stream,
            frame.has(frame::ACK),
            frame.payload,
        ));
    }
    assert_eq!(
        seen,
        [
            (frame::SETTINGS, 0, false, &b"\0\x04\0\x60\0\0"[..]),
            (frame::SETTINGS, 0, true, b""),
            // END_STREAM is the same bit as ACK.
            (frame::HEADERS, 3, true, b"block"),
            (frame::PING, 0, true, b"12345678"),
            (frame::WINDOW_UPDATE, 3, false, b"\x01\x02\x03\x04"),
        ]
    );
    assert!(rest.is_empty());
}

#[test]
fn goaway_names_the_last_stream_that_goes_on() {
    let bytes = raw(frame::GOAWAY, 0, 0, b"\x80\0\0\x07\0\0\0\0");
    assert_eq!(Frame::read(&bytes).unwrap().unwrap().last_stream(), Ok(7));
    let short = raw(frame::GOAWAY, 0, 0, b"\0\0\0");
    assert_eq!(
        Frame::read(&short).unwrap().unwrap().last_stream(),
        Err(Broken)
    );
}

#[test]
fn a_request_is_two_places_of_the_static_table_and_three_literals() {
    assert_eq!(
        hpack::subscription("/e", "h:1"),
        b"\x82\x87\x01\x03h:1\x04\x02/e\x0f\x04\x11text/event-stream"
    );
    let long = hpack::subscription(&"/".repeat(127 + 300), "h");
    // 300 in seven bits a byte, the lowest first.
    assert_eq!(long[5..10], [0x04, 0x7f, 0xac, 0x02, b'/']);
}

#[test]
fn a_status_is_read_in_every_way_that_servers_say_it() {
    let cases: [(&[u8], Option<u16>); 14] = [
        (b"\x88", Some(200)),
        (b"\x88\x5f\x11text/event-stream", Some(200)),
        (b"\x8d", Some(404)),
        (b"\x48\x03503", Some(503)),
        (b"\x08\x03103", Some(103)),
        (b"\x18\x03429", Some(429)),
        // Huffman: 200, 103, 429 and 503.
        (b"\x48\x82\x10\x01", Some(200)),
        (b"\x48\x82\x08\x19", Some(103)),
        (b"\x48\x83\x68\x4f\xff", Some(429)),
        (b"\x48\x83\x6c\x0c\xff", Some(503)),
        // After the size of the dynamic table, short and long.
        (b"\x20\x3f\xe1\x1f\x88", Some(200)),
        (b"", None),
        // No status first, and cut off.
        (b"\x82", None),
        (b"\x48\x035", None),
    ];
    for (block, expected) in cases {
        assert_eq!(hpack::status(block), expected, "{block:02x?}");
    }
}

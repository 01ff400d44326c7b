//! As much of HPACK (RFC 7541) as a client needs that must be able to lie: literals out, and the
//! status in.

/// Fields as literals without indexing, without Huffman.
pub(crate) fn literals(fields: &[(&str, &str)]) -> Vec<u8> {
    fields
        .iter()
        .flat_map(|(name, value)| literal(name.as_bytes(), value.as_bytes()))
        .collect()
}

/// One of them.
pub(crate) fn literal(name: &[u8], value: &[u8]) -> Vec<u8> {
    let mut field = vec![0];
    text(name, &mut field);
    text(value, &mut field);
    field
}

/// One that goes into the table of the other side, as its newest entry, number 62.
pub(crate) fn indexed(name: &[u8], value: &[u8]) -> Vec<u8> {
    let mut field = vec![0x40];
    text(name, &mut field);
    text(value, &mut field);
    field
}

fn text(text: &[u8], into: &mut Vec<u8>) {
    into.extend(integer(text.len(), 7, 0));
    into.extend(text);
}

/// A number in so many bits of its first byte, whose other bits are given.
pub(crate) fn integer(number: usize, bits: u8, first: u8) -> Vec<u8> {
    let most = (1 << bits) - 1;
    if number < most {
        return vec![first | u8::try_from(number).unwrap()];
    }
    let mut bytes = vec![first | u8::try_from(most).unwrap()];
    let mut rest = number - most;
    while rest >= 128 {
        bytes.push(u8::try_from(rest % 128).unwrap() | 128);
        rest /= 128;
    }
    bytes.push(u8::try_from(rest).unwrap());
    bytes
}

/// The status of an answer, which is its first field. Its client has forbidden a table, so that
/// every field is static or literal.
#[track_caller]
pub(crate) fn status(block: &[u8]) -> u16 {
    let update = |byte: &&u8| **byte & 0xe0 == 0x20;
    let block = &block[block.iter().take_while(update).count()..];
    match block[0] {
        0x88 => 200,
        0x89 => 204,
        0x8a => 206,
        0x8b => 304,
        0x8c => 400,
        0x8d => 404,
        0x8e => 500,
        // Literal, its name the one of entry 8; with indexing, without it, never.
        0x48 | 0x08 | 0x18 => written(block[1], &block[2..]),
        other => panic!("an answer begins with {other:#x}"),
    }
}

/// Three digits, with Huffman or without.
fn written(length: u8, bytes: &[u8]) -> u16 {
    let (is_packed, length) = (length & 0x80 != 0, usize::from(length & 0x7f));
    let bytes = &bytes[..length];
    if !is_packed {
        return String::from_utf8_lossy(bytes).parse().unwrap();
    }
    let bits: Vec<u16> = bytes
        .iter()
        .flat_map(|byte| (0..8).rev().map(move |at| u16::from(byte >> at & 1)))
        .collect();
    let number = |bits: &[u16]| bits.iter().fold(0, |sum, bit| sum * 2 + bit);
    let (mut at, mut status) = (0, 0);
    for _ in 0..3 {
        // 0 to 2 have five bits, from 00000 on; 3 to 9 have six, from 011001 on.
        let short = number(&bits[at..at + 5]);
        let digit = if short < 3 {
            at += 5;
            short
        } else {
            at += 6;
            number(&bits[at - 6..at]) - 0b01_1001 + 3
        };
        status = status * 10 + digit;
    }
    status
}

//! Header blocks of HTTP/2 (RFC 7541): writes the request, reads the status of the answer.
//!
//! Nothing is indexed or Huffman-coded on the way out. Of an answer only the first field is read:
//! `:status` comes before every other. Pure, and imports nothing of the bench:
//! `tests/it/load_frames.rs` includes this file.

const METHOD_GET: u8 = 0x82;
const SCHEME_HTTPS: u8 = 0x87;
/// Literals without indexing, by the name's place in the static table.
const AUTHORITY: u8 = 0x01;
const PATH: u8 = 0x04;
/// Place 19, of which 15 are in the prefix.
const ACCEPT: [u8; 2] = [0x0f, 4];

/// What the static table says of `:status` at places 8 to 14.
const STATUSES: [(u8, u16); 7] = [
    (8, 200),
    (9, 204),
    (10, 206),
    (11, 304),
    (12, 400),
    (13, 404),
    (14, 500),
];

/// The block of a `GET` for an event stream.
pub(super) fn subscription(path: &str, authority: &str) -> Vec<u8> {
    let mut block = vec![METHOD_GET, SCHEME_HTTPS, AUTHORITY];
    write_string(&mut block, authority);
    block.push(PATH);
    write_string(&mut block, path);
    block.extend_from_slice(&ACCEPT);
    write_string(&mut block, "text/event-stream");
    block
}

fn write_string(block: &mut Vec<u8>, text: &str) {
    const PREFIX: usize = 127;
    let length = text.len();
    if let Some(more) = length.checked_sub(PREFIX) {
        block.push(0x7f);
        write_varint(block, more);
    } else {
        block.extend(u8::try_from(length));
    }
    block.extend_from_slice(text.as_bytes());
}

fn write_varint(block: &mut Vec<u8>, mut value: usize) {
    while value > 0x7f {
        block.extend(u8::try_from(value & 0x7f | 0x80));
        value >>= 7;
    }
    block.extend(u8::try_from(value));
}

/// The status that a block begins with; `None` if it is said in a way that no server uses.
pub(super) fn status(block: &[u8]) -> Option<u16> {
    let (first, rest) = without_size_updates(block)?.split_first()?;
    let place = match first {
        indexed if indexed & 0x80 != 0 => {
            let known = STATUSES.iter().find(|(place, _)| *place == indexed & 0x7f);
            return known.map(|(_, status)| *status);
        }
        kept if kept & 0x40 != 0 => kept & 0x3f,
        other => other & 0x0f,
    };
    if !(8..=14).contains(&place) {
        return None;
    }
    let (length, text) = rest.split_first()?;
    let text = text.get(..usize::from(length & 0x7f))?;
    if length & 0x80 != 0 {
        huffman_digits(text)
    } else {
        std::str::from_utf8(text).ok()?.parse().ok()
    }
}

/// The peer may first say how large its dynamic table is: 001 and a number of five bits or more.
fn without_size_updates(mut block: &[u8]) -> Option<&[u8]> {
    while let Some((first, rest)) = block.split_first()
        && first & 0xe0 == 0x20
    {
        block = rest;
        if first & 0x1f == 0x1f {
            let end = block.iter().position(|byte| byte & 0x80 == 0)?;
            block = block.get(end + 1..)?;
        }
    }
    Some(block)
}

/// Three digits: 0 to 2 have codes of five bits (0 to 2), 3 to 9 of six (25 to 31).
fn huffman_digits(text: &[u8]) -> Option<u16> {
    let mut bits = 0_u32;
    let mut left = 0_u32;
    for byte in text.iter().take(4) {
        bits = bits << 8 | u32::from(*byte);
        left += 8;
    }
    let code =
        |left: u32, length: u32| Some(bits >> left.checked_sub(length)? & ((1 << length) - 1));
    let mut status = 0;
    for _ in 0..3 {
        let (digit, length) = match (code(left, 5)?, code(left, 6)) {
            (short @ 0..=2, _) => (short, 5),
            (_, Some(long @ 25..=31)) => (long - 22, 6),
            _ => return None,
        };
        left -= length;
        status = status * 10 + digit;
    }
    u16::try_from(status).ok()
}

//! Transcoding: a response in another charset becomes UTF-8, read by read.

use std::hint::black_box;

use encoding_rs::{Encoding, GBK, WINDOWS_1252};
use fantail::source::charset::{Charset, Text};
use gungraun::prelude::*;

const READ: usize = 16 << 10;

struct Response {
    bytes: Vec<u8>,
    text: Text,
    utf8: Vec<u8>,
}

/// Four reads of lines like this one.
fn response(encoding: &'static Encoding, line: &str) -> Response {
    let (encoded, _, has_failed) = encoding.encode(line);
    assert!(!has_failed, "the charset has all of it");
    let bytes = encoded.repeat(4 * READ / encoded.len());
    Response {
        utf8: Vec::with_capacity(4 * bytes.len()),
        text: Charset::named(encoding.name()).unwrap().text(),
        bytes,
    }
}

fn chinese() -> Response {
    response(
        GBK,
        "data: 上证指数 3,041.17 点,跌 0.42%,成交 4,217 亿元\n\n",
    )
}

fn french() -> Response {
    response(
        WINDOWS_1252,
        "data: Société Générale : 23,45 €, clôture en légère baisse à l’étranger\n\n",
    )
}

#[library_benchmark]
#[bench::gbk(chinese())]
#[bench::windows_1252(french())]
fn transcode(mut response: Response) -> Response {
    let utf8 = &mut response.utf8;
    let mut sink = |piece: &[u8]| utf8.extend_from_slice(piece);
    for read in response.bytes.chunks(READ) {
        response.text.feed(black_box(read), &mut sink);
    }
    response.text.finish(&mut sink);
    response
}

library_benchmark_group!(name = charsets, benchmarks = transcode);

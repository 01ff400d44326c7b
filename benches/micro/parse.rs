//! The parser: bytes of one response, as they are cut by who sends them, become events.

use std::hint::black_box;

use fantail::sse::{Item, Limits, Parser};
use gungraun::prelude::*;

use crate::inputs;

/// What one TCP segment carries behind a client's usual headers.
const SEGMENT: usize = 1400;
const ITEMS: usize = 512;

struct Stream {
    bytes: Vec<u8>,
    /// Pieces of so many bytes.
    cut: usize,
    parser: Parser,
    /// Has room for everything, for a feed begins each read with an empty list.
    items: Vec<Item>,
}

fn stream(text: String, cut: usize) -> Stream {
    Stream {
        bytes: text.into_bytes(),
        cut,
        parser: Parser::new(Limits {
            line: 1 << 20,
            event: 1 << 20,
            id: 1 << 10,
        }),
        items: Vec::with_capacity(ITEMS),
    }
}

fn several_lines() -> String {
    let block = inputs::several_lines().replace('\n', "\ndata: ");
    format!("data: {block}\n\n").repeat(32)
}

fn long_line() -> String {
    format!("data: {}\n\n", inputs::long_line(256 << 10))
}

#[library_benchmark]
#[bench::ticker(stream(inputs::ticker_stream(), usize::MAX))]
#[bench::ticker_in_segments(stream(inputs::ticker_stream(), SEGMENT))]
#[bench::ticker_in_bytes(stream(inputs::ticker_stream(), 1))]
#[bench::several_lines(stream(several_lines(), usize::MAX))]
#[bench::long_line(stream(long_line(), usize::MAX))]
#[bench::long_line_in_segments(stream(long_line(), SEGMENT))]
fn parse(mut stream: Stream) -> Stream {
    for piece in stream.bytes.chunks(stream.cut) {
        stream.parser.feed(black_box(piece), &mut stream.items);
    }
    stream
}

library_benchmark_group!(name = parser, benchmarks = parse);

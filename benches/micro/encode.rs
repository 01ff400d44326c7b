//! The writer: events become frames, each in memory of its own, as the log has it.

use std::hint::black_box;

use fantail::event::{EventId, EventName};
use fantail::position::{Epoch, Offset, Position};
use fantail::sse::write;
use gungraun::prelude::*;

use crate::inputs;

struct Events {
    id: EventId,
    name: EventName,
    data: Vec<String>,
    frames: Vec<Vec<u8>>,
}

fn events(data: impl Iterator<Item = String>) -> Events {
    let data: Vec<String> = data.collect();
    Events {
        id: EventId::new("1700000000123-17").unwrap(),
        name: EventName::new("quote").unwrap(),
        frames: Vec::with_capacity(data.len()),
        data,
    }
}

fn several_lines() -> Events {
    events((0..32).map(|_| inputs::several_lines()))
}

#[library_benchmark]
#[bench::ticker(events(inputs::trades(inputs::EVENTS)))]
#[bench::several_lines(several_lines())]
fn encode(mut events: Events) -> Events {
    for data in &events.data {
        let mut out = Vec::with_capacity(data.len() + 64);
        write::id_line(&mut out, &events.id);
        write::body(&mut out, Some(&events.name), black_box(data));
        events.frames.push(out);
    }
    events
}

#[library_benchmark]
#[bench::ticker(events(inputs::trades(inputs::EVENTS)))]
fn encode_with_token(mut events: Events) -> Events {
    let mut place = Position {
        epoch: Epoch::new(0x1234_5678_9abc),
        offset: Offset(1_000_000),
    };
    for data in &events.data {
        let mut out = Vec::with_capacity(data.len() + 64);
        write::token_line(&mut out, black_box(place));
        write::body(&mut out, Some(&events.name), black_box(data));
        events.frames.push(out);
        place.offset = place.offset.next();
    }
    events
}

library_benchmark_group!(name = encoding, benchmarks = [encode, encode_with_token]);

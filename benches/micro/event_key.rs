//! What an event is about: one value of its JSON.

use std::hint::black_box;

use fantail::event::Event;
use fantail::ingest::key::{EventKey, KEY_BYTES};
use gungraun::prelude::*;

use crate::inputs;

struct Stream {
    rule: EventKey,
    events: Vec<Event>,
    key: String,
    /// Bytes of all keys.
    found: usize,
}

fn stream(data: impl Iterator<Item = String>) -> Stream {
    let event = |data| Event {
        id: None,
        own_id: false,
        name: None,
        data,
    };
    Stream {
        rule: EventKey::parse("json:/symbol").unwrap(),
        events: data.map(event).collect(),
        key: String::with_capacity(KEY_BYTES),
        found: 0,
    }
}

/// About 1 KiB of a book of trades; what it is about comes last.
fn books() -> impl Iterator<Item = String> {
    let trades = inputs::trades(13).collect::<Vec<_>>().join(",");
    (0..inputs::EVENTS).map(move |number| {
        format!(r#"{{"number":{number},"is_open":true,"trades":[{trades}],"symbol":"FAN"}}"#)
    })
}

#[library_benchmark]
#[bench::ticker(stream(inputs::trades(inputs::EVENTS)))]
#[bench::at_the_end_of_1_kib(stream(books()))]
fn json_key(mut stream: Stream) -> Stream {
    for event in &stream.events {
        let found = stream.rule.of(black_box(event), None, &mut stream.key);
        stream.found += found.unwrap().len();
    }
    stream
}

library_benchmark_group!(name = event_keys, benchmarks = json_key);

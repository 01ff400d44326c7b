//! The log: appending to a full one, and reading what a cursor has pending.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use fantail::clock;
use fantail::event::{EventId, EventName};
use fantail::log::{Batch, Bounds, Budget, Cursor, Draft, Identity, Log, Writer};
use fantail::position::{Epoch, Offset};
use gungraun::prelude::*;

use crate::inputs;

/// As much as a shard reads for one write.
const READ_BYTES: usize = 64 << 10;

struct Filled {
    log: Arc<Log>,
    writer: Writer,
    identity: Identity,
    name: EventName,
    /// What is appended next.
    events: Vec<(EventId, String)>,
    now: Instant,
}

/// A log with the default bounds that has been full for a while: each append evicts.
fn filled(identity: Identity) -> Filled {
    let bounds = Bounds::default();
    let (log, mut writer) = Log::new(Epoch::new(7), bounds, Budget::new(256 << 20));
    let (now, name) = (clock::now(), EventName::new("quote").unwrap());
    let trades = inputs::trades(4 * bounds.events + inputs::EVENTS).enumerate();
    let mut events: Vec<_> = trades
        .map(|(number, trade)| (EventId::new(&number.to_string()).unwrap(), trade))
        .collect();
    let rest = events.split_off(4 * bounds.events);
    append_all(&mut writer, &identity, &name, &events, now);
    assert_eq!(log.size().0, bounds.events);
    Filled {
        log,
        writer,
        identity,
        name,
        events: rest,
        now,
    }
}

fn append_all(
    writer: &mut Writer,
    identity: &Identity,
    name: &EventName,
    events: &[(EventId, String)],
    now: Instant,
) {
    for (id, data) in events {
        let draft = Draft::Event {
            // A token stands where the upstream has sent no id.
            id: (*identity == Identity::Own).then_some(id),
            identity: identity.clone(),
            name: Some(name),
            data,
            key: None,
        };
        black_box(writer.append(black_box(&draft), now));
    }
}

#[library_benchmark]
#[bench::ids(filled(Identity::Own))]
#[bench::tokens(filled(Identity::Token))]
fn append(mut filled: Filled) -> Filled {
    let Filled {
        writer,
        identity,
        name,
        events,
        now,
        ..
    } = &mut filled;
    append_all(writer, identity, name, events, *now);
    filled
}

struct Reader {
    filled: Filled,
    cursor: Cursor,
    batch: Batch,
}

/// A cursor so many frames behind the live edge, with a batch that has grown already.
fn behind(frames: u64) -> Reader {
    let filled = filled(Identity::Own);
    let cursor = Cursor::at(Offset(filled.log.edge().0 - frames));
    let mut batch = Batch::default();
    filled.log.read(cursor, READ_BYTES, &mut batch);
    assert_eq!(batch.len() as u64, frames);
    Reader {
        filled,
        cursor,
        batch,
    }
}

#[library_benchmark]
#[bench::one(behind(1))]
#[bench::twenty(behind(20))]
#[bench::two_hundred_and_fifty_six(behind(256))]
fn read(mut reader: Reader) -> Reader {
    let cursor = black_box(reader.cursor);
    black_box(
        reader
            .filled
            .log
            .read(cursor, READ_BYTES, &mut reader.batch),
    );
    reader
}

library_benchmark_group!(name = logs, benchmarks = [append, read]);

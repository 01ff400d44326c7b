//! The limit to compare with: no upstream, no log, no timers, one thread that writes the same
//! stamped bytes to every socket, `batch` events in one `write()`.

use std::io;

use crate::audience::Audience;
use crate::cli::{BareOptions, Emission};
use crate::clock::{Deadline, now_ns};
use crate::pace::Pace;
use crate::reception::Reception;
use crate::wire;

/// Bounds what a client that does not read costs.
const MOST_PENDING: usize = 1 << 20;

pub(crate) fn run(options: &BareOptions) -> io::Result<()> {
    let Emission {
        listen,
        rate,
        frame_bytes,
        lifetime,
        slots,
    } = options.emission;
    let end = Deadline::after(lifetime);
    let mut reception = Reception::open(listen)?;
    let mut audience = Audience::new(MOST_PENDING);
    let mut pace = Pace::of(now_ns(), rate, slots);
    let mut batch = Vec::new();
    while !end.passed() {
        let tick = pace
            .as_ref()
            .map(|pace| pace.wait_for(now_ns(), options.batch));
        let patience = tick.map_or(end.left(), |tick| tick.min(end.left()));
        for guest in reception.receive(Some(patience))? {
            audience.admit(guest.stream, &[]);
        }
        let Some(pace) = &mut pace else { continue };
        let first = pace.emitted() + 1;
        let now = now_ns();
        // Never more than a batch in a write, even when late: the cost of one write of `batch`
        // events is what is compared.
        if pace.take_batch(now, options.batch) {
            batch.clear();
            for number in first..first + options.batch {
                wire::write_event(&mut batch, number, now, frame_bytes);
            }
            audience.send(&batch);
        }
    }
    Ok(())
}

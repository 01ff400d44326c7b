//! Fantail and what is closest beside it are measured at once, where a core has room for both.

use std::time::Duration;

use super::{both, pair};
use crate::cli::Options;
use crate::trial::Trial;

/// What a delivery takes on a slow machine, over HTTP/1.1 and over HTTP/2.
const DELIVERY: Duration = Duration::from_micros(10);
const DELIVERY_BY_HTTP2: Duration = Duration::from_micros(20);

/// How much of its slot an event may take.
const ROOM: f64 = 0.8;

/// Whether each event has room between two of the other's, and there is another.
pub(super) fn is_possible(clients: usize, rate: f64, options: &Options) -> bool {
    let delivery = if options.h2 {
        DELIVERY_BY_HTTP2
    } else {
        DELIVERY
    };
    let sides = pair(Trial::new(clients, rate), options).len();
    let busy = delivery.as_secs_f64() * clients as f64 * rate * sides as f64;
    sides > 1 && busy <= ROOM
}

/// All who take part, as [`both`] has them; the peers, who may need longer for an event, are measured alone.
pub(super) fn at_once(trial: Trial, options: &Options) -> Vec<(&'static str, Trial)> {
    let mut sides = both(trial, options);
    if is_possible(trial.clients, trial.rate, options) {
        for (nth, (_, trial)) in (0..2).zip(&mut sides) {
            *trial = trial.between_events(nth, 2);
        }
    }
    sides
}

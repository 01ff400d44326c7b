//! Fantail and what is closest beside it are measured at once, where a core has room for both.

use std::time::Duration;

use super::{both, pair};
use crate::cli::Options;
use crate::trial::{TURN, Trial};

/// What a delivery takes on a slow machine, over HTTP/1.1 and over HTTP/2.
const DELIVERY: Duration = Duration::from_micros(10);
const DELIVERY_BY_HTTP2: Duration = Duration::from_micros(20);

/// How much of a slot an event may take.
const ROOM: f64 = 0.8;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sharing {
    /// Each event is between two of the other's.
    Events,
    /// Each has its turns, in which the other is silent.
    Turns,
    /// There is no room, or nobody to share with.
    Nothing,
}

impl Sharing {
    pub(super) fn of(clients: usize, rate: f64, options: &Options) -> Self {
        let delivery = if options.h2 {
            DELIVERY_BY_HTTP2
        } else {
            DELIVERY
        };
        let event = delivery.as_secs_f64() * clients as f64;
        let sides = pair(Trial::new(clients, rate), options).len() as f64;
        if sides < 2.0 {
            Self::Nothing
        } else if event * sides * rate <= ROOM {
            Self::Events
        } else if event <= TURN.as_secs_f64() * ROOM {
            Self::Turns
        } else {
            Self::Nothing
        }
    }
}

/// All who take part, as [`both`] has them; the peers, who may need longer for an event, are measured alone.
pub(super) fn at_once(trial: Trial, options: &Options) -> Vec<(&'static str, Trial)> {
    let mut sides = both(trial, options);
    let sharing = Sharing::of(trial.clients, trial.rate, options);
    for (nth, (_, trial)) in (0..2).zip(&mut sides) {
        *trial = match sharing {
            Sharing::Events => trial.between_events(nth, 2),
            Sharing::Turns => trial.in_turns(nth, 2),
            Sharing::Nothing => *trial,
        };
    }
    sides
}

//! A made-up stock market: the source behind `fantail demo`, which needs no backend.
//!
//! Layer 2: may import layer 0 and `clock`. Invariant: ids rise by one from quote to
//! quote, over any number of feeds of one ticker.

mod market;

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use parking_lot::Mutex;
use tokio::time::{Interval, MissedTickBehavior};

pub use self::market::{Market, Quote, SYMBOLS};
use super::{BoxFuture, Error, Feed, Source, Step};
use crate::clock;
use crate::event::{Event, EventId, EventName};
use crate::sse::Item;

/// Quotes per second unless said otherwise: each symbol about once a second, lively but readable.
pub const DEFAULT_RATE: NonZeroU32 = NonZeroU32::new(12).unwrap();

/// Above this rate several quotes share a tick: tokio's timer counts in milliseconds.
const TICKS_PER_SECOND: u32 = 100;

/// The market as a source of events named `quote`.
#[derive(Debug)]
pub struct Ticker {
    tape: Arc<Mutex<Tape>>,
    rate: NonZeroU32,
}

#[derive(Debug)]
struct Tape {
    market: Market,
    next_id: u64,
}

impl Ticker {
    /// A market from `seed` that trades `rate` times a second.
    pub fn new(seed: u64, rate: NonZeroU32) -> Self {
        let market = Market::new(seed);
        Self {
            tape: Arc::new(Mutex::new(Tape { market, next_id: 1 })),
            rate,
        }
    }
}

impl Source for Ticker {
    fn open(&self, resume: Option<EventId>) -> BoxFuture<'_, Result<Box<dyn Feed>, Error>> {
        Box::pin(async move {
            if let Some(last) = resume.and_then(|id| id.as_str().parse::<u64>().ok()) {
                let mut tape = self.tape.lock();
                tape.next_id = tape.next_id.max(last.saturating_add(1));
            }
            let rate = self.rate.get();
            let mut interval =
                tokio::time::interval(Duration::from_secs(1) / rate.min(TICKS_PER_SECOND));
            // A machine that slept does not make up for the trades it missed.
            interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
            let feed: Box<dyn Feed> = Box::new(TickerFeed {
                tape: Arc::clone(&self.tape),
                rate,
                owed: 0,
                interval,
            });
            Ok(feed)
        })
    }
}

#[derive(Debug)]
struct TickerFeed {
    tape: Arc<Mutex<Tape>>,
    rate: u32,
    /// Quotes owed, in parts of a tick.
    owed: u32,
    interval: Interval,
}

impl Feed for TickerFeed {
    fn next(&mut self) -> BoxFuture<'_, Result<Step, Error>> {
        Box::pin(async move {
            // Cancel safe: a tick that was not given is not used up.
            self.interval.tick().await;
            let ticks = self.rate.min(TICKS_PER_SECOND);
            self.owed = self.owed.saturating_add(self.rate);
            let count = self.owed / ticks;
            self.owed %= ticks;
            let mut tape = self.tape.lock();
            let events: Vec<_> = (0..count).map(|_| tape.event(clock::wall())).collect();
            drop(tape);
            Ok(Step::Items {
                bytes: events.iter().map(|event| event.data.len()).sum(),
                items: events.into_iter().map(Item::Event).collect(),
            })
        })
    }
}

impl Tape {
    fn event(&mut self, at: SystemTime) -> Event {
        let id = self.next_id;
        self.next_id = id.saturating_add(1);
        Event {
            id: EventId::new(&id.to_string()),
            own_id: true,
            name: EventName::new("quote"),
            data: self.market.tick().json(at),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn events(feed: &mut dyn Feed) -> Vec<Event> {
        let Ok(Step::Items { items, .. }) = feed.next().await else {
            panic!("a ticker neither ends nor fails");
        };
        items
            .into_iter()
            .map(|item| match item {
                Item::Event(event) => event,
                other => panic!("{other:?}"),
            })
            .collect()
    }

    fn ids(events: &[Event]) -> Vec<&str> {
        events
            .iter()
            .map(|event| event.id.as_ref().unwrap().as_str())
            .collect()
    }

    #[tokio::test(start_paused = true)]
    async fn ids_rise_by_one_over_feeds() {
        let ticker = Ticker::new(3, DEFAULT_RATE);
        let mut feed = ticker.open(None).await.unwrap();
        for want in ["1", "2"] {
            assert_eq!(ids(&events(&mut *feed).await), [want]);
        }
        drop(feed);
        let mut feed = ticker.open(EventId::new("2")).await.unwrap();
        assert_eq!(ids(&events(&mut *feed).await), ["3"]);
        drop(feed);
        let mut feed = ticker.open(EventId::new("41")).await.unwrap();
        assert_eq!(ids(&events(&mut *feed).await), ["42"]);
    }

    #[tokio::test(start_paused = true)]
    async fn the_rate_is_kept_above_and_below_the_tick() {
        for rate in [1, 12, 100, 1_234] {
            let ticker = Ticker::new(3, NonZeroU32::new(rate).unwrap());
            let mut feed = ticker.open(None).await.unwrap();
            let opened = tokio::time::Instant::now();
            let mut count = 0;
            while opened.elapsed() < Duration::from_secs(10) {
                count += events(&mut *feed).await.len();
            }
            let want = 10 * rate as usize;
            assert!(
                count.abs_diff(want) <= want / 10 + 1,
                "{rate}: {count} of {want}"
            );
        }
    }
}

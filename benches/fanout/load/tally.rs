//! What all clients saw together, over the window and over the whole run.

use serde_json::{Value, json};

use super::client::Kind;
use super::stream::leading_number;
use crate::histogram::Histogram;

/// When an event was sent, and its arrival so far.
#[derive(Debug, Clone, Copy, Default)]
struct Spread {
    stamp_ns: u64,
    latest_ns: u64,
    clients: usize,
}

/// Follows each event of the window to the last client.
#[derive(Debug)]
struct LastClient {
    readers: usize,
    first: Option<u64>,
    spreads: Vec<Spread>,
}

#[derive(Debug)]
pub(super) struct Tally {
    pub(super) events: u64,
    pub(super) gap_events: u64,
    pub(super) missed_announced: u64,
    pub(super) missed_silently: u64,
    pub(super) duplicates: u64,
    pub(super) disordered: u64,
    pub(super) malformed: u64,
    pub(super) refused: u64,
    /// Connections that ended while the crowd was still gathering, and were made again.
    pub(super) came_again: u64,
    /// Why the latest connection broke, if it did not just end.
    pub(super) trouble: Option<String>,
    bytes: u64,
    reads: u64,
    readers_ended: u64,
    stalled_ended: u64,
    /// `events`, `bytes`, `reads`, both kinds of ends when the window opened.
    before: [u64; 5],
    latency: Histogram,
    last_client: Option<LastClient>,
}

impl Tally {
    /// With the number of `readers`, each event is followed to the last one of them.
    pub(super) fn new(readers: Option<usize>) -> Self {
        Self {
            events: 0,
            gap_events: 0,
            missed_announced: 0,
            missed_silently: 0,
            duplicates: 0,
            disordered: 0,
            malformed: 0,
            refused: 0,
            came_again: 0,
            trouble: None,
            bytes: 0,
            reads: 0,
            readers_ended: 0,
            stalled_ended: 0,
            before: [0; 5],
            latency: Histogram::new(),
            last_client: readers.map(|readers| LastClient {
                readers,
                first: None,
                spreads: Vec::new(),
            }),
        }
    }

    pub(super) fn start_window(&mut self) {
        self.before = self.counts();
        self.latency = Histogram::new();
        if let Some(last_client) = &mut self.last_client {
            last_client.first = None;
            last_client.spreads.clear();
        }
    }

    pub(super) fn note_read(&mut self, length: usize) {
        self.reads += 1;
        self.bytes += length as u64;
    }

    pub(super) fn note_end(&mut self, kind: Kind) {
        match kind {
            // The slow ones have a tally of their own.
            Kind::Reader | Kind::Slow => self.readers_ended += 1,
            Kind::Stalled => self.stalled_ended += 1,
        }
    }

    pub(super) fn note_latency(&mut self, stamp: &[u8], now_ns: u64) {
        match leading_number(stamp) {
            Some((sent_ns, _)) => self.latency.record(now_ns.saturating_sub(sent_ns)),
            None => self.malformed += 1,
        }
    }

    pub(super) fn note_arrival(&mut self, number: u64, stamp: &[u8], now_ns: u64) {
        if let Some(last_client) = &mut self.last_client {
            last_client.note(number, stamp, now_ns);
        }
    }

    /// To be put after what has failed.
    pub(super) fn trouble_in_words(&self) -> String {
        let trouble = self.trouble.as_deref();
        trouble.map_or_else(String::new, |trouble| {
            format!("; the latest broke: {trouble}")
        })
    }

    pub(super) fn window_json(&self) -> Value {
        let now = self.counts();
        let grown = |at: usize| now[at] - self.before[at];
        json!({
            "events": grown(0),
            "bytes": grown(1),
            "reads": grown(2),
            "readers_ended": grown(3),
            "stalled_ended": grown(4),
            "latency_us": self.latency.summary(),
            "last_client_us": self.last_client.as_ref().map(LastClient::summary),
            "silence_us": self.last_client.as_ref().map(LastClient::longest_silence_us),
        })
    }

    pub(super) fn whole_run_json(&self) -> Value {
        json!({
            "events": self.events,
            "gap_events": self.gap_events,
            "missed_announced": self.missed_announced,
            "missed_silently": self.missed_silently,
            "duplicates": self.duplicates,
            "disordered": self.disordered,
            "malformed": self.malformed,
            "refused": self.refused,
            "came_again": self.came_again,
            "latest_trouble": self.trouble,
            "readers_ended": self.readers_ended,
            "stalled_ended": self.stalled_ended,
        })
    }

    fn counts(&self) -> [u64; 5] {
        [
            self.events,
            self.bytes,
            self.reads,
            self.readers_ended,
            self.stalled_ended,
        ]
    }
}

impl LastClient {
    fn note(&mut self, number: u64, stamp: &[u8], now_ns: u64) {
        // An event on its way when the window opened is not complete, and so not counted below.
        let first = *self.first.get_or_insert(number);
        let Some(index) = number.checked_sub(first) else {
            return;
        };
        let index = index as usize;
        if index >= self.spreads.len() {
            self.spreads.resize(index + 1, Spread::default());
        }
        let spread = &mut self.spreads[index];
        if spread.clients == 0 {
            spread.stamp_ns = leading_number(stamp).map_or(now_ns, |(sent_ns, _)| sent_ns);
        }
        spread.latest_ns = now_ns;
        spread.clients += 1;
    }

    /// The longest time between two events, each at the last client that had it.
    fn longest_silence_us(&self) -> f64 {
        let heard = self.spreads.iter().filter(|spread| spread.clients > 0);
        let times: Vec<_> = heard.map(|spread| spread.latest_ns).collect();
        let between = times.windows(2).map(|two| two[1].saturating_sub(two[0]));
        between.max().unwrap_or(0) as f64 / 1e3
    }

    /// Events that not every reader has yet are left out.
    fn summary(&self) -> Value {
        let mut histogram = Histogram::new();
        for spread in &self.spreads {
            if spread.clients >= self.readers {
                histogram.record(spread.latest_ns.saturating_sub(spread.stamp_ns));
            }
        }
        histogram.summary()
    }
}

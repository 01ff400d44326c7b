//! A log-linear histogram of nanoseconds: 64 steps per power of two, so 1.6 % wide at most.

use serde_json::{Value, json};

const STEP_BITS: u32 = 6;
const STEPS: usize = 1 << STEP_BITS;

#[derive(Debug)]
pub(crate) struct Histogram {
    counts: Vec<u64>,
    total: u64,
    max: u64,
}

impl Histogram {
    pub(crate) fn new() -> Self {
        let octaves = (u64::BITS - STEP_BITS + 1) as usize;
        Self {
            counts: vec![0; octaves * STEPS],
            total: 0,
            max: 0,
        }
    }

    pub(crate) fn record(&mut self, ns: u64) {
        self.counts[bucket(ns)] += 1;
        self.total += 1;
        self.max = self.max.max(ns);
    }

    pub(crate) fn quantile(&self, share: f64) -> u64 {
        let wanted = (self.total as f64 * share).ceil().max(1.0) as u64;
        let mut seen = 0;
        for (index, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= wanted {
                return upper_edge(index).min(self.max);
            }
        }
        self.max
    }

    /// Quantiles in microseconds.
    pub(crate) fn summary(&self) -> Value {
        let micros = |share| self.quantile(share) as f64 / 1e3;
        json!({
            "samples": self.total,
            "p50": micros(0.5),
            "p99": micros(0.99),
            "p999": micros(0.999),
            "max": self.max as f64 / 1e3,
        })
    }
}

fn bucket(ns: u64) -> usize {
    let octave = (u64::BITS - ns.leading_zeros()).saturating_sub(STEP_BITS + 1);
    let step = (ns >> octave) as usize;
    octave as usize * STEPS + step
}

fn upper_edge(index: usize) -> u64 {
    let octave = (index / STEPS).saturating_sub(1);
    let step = index - octave * STEPS;
    ((step as u64 + 1) << octave).saturating_sub(1)
}

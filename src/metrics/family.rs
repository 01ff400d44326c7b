//! One metric and all its series: registration and resolution, the only place that may fail.

use prometheus::Registry;
use prometheus::core::{Atomic, Collector, GenericCounter, GenericGauge};
use prometheus::core::{GenericCounterVec, GenericGaugeVec};
use prometheus::{Counter, Histogram, HistogramOpts, HistogramVec, IntCounter, IntGauge, Opts};

/// A metric with its label names; `T` is the handle of one series.
#[derive(Debug)]
pub struct Family<T>(Resolve<T>);

struct Resolve<T>(Box<ByValues<T>>);

type ByValues<T> = dyn Fn(&[&str]) -> T + Send + Sync;

impl<T> std::fmt::Debug for Resolve<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Resolve")
    }
}

/// One handle for each value of a label enum; indexing it is an array access.
#[derive(Debug)]
pub struct ByLabel<T>(Box<[T]>);

impl<T> ByLabel<T> {
    /// The handle of one value.
    #[expect(clippy::indexing_slicing, reason = "built from the same enum's ALL")]
    pub fn of(&self, label: impl Into<usize>) -> &T {
        &self.0[label.into()]
    }

    /// Every handle, in the order of the enum.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.iter()
    }
}

/// One of a gauge; leaves it when dropped.
#[derive(Debug)]
pub struct GaugeGuard(IntGauge);

impl GaugeGuard {
    /// One more.
    pub fn enter(gauge: &IntGauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for GaugeGuard {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl<T> Family<T> {
    /// The series with these label values; one value for each name.
    pub fn with(&self, values: &[&str]) -> T {
        (self.0.0)(values)
    }

    /// The series of every value of a label enum, whose label is the last one.
    pub fn by_label<L: Copy>(
        &self,
        values: &[&str],
        all: &[L],
        text: impl Fn(L) -> &'static str,
    ) -> ByLabel<T> {
        ByLabel(
            all.iter()
                .map(|label| {
                    let mut values = values.to_vec();
                    values.push(text(*label));
                    self.with(&values)
                })
                .collect(),
        )
    }
}

impl Family<IntCounter> {
    /// Registers a counter.
    pub fn counter(r: &Registry, name: &str, help: &str, labels: &[&str]) -> Self {
        counter_vec(r, name, help, labels)
    }
}

impl Family<Counter> {
    /// Registers a counter of a measured quantity such as seconds.
    pub fn float_counter(r: &Registry, name: &str, help: &str, labels: &[&str]) -> Self {
        counter_vec(r, name, help, labels)
    }
}

impl Family<IntGauge> {
    /// Registers a gauge.
    pub fn gauge(r: &Registry, name: &str, help: &str, labels: &[&str]) -> Self {
        let vec = GenericGaugeVec::new(Opts::new(name, help), labels);
        let vec = registered(r, vec);
        Self(Resolve(Box::new(move |values| -> GenericGauge<_> {
            vec.with_label_values(values)
        })))
    }
}

impl Family<Histogram> {
    /// Registers a histogram with these upper bounds.
    pub fn histogram(r: &Registry, opts: (&str, &str), labels: &[&str], buckets: &[f64]) -> Self {
        let opts = HistogramOpts::new(opts.0, opts.1).buckets(buckets.to_vec());
        let vec = registered(r, HistogramVec::new(opts, labels));
        Self(Resolve(Box::new(move |values| {
            vec.with_label_values(values)
        })))
    }
}

fn counter_vec<P: Atomic + 'static>(
    r: &Registry,
    name: &str,
    help: &str,
    labels: &[&str],
) -> Family<GenericCounter<P>> {
    let vec = registered(r, GenericCounterVec::new(Opts::new(name, help), labels));
    Family(Resolve(Box::new(move |values| {
        vec.with_label_values(values)
    })))
}

#[expect(
    clippy::expect_used,
    reason = "names are literals of this module; a test builds them all"
)]
pub(super) fn registered<V: Collector + Clone + 'static>(
    r: &Registry,
    vec: prometheus::Result<V>,
) -> V {
    let vec = vec.expect("a metric's name and labels are valid");
    r.register(Box::new(vec.clone()))
        .expect("a metric is registered once");
    vec
}

//! What a run yields.

use crate::load::{Histogram, Tally};
use std::collections::BTreeMap;
use std::time::Duration;

/// A number with a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Figure {
    CpuPerDelivery,
    CpuPerPublish,
    CpuPerClient,
    DeliveriesPerS,
    P50,
    P99,
    CaughtUp,
    Resident,
    PerConnection,
    LostByStalled,
}

impl Figure {
    /// What stands above its column.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Figure::CpuPerDelivery => "CPU µs/delivery",
            Figure::CpuPerPublish => "CPU µs/publish",
            Figure::CpuPerClient => "CPU µs/client",
            Figure::DeliveriesPerS => "deliveries/s",
            Figure::P50 => "p50 ms",
            Figure::P99 => "p99 ms",
            Figure::CaughtUp => "caught up ms",
            Figure::Resident => "RSS MiB",
            Figure::PerConnection => "KiB/connection",
            Figure::LostByStalled => "lost by stalled",
        }
    }
}

/// Figures of one run, and what went wrong.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) figures: BTreeMap<Figure, f64>,
    pub(crate) faults: Faults,
    /// How much of its time the load generator's receiving thread was busy.
    pub(crate) load: f64,
}

/// What must not be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Faults {
    /// Deliveries that never came.
    pub(crate) lost: u64,
    /// That came again, or out of order.
    pub(crate) repeated: u64,
    /// That came to a subscriber of another topic.
    pub(crate) foreign: u64,
    /// Streams that the server ended.
    pub(crate) closed: u64,
}

/// Above this share of a core, the load generator was what limited a run.
const LIMIT: f64 = 0.9;

impl Outcome {
    pub(crate) fn set(&mut self, figure: Figure, value: f64) {
        self.figures.insert(figure, value);
    }

    pub(crate) fn set_latency(&mut self, latency: &Histogram) {
        for (figure, share) in [(Figure::P50, 0.5), (Figure::P99, 0.99)] {
            if let Some(ns) = latency.quantile(share) {
                self.set(figure, ns as f64 / 1e6);
            }
        }
    }

    /// CPU time for each of so many, in microseconds.
    pub(crate) fn set_cpu(&mut self, figure: Figure, cpu: Duration, count: u64) {
        self.set(figure, cpu.as_secs_f64() * 1e6 / count.max(1) as f64);
    }

    pub(crate) fn load_was_the_limit(&self) -> bool {
        self.load > LIMIT
    }
}

impl Faults {
    pub(crate) fn of(tally: &Tally, expected: u64) -> Self {
        let lost = expected.saturating_sub(tally.received);
        let Tally { repeated, foreign, closed, .. } = *tally;
        Faults { lost, repeated, foreign, closed }
    }

    pub(crate) fn any(self) -> bool {
        self != Faults::default()
    }
}

/// The middle one, and the least and the greatest.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) least: f64,
    pub(crate) most: f64,
}

impl Spread {
    /// None of no values.
    pub(crate) fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let (least, most) = (*values.first()?, *values.last()?);
        let median = f64::midpoint(values[(values.len() - 1) / 2], values[values.len() / 2]);
        Some(Spread { median, least, most })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(Spread::of([]), None);
        let spread = |median, least, most| Some(Spread { median, least, most });
        assert_eq!(Spread::of([3.0, 1.0, 2.5]), spread(2.5, 1.0, 3.0));
        assert_eq!(Spread::of([4.0, 1.0, 2.0, 3.0]), spread(2.5, 1.0, 4.0));
    }

    #[test]
    fn what_does_not_come_is_lost() {
        let tally = Tally { received: 7, foreign: 1, ..Tally::default() };
        let faults = Faults::of(&tally, 10);
        assert_eq!(faults, Faults { lost: 3, foreign: 1, ..Faults::default() });
        assert!(faults.any());
        assert!(!Faults::of(&Tally { received: 10, ..Tally::default() }, 10).any());
    }
}

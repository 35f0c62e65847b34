//! Many latencies in little memory.

/// Counts of nanoseconds, each to three per cent.
#[derive(Clone, Debug)]
pub(crate) struct Histogram {
    counts: Vec<u64>,
    total: u64,
}

/// Steps in each power of two, of which there are 64.
const STEPS: u64 = 32;

impl Default for Histogram {
    fn default() -> Self {
        Histogram { counts: vec![0; 64 * STEPS as usize], total: 0 }
    }
}

impl Histogram {
    pub(crate) fn add(&mut self, ns: u64) {
        self.counts[place(ns)] += 1;
        self.total += 1;
    }

    /// What `share` of all values do not exceed, in nanoseconds; none if there are no values.
    pub(crate) fn quantile(&self, share: f64) -> Option<u64> {
        let rank = ((self.total as f64 * share).ceil() as u64).max(1);
        let mut seen = 0;
        let reached = self.counts.iter().position(|count| {
            seen += count;
            seen >= rank
        });
        reached.map(least)
    }
}

fn place(ns: u64) -> usize {
    let shift = u64::from(ns.max(STEPS).ilog2() - STEPS.ilog2());
    (shift * STEPS + (ns >> shift)) as usize
}

/// The least value of a place.
fn least(place: usize) -> u64 {
    let place = place as u64;
    match place / STEPS {
        0 | 1 => place,
        power => (place % STEPS + STEPS) << (power - 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_found_to_three_per_cent() {
        for ns in (0..40).map(|power| 3u64.pow(power) / 2).chain([31, 32, 33, 63, 64, u64::MAX]) {
            let found = least(place(ns));
            assert!(found <= ns && ns - found <= ns / 32, "{ns} is found as {found}");
        }
    }

    #[test]
    fn quantiles_are_those_of_the_values() {
        let mut histogram = Histogram::default();
        assert_eq!(histogram.quantile(0.5), None);
        (1..=30).for_each(|ns| histogram.add(ns));
        assert_eq!(histogram.quantile(0.5), Some(15));
        assert_eq!(histogram.quantile(0.99), Some(30));
        assert_eq!(histogram.quantile(0.0), Some(1));
    }
}

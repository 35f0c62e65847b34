//! What the framework is compared with.

use crate::figure::{Figure, Spread};
use crate::results::Results;
use crate::scenario::Scenario;
use crate::system::System;

/// A figure of one run over that of another of the same round.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ratio {
    pub(crate) about: &'static str,
    top: (Scenario, System),
    bottom: (Scenario, System),
    figure: Figure,
    /// What we want it to be.
    pub(crate) aim: Aim,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Aim {
    AtMost(f64),
    AtLeast(f64),
}

impl Aim {
    pub(crate) fn is_met(self, value: f64) -> bool {
        match self {
            Aim::AtMost(most) => value <= most,
            Aim::AtLeast(least) => value >= least,
        }
    }
}

/// All of them, in the order of the tables.
pub(crate) fn all() -> Vec<Ratio> {
    use Aim::*;
    use Figure::*;
    use Scenario::*;
    use System::*;
    let same = |about, scenario, top, bottom, figure, aim| Ratio {
        about,
        top: (scenario, top),
        bottom: (scenario, bottom),
        figure,
        aim,
    };
    let runs = |about, top, bottom, figure, aim| Ratio {
        about,
        top: (top, Framework),
        bottom: (bottom, Framework),
        figure,
        aim,
    };
    #[rustfmt::skip]
    let all = vec![
        same("paced: CPU, to the floor", Paced, Framework, Floor, CpuPerDelivery, AtMost(1.15)),
        same("paced: CPU, to by hand", Paced, Framework, ByHand, CpuPerDelivery, AtMost(0.65)),
        same("paced, under axum::serve: CPU, to by hand", Paced, UnderAxum, ByHand, CpuPerDelivery, AtMost(0.85)),
        same("closed loop: deliveries/s, to by hand", Closed, Framework, ByHand, DeliveriesPerS, AtLeast(8.0)),
        same("closed loop, under axum::serve: deliveries/s, to by hand", Closed, UnderAxum, ByHand, DeliveriesPerS, AtLeast(3.0)),
        same("closed loop: deliveries/s, to buffered", Closed, Framework, Buffered, DeliveriesPerS, AtLeast(0.9)),
        same("burst: CPU, to by hand", Burst, Framework, ByHand, CpuPerDelivery, AtMost(0.25)),
        same("burst: deliveries/s, to buffered", Burst, Framework, Buffered, DeliveriesPerS, AtLeast(0.9)),
        same("idle: memory, to by hand", Idle, Framework, ByHand, PerConnection, AtMost(0.1)),
        same("storm: time, to by hand", Storm, Framework, ByHand, CaughtUp, AtMost(0.45)),
        same("storm: CPU, to by hand", Storm, Framework, ByHand, CpuPerClient, AtMost(0.3)),
        same("storm from the disk: time, to by hand from memory", StormFromDisk, Framework, ByHand, CaughtUp, AtMost(1.0)),
        runs("one reader stalls: p99 of the others, to none stalls", Stalled, Steady, P99, AtMost(1.2)),
        runs("10,000 topics: CPU of a publish, to 100 topics", Topics, FewTopics, CpuPerPublish, AtMost(1.2)),
        same("10,000 topics, calm: CPU of a publish, to by hand", CalmTopics, Framework, ByHand, CpuPerPublish, AtMost(0.05)),
        same("one subscriber: p50, to one sync and one round trip", Latency, Framework, Disk, P50, AtMost(1.3)),
    ];
    all
}

impl Ratio {
    /// Its value in each round that has both runs.
    pub(crate) fn spread(&self, results: &Results) -> Option<Spread> {
        let values = |(scenario, system)| {
            let outcomes = results.outcomes(scenario, system).iter();
            outcomes.map(|outcome| outcome.figures.get(&self.figure).copied())
        };
        let pairs = values(self.top).zip(values(self.bottom));
        Spread::of(pairs.filter_map(|(top, bottom)| Some(top? / bottom?)))
    }
}

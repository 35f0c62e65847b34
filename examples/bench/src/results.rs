//! The outcomes of all runs.

use crate::figure::{Faults, Figure, Outcome, Spread};
use crate::scenario::Scenario;
use crate::system::System;
use std::collections::BTreeMap;

/// By what was run; of each, one a round.
#[derive(Debug, Default)]
pub(crate) struct Results(BTreeMap<(Scenario, System), Vec<Outcome>>);

impl Results {
    pub(crate) fn add(&mut self, scenario: Scenario, system: System, outcome: Outcome) {
        self.0.entry((scenario, system)).or_default().push(outcome);
    }

    /// In the order of the rounds.
    pub(crate) fn outcomes(&self, scenario: Scenario, system: System) -> &[Outcome] {
        self.0.get(&(scenario, system)).map_or(&[], Vec::as_slice)
    }

    /// What has been run.
    pub(crate) fn scenarios(&self) -> Vec<Scenario> {
        let mut scenarios: Vec<_> = self.0.keys().map(|(scenario, _)| *scenario).collect();
        scenarios.dedup();
        scenarios
    }

    pub(crate) fn spread(
        &self,
        scenario: Scenario,
        system: System,
        figure: Figure,
    ) -> Option<Spread> {
        let outcomes = self.outcomes(scenario, system).iter();
        Spread::of(outcomes.filter_map(|outcome| outcome.figures.get(&figure).copied()))
    }

    /// Whether the load generator was what limited any of these runs.
    pub(crate) fn load_was_the_limit(&self, scenario: Scenario, system: System) -> bool {
        self.outcomes(scenario, system).iter().any(Outcome::load_was_the_limit)
    }

    /// The runs in which something went wrong.
    pub(crate) fn faults(&self) -> impl Iterator<Item = (Scenario, System, Faults)> {
        self.0.iter().flat_map(|((scenario, system), outcomes)| {
            let faults = outcomes.iter().map(|outcome| outcome.faults).filter(|it| it.any());
            faults.map(|faults| (*scenario, *system, faults))
        })
    }

    /// Whether nothing went wrong with the framework.
    pub(crate) fn framework_is_right(&self) -> bool {
        !self.faults().any(|(_, system, _)| system.is_ours())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_faults_of_ours_are_a_failure() {
        let faulty =
            Outcome { faults: Faults { lost: 1, ..Faults::default() }, ..Outcome::default() };
        let mut results = Results::default();
        results.add(Scenario::Stalled, System::ByHand, faulty.clone());
        results.add(Scenario::Stalled, System::Framework, Outcome::default());
        assert!(results.framework_is_right());
        results.add(Scenario::Stalled, System::UnderAxum, faulty);
        assert!(!results.framework_is_right());
        assert_eq!(results.faults().count(), 2);
    }
}

//! What is shown of the results.

mod svg;
mod table;

pub(crate) use self::svg::plot;
pub(crate) use self::table::{Table, number};

use crate::figure::{Faults, Spread};
use crate::ratio::{self, Aim};
use crate::results::Results;
use crate::scenario::Scenario;
use crate::system::System;

/// The tables: first the ratios, then the figures that they are of.
pub(crate) fn tables(results: &Results) -> Vec<Table> {
    let scenarios = results.scenarios();
    let figures = scenarios.iter().map(|scenario| figures(results, *scenario));
    std::iter::once(ratios(results)).chain(figures).collect()
}

fn ratios(results: &Results) -> Table {
    let mut table = Table::new("Ratios", &["the framework", "median", "least to most", "aim"]);
    for ratio in ratio::all() {
        let Some(Spread { median, least, most }) = ratio.spread(results) else { continue };
        let aim = match ratio.aim {
            Aim::AtMost(most) => format!("≤ {most}"),
            Aim::AtLeast(least) => format!("≥ {least}"),
        };
        let aim = if ratio.aim.is_met(median) { aim } else { format!("{aim} (missed)") };
        let spread = format!("{} to {}", number(least), number(most));
        table.row([ratio.about.to_owned(), number(median), spread, aim]);
    }
    table
}

fn figures(results: &Results, scenario: Scenario) -> Table {
    let titles = scenario.figures().iter().map(|figure| figure.title());
    let head: Vec<_> = std::iter::once("").chain(titles).collect();
    let mut table = Table::new(scenario.name(), &head);
    for system in scenario.systems() {
        if results.outcomes(scenario, *system).is_empty() {
            continue;
        }
        let limited = results.load_was_the_limit(scenario, *system);
        let name = format!("{}{}", system.name(), if limited { " ★" } else { "" });
        let figures = scenario.figures().iter().map(|figure| {
            let spread = results.spread(scenario, *system, *figure);
            spread.map_or("-".to_owned(), |spread| number(spread.median))
        });
        table.row(std::iter::once(name).chain(figures));
    }
    table
}

/// What is to be said beside the tables: where they say too little, and what went wrong.
pub(crate) fn notes(results: &Results) -> Vec<String> {
    let limited = results.scenarios().into_iter().any(|scenario| {
        scenario.systems().iter().any(|system| results.load_was_the_limit(scenario, *system))
    });
    let limit = "A star: the load generator was the limit, the server can do more than this.";
    let fault = |(scenario, system, faults): (Scenario, System, Faults)| {
        let Faults { lost, repeated, foreign, closed } = faults;
        format!(
            "Wrong in {}, {}: {lost} lost, {repeated} repeated, {foreign} foreign, \
             {closed} streams ended.",
            scenario.name(),
            system.name()
        )
    };
    let limit = limited.then(|| limit.to_owned());
    limit.into_iter().chain(results.faults().map(fault)).collect()
}

/// The page of figures that the book includes.
pub(crate) fn markdown(results: &Results, about: &str) -> String {
    let tables = tables(results).into_iter().map(|table| format!("\n{}", table.markdown()));
    let notes = notes(results).into_iter().map(|note| format!("\n{note}\n"));
    format!("{about}\n{}{}", tables.collect::<String>(), notes.collect::<String>())
}

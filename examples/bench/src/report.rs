//! What is shown of the results.

mod svg;
mod table;

pub(crate) use self::svg::plot;
pub(crate) use self::table::{Table, number};

use crate::figure::Spread;
use crate::load_note;
use crate::ratio::{self, Aim};
use crate::results::Results;
use crate::scenario::Scenario;

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
        let name = format!("{}{}", system.name(), if limited { " *" } else { "" });
        let figures = scenario.figures().iter().map(|figure| {
            let spread = results.spread(scenario, *system, *figure);
            spread.map_or("-".to_owned(), |spread| number(spread.median))
        });
        table.row(std::iter::once(name).chain(figures));
    }
    table
}

/// What went wrong, a line for each run.
pub(crate) fn faults(results: &Results) -> Vec<String> {
    let line = |(scenario, system, faults): (Scenario, crate::system::System, _)| {
        format!("{}, {}: {faults:?}", scenario.name(), system.name())
    };
    results.faults().map(line).collect()
}

/// The page of figures that the book includes.
pub(crate) fn markdown(results: &Results, about: &str) -> String {
    let mut page = format!("{about}\n");
    for table in tables(results) {
        page.push_str(&format!("\n{}", table.markdown()));
    }
    let limited = results.scenarios().into_iter().any(|scenario| {
        scenario.systems().iter().any(|system| results.load_was_the_limit(scenario, *system))
    });
    if limited {
        page.push_str(&format!("\n{}\n", load_note()));
    }
    let wrong = faults(results);
    if !wrong.is_empty() {
        page.push_str("\nWhat went wrong, by run:\n\n");
        wrong.iter().for_each(|line| page.push_str(&format!("- {line}\n")));
    }
    page
}

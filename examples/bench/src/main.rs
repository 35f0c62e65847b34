//! Measures the framework through real sockets, against the same server written by hand and
//! against the least that a server can do. The book's page on performance explains the figures.
#![cfg(target_os = "linux")]

mod direct;
mod figure;
mod growth;
mod load;
mod machine;
mod meter;
mod options;
mod ratio;
mod report;
mod results;
mod run;
mod scenario;
mod server;
mod servers;
mod system;

use options::{Mode, Options};
use results::Results;
use std::error::Error;
use std::fs;
use std::process::ExitCode;

type Failure = Box<dyn Error + Send + Sync>;

fn main() -> ExitCode {
    match run_mode() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

/// False if the framework has lost, repeated or misdirected an event.
fn run_mode() -> Result<bool, Failure> {
    let options = options::read()?;
    match &options.mode {
        Mode::Serve(system) => servers::run(*system, &options.data).map(|()| true),
        Mode::Row(kind, count) => growth::row(*kind, *count, &options).map(|()| true),
        Mode::Compare => compare(&options),
        Mode::Growth => {
            machine::raise_descriptors()?;
            growth::run(&options)
        }
    }
}

fn compare(options: &Options) -> Result<bool, Failure> {
    machine::raise_descriptors()?;
    fs::create_dir_all(&options.data)?;
    let mut results = Results::default();
    for round in 0..options.rounds {
        for scenario in &options.scenarios {
            let mut systems = scenario.systems().to_vec();
            // Who comes first is another one in each round.
            let first = round % systems.len();
            systems.rotate_left(first);
            for system in systems {
                eprintln!("round {}: {}, {}", round + 1, scenario.name(), system.name());
                let outcome = run::run(system, scenario.plan(options.quick), &options.data)
                    .map_err(|error| format!("{}, {}: {error}", scenario.name(), system.name()))?;
                results.add(*scenario, system, outcome);
            }
        }
    }
    show(options, &results)?;
    Ok(results.framework_is_right())
}

fn show(options: &Options, results: &Results) -> Result<(), Failure> {
    let quick = if options.quick { " A quick run: its figures mean nothing." } else { "" };
    let about = format!("{}; rounds: {}.{quick}", machine::facts(), options.rounds);
    println!("{about}\n");
    report::tables(results).iter().for_each(|table| println!("{}", table.text()));
    report::notes(results).iter().for_each(|line| println!("{line}"));
    if let Some(file) = &options.markdown {
        fs::write(file, report::markdown(results, &about))?;
    }
    if let Some(file) = &options.svg {
        fs::write(file, report::plot(results))?;
    }
    Ok(())
}

//! The command line.

use crate::Failure;
use crate::growth::Kind;
use crate::scenario::Scenario;
use crate::system::System;
use lexopt::prelude::*;
use std::path::PathBuf;

const USAGE: &str = "\
usage: example-bench [--rounds N] [--scenarios NAME,NAME] [--quick] [--data DIR]
                     [--markdown FILE] [--svg FILE]
       example-bench --growth [--large] [--quick] [--data DIR] [--markdown FILE]";

#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) mode: Mode,
    pub(crate) rounds: usize,
    pub(crate) scenarios: Vec<Scenario>,
    /// Everything small: to see that it works, not what it costs.
    pub(crate) quick: bool,
    /// A history of ten million events, too.
    pub(crate) large: bool,
    /// Where logs are written; should be on the disk that is of interest.
    pub(crate) data: PathBuf,
    pub(crate) markdown: Option<PathBuf>,
    pub(crate) svg: Option<PathBuf>,
}

#[derive(Debug)]
pub(crate) enum Mode {
    Compare,
    Growth,
    /// To measure one row of a table of growth.
    Row(Kind, u64),
    /// To be one of the systems.
    Serve(System),
}

pub(crate) fn read() -> Result<Options, Failure> {
    let data = std::env::current_exe()?.with_file_name("bench-data");
    let mut options = Options {
        mode: Mode::Compare,
        rounds: 5,
        scenarios: Scenario::ALL.to_vec(),
        quick: false,
        large: false,
        data,
        markdown: None,
        svg: None,
    };
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("rounds") => options.rounds = arguments.value()?.parse()?,
            Long("scenarios") => options.scenarios = scenarios(&arguments.value()?.string()?)?,
            Long("quick") => options.quick = true,
            Long("large") => options.large = true,
            Long("growth") => options.mode = Mode::Growth,
            Long("data") => options.data = arguments.value()?.into(),
            Long("markdown") => options.markdown = Some(arguments.value()?.into()),
            Long("svg") => options.svg = Some(arguments.value()?.into()),
            Long("row") => {
                let kind = Kind::named(&arguments.value()?.string()?).ok_or("no such table")?;
                options.mode = Mode::Row(kind, arguments.value()?.parse()?);
            }
            Long("serve") => {
                let system = System::named(&arguments.value()?.string()?);
                options.mode = Mode::Serve(system.ok_or("no such system")?);
            }
            other => return Err(format!("{}\n{USAGE}", other.unexpected()).into()),
        }
    }
    Ok(options)
}

fn scenarios(names: &str) -> Result<Vec<Scenario>, Failure> {
    let scenario = |name| {
        let all = || Scenario::ALL.map(Scenario::name).join(", ");
        Scenario::named(name).ok_or_else(|| format!("no scenario `{name}`; there are {}", all()))
    };
    Ok(names.split(',').map(scenario).collect::<Result<_, _>>()?)
}

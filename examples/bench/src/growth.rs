//! How figures grow with subscribers, with history, and with topics.

mod history;
mod subscribers;
mod topics;

use crate::options::Options;
use crate::report::{Table, number};
use crate::{Failure, machine};
use std::fs;
use std::process::{Command, Stdio};

/// What grows within a process that is measured itself, a fresh one for each row of the table.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    History,
    Topics,
}

/// False if an event was lost, repeated or misdirected.
pub(crate) fn run(options: &Options) -> Result<bool, Failure> {
    fs::create_dir_all(&options.data)?;
    let (subscribers, right) = subscribers::measure(options)?;
    let tables = [subscribers, Kind::History.measure(options)?, Kind::Topics.measure(options)?];
    let about = format!("{}.", machine::facts());
    println!("{about}\n");
    tables.iter().for_each(|table| println!("{}", table.text()));
    if let Some(file) = &options.markdown {
        let page = tables.iter().map(|table| format!("\n{}", table.markdown()));
        fs::write(file, format!("{about}\n{}", page.collect::<String>()))?;
    }
    Ok(right)
}

/// Measures one row, and prints it.
pub(crate) fn row(kind: Kind, count: u64, options: &Options) -> Result<(), Failure> {
    let directory = tempfile::Builder::new().prefix("growth-").tempdir_in(&options.data)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let numbers = runtime.block_on(async {
        match kind {
            Kind::History => history::row(directory.path(), count).await,
            Kind::Topics => topics::row(directory.path(), count, options.quick).await,
        }
    })?;
    numbers.into_iter().for_each(|value| println!("{}", number(value)));
    Ok(())
}

impl Kind {
    pub(crate) fn named(name: &str) -> Option<Self> {
        [Kind::History, Kind::Topics].into_iter().find(|kind| kind.title() == name)
    }

    fn title(self) -> &'static str {
        match self {
            Kind::History => "History",
            Kind::Topics => "Topics",
        }
    }

    fn head(self) -> &'static [&'static str] {
        match self {
            Kind::History => &history::HEAD,
            Kind::Topics => &topics::HEAD,
        }
    }

    fn counts(self, options: &Options) -> &'static [u64] {
        match (self, options.quick, options.large) {
            (_, true, _) => &[200, 500],
            (Kind::History, _, false) => &[10_000, 100_000, 1_000_000],
            (Kind::History, _, true) => &[10_000, 100_000, 1_000_000, 10_000_000],
            (Kind::Topics, ..) => &[1, 10, 100, 1_000, 10_000, 100_000],
        }
    }

    fn measure(self, options: &Options) -> Result<Table, Failure> {
        let mut table = Table::new(self.title(), self.head());
        for count in self.counts(options) {
            eprintln!("{}: {count}", self.title());
            let mut command = Command::new(std::env::current_exe()?);
            command.args(["--row", self.title(), &count.to_string(), "--data"]);
            command.arg(&options.data).stderr(Stdio::inherit());
            if options.quick {
                command.arg("--quick");
            }
            let output = command.output()?;
            if !output.status.success() {
                return Err(format!("{}: {count} was not measured", self.title()).into());
            }
            let numbers = String::from_utf8(output.stdout)?;
            let numbers = numbers.lines().map(str::to_owned);
            table.row(std::iter::once(number(*count as f64)).chain(numbers));
        }
        Ok(table)
    }
}

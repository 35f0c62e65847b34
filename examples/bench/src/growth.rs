//! How figures grow with subscribers, with history, and with topics.

mod history;
mod subscribers;
mod topics;

use crate::options::Options;
use crate::{Failure, machine};
use std::fs;

/// False if an event was lost, repeated or misdirected.
pub(crate) fn run(options: &Options) -> Result<bool, Failure> {
    fs::create_dir_all(&options.data)?;
    let (subscribers, right) = subscribers::measure(options)?;
    let tables = [subscribers, history::measure(options)?, topics::measure(options)?];
    let about = format!("{}.", machine::facts());
    println!("{about}\n");
    tables.iter().for_each(|table| println!("{}", table.text()));
    if let Some(file) = &options.markdown {
        let page = tables.iter().map(|table| format!("\n{}", table.markdown()));
        fs::write(file, format!("{about}\n{}", page.collect::<String>()))?;
    }
    Ok(right)
}

//! A tool for the log of an app that is not running: what is in it, is it sound, and what to do if
//! it is not.

mod print;
mod show;

use lexopt::prelude::*;
use print::Lines;
use sse_framework::{SchemasFlaw, SledLog};
use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

const USAGE: &str = "\
usage: logctl stats DIR             what the log consists of
       logctl verify DIR            reads everything; exit code 1 if something is damaged
       logctl salvage DIR           gives up what is damaged and keeps the rest
       logctl export DIR [--after SEQ]   every record as a line of JSON
       logctl tail DIR [--lines N]       the newest records, 10 if not said otherwise";

struct Options {
    command: String,
    log: SledLog,
    after: u64,
    lines: usize,
}

fn main() -> ExitCode {
    match options().and_then(run) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("logctl: {error}");
            let mut cause = error.source();
            while let Some(error) = cause {
                eprintln!("  because: {error}");
                cause = error.source();
            }
            ExitCode::from(2)
        }
    }
}

fn options() -> Result<Options, Box<dyn Error>> {
    let (mut values, mut after, mut lines) = (Vec::new(), 0, 10);
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("after") => after = arguments.value()?.parse()?,
            Long("lines") => lines = arguments.value()?.parse()?,
            Value(value) => values.push(value),
            argument => return Err(format!("{}\n{USAGE}", argument.unexpected()).into()),
        }
    }
    let Ok([command, directory]) = <[_; 2]>::try_from(values) else { return Err(USAGE.into()) };
    let (command, log) = (command.string()?, SledLog::new(PathBuf::from(directory)));
    Ok(Options { command, log, after, lines })
}

fn run(options: Options) -> Result<ExitCode, Box<dyn Error>> {
    match options.command.as_str() {
        "stats" => show::stats(&options.log.stats()?),
        "verify" => return verify(&options.log),
        "salvage" => salvage(&options.log)?,
        "export" => export(&options.log, options.after)?,
        "tail" => tail(&options.log, options.lines)?,
        _ => return Err(USAGE.into()),
    }
    Ok(ExitCode::SUCCESS)
}

// ANCHOR: verify
fn verify(log: &SledLog) -> Result<ExitCode, Box<dyn Error>> {
    let mut bar = print::Bar::new("verifying");
    let found = log.verify(&mut |progress| bar.show(progress))?;
    bar.end();
    for damage in &found.damages {
        let (first, last) = (damage.records.start(), damage.records.end());
        println!("damaged: records {first} to {last} in {}", damage.path.display());
    }
    for index in &found.indexes {
        println!("damaged: the index in {}, which loses no record", index.display());
    }
    if let Some(flaw) = &found.schemas {
        println!("{flaw}");
    }
    if found.damages.is_empty() {
        println!("everything is there");
    }
    let schemas_damaged = matches!(found.schemas, Some(SchemasFlaw::Damaged(_)));
    let is_sound = found.damages.is_empty() && found.indexes.is_empty() && !schemas_damaged;
    if !is_sound {
        println!("`logctl salvage` gives up what is damaged and mends the rest");
    }
    // Without schemas a log can be opened, with those of another version it cannot.
    let opens = matches!(found.schemas, None | Some(SchemasFlaw::Missing));
    Ok(if is_sound && opens { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
// ANCHOR_END: verify

fn salvage(log: &SledLog) -> Result<(), Box<dyn Error>> {
    let mut bar = print::Bar::new("salvaging");
    let report = log.salvage(&mut |progress| bar.show(progress))?;
    bar.end();
    for part in &report.segments {
        println!("kept aside: {}", part.path.display());
    }
    for lost in &report.lost {
        println!("lost: records {} to {}", lost.start(), lost.end());
    }
    if let Some(schemas) = &report.schemas {
        println!("kept aside: {}", schemas.display());
    }
    println!("the log can be opened");
    Ok(())
}

fn export(log: &SledLog, after: u64) -> Result<(), Box<dyn Error>> {
    let (mut bar, mut lines) = (print::Bar::new("exporting"), Lines::new());
    log.export(after, &mut |found, progress| {
        bar.show(progress);
        lines.write(found)
    })?;
    bar.end();
    lines.end()
}

fn tail(log: &SledLog, count: usize) -> Result<(), Box<dyn Error>> {
    let Some((_, newest)) = log.stats()?.records else { return Ok(()) };
    let (mut bar, mut lines) = (print::Bar::new("reading"), Lines::new());
    log.export(newest.seq().saturating_sub(count as u64), &mut |found, progress| {
        bar.show(progress);
        lines.write(found)
    })?;
    bar.end();
    lines.end()
}

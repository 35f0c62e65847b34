//! Lines of JSON, and a bar that shows how far it is.

use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use serde_json::value::RawValue;
use sse_framework::{Exported, Progress, RecordRef};
use std::error::Error;
use std::io::{self, BufWriter, ErrorKind, IsTerminal, Stdout, Write};
use std::ops::ControlFlow;

#[derive(Serialize)]
struct Line<'a> {
    id: String,
    time_ms: u64,
    topic: Option<&'a str>,
    name: &'a str,
    version: u32,
    data: &'a RawValue,
}

/// A record as a line of JSON.
fn line(record: &RecordRef<'_>) -> Result<String, serde_json::Error> {
    let RecordRef { id, time_ms, topic, name, version, data, .. } = *record;
    let data: &RawValue = serde_json::from_slice(data)?;
    serde_json::to_string(&Line { id: id.to_string(), time_ms, topic, name, version, data })
}

/// Lines on the standard output.
pub(crate) struct Lines {
    out: BufWriter<Stdout>,
    failed: Option<Box<dyn Error>>,
}

impl Lines {
    pub(crate) fn new() -> Self {
        Lines { out: BufWriter::new(io::stdout()), failed: None }
    }

    /// Breaks when nothing more can be written.
    pub(crate) fn write(&mut self, found: Exported<'_>) -> ControlFlow<()> {
        let line = match found {
            Exported::Record(record) => line(&record).map_err(Into::into),
            Exported::Missing(records) => {
                eprintln!("missing: records {} to {}", records.start(), records.end());
                return ControlFlow::Continue(());
            }
            _ => return ControlFlow::Continue(()),
        };
        match line.and_then(|line| self.print(line)) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                self.failed = Some(error);
                ControlFlow::Break(())
            }
        }
    }

    fn print(&mut self, line: String) -> Result<(), Box<dyn Error>> {
        Ok(writeln!(self.out, "{line}")?)
    }

    /// Who reads the lines may have read enough.
    pub(crate) fn end(mut self) -> Result<(), Box<dyn Error>> {
        let ended = self.failed.take().map_or(Ok(()), Err);
        match ended.and_then(|()| Ok(self.out.flush()?)) {
            Err(error) if is_broken_pipe(&*error) => {
                // What is left to be written would fail once more when it is dropped.
                drop(self.out.into_parts());
                Ok(())
            }
            ended => ended,
        }
    }
}

fn is_broken_pipe(error: &(dyn Error + 'static)) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
}

/// A bar on a terminal. Elsewhere a line now and then.
pub(crate) struct Bar {
    what: &'static str,
    bar: Option<ProgressBar>,
    shown: u64,
}

impl Bar {
    pub(crate) fn new(what: &'static str) -> Self {
        let bar = io::stderr().is_terminal().then(|| {
            let style = ProgressStyle::with_template("{msg} {wide_bar} {human_pos}/{human_len}");
            let bar = ProgressBar::new(0).with_message(what);
            style.map_or_else(|_| bar.clone(), |style| bar.clone().with_style(style))
        });
        Bar { what, bar, shown: 0 }
    }

    pub(crate) fn show(&mut self, progress: Progress) {
        if let Some(bar) = &self.bar {
            bar.set_length(progress.total);
            bar.set_position(progress.done);
        } else if progress.done >= self.shown + 1_000_000 {
            self.shown = progress.done;
            eprintln!("{}: {} of {} records", self.what, progress.done, progress.total);
        }
    }

    pub(crate) fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

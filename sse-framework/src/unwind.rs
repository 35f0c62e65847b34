//! Code that panics, and must not end what runs it.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Code has panicked. If it is the app's, what it said may quote a payload, so it is not for log lines.
#[derive(Debug)]
pub(crate) struct Panic(Box<dyn Any + Send>);

impl Panic {
    /// What it said.
    pub(crate) fn message(&self) -> &str {
        let text = self.0.downcast_ref::<&str>().copied();
        let text = text.or_else(|| self.0.downcast_ref::<String>().map(String::as_str));
        text.unwrap_or("with something that is no text")
    }
}

/// Runs what may panic, and whose data stay right when it does.
pub(crate) fn caught<T>(run: impl FnOnce() -> T) -> Result<T, Panic> {
    catch_unwind(AssertUnwindSafe(run)).map_err(Panic)
}

//! Code of the app's own that panics: it must not end what runs it.

use super::{DecodeError, RawEvent, SseEvent};
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Code of the app's own has panicked. What it said may quote a payload, so it is not for log lines.
#[derive(Debug)]
pub(crate) struct Panic(Box<dyn Any + Send>);

impl Panic {
    /// What it said.
    pub(super) fn message(&self) -> &str {
        let text = self.0.downcast_ref::<&str>().copied();
        let text = text.or_else(|| self.0.downcast_ref::<String>().map(String::as_str));
        text.unwrap_or("with something that is no text")
    }
}

/// Runs code of the app's own.
pub(crate) fn caught<T>(run: impl FnOnce() -> T) -> Result<T, Panic> {
    catch_unwind(AssertUnwindSafe(run)).map_err(Panic)
}

/// Reads a record as an event. Code of the app's that panics makes it one that cannot be read.
pub(crate) fn decode_caught<E: SseEvent>(record: RawEvent<'_>) -> Result<E, DecodeError> {
    read_caught(record, || E::decode(record))
}

/// The same, of what is read in another way.
pub(super) fn read_caught<T>(
    record: RawEvent<'_>,
    read: impl FnOnce() -> Result<T, DecodeError>,
) -> Result<T, DecodeError> {
    let panicked = || DecodeError::Panicked { name: record.name.to_owned() };
    caught(read).unwrap_or_else(|_| Err(panicked()))
}

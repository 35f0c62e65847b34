//! Records that code of the app's cannot bear.

use super::{DecodeError, RawEvent, SseEvent};
use crate::unwind::caught;

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

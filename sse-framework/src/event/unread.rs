//! What is logged of records that cannot be read.

use super::DecodeError;
use crate::id::EventId;
use std::collections::BTreeMap;
use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};

/// Records that cannot be read, which are told in one line: when it is asked for, or this is dropped.
///
/// Each record is told once, however many come upon it.
#[derive(Debug)]
pub(crate) struct Unread {
    told: Arc<Told>,
    found: Option<Found>,
}

#[derive(Debug)]
struct Found {
    first: EventId,
    last: EventId,
    count: u64,
    /// Of the first.
    error: DecodeError,
}

impl Unread {
    pub(super) fn new(told: &Arc<Told>) -> Self {
        Unread { told: told.clone(), found: None }
    }

    pub(crate) fn add(&mut self, id: EventId, error: DecodeError) {
        if !self.told.note(id.seq()) {
            return;
        }
        match &mut self.found {
            Some(found) => (found.last, found.count) = (id, found.count + 1),
            None => self.found = Some(Found { first: id, last: id, count: 1, error }),
        }
    }

    pub(crate) fn tell(&mut self) {
        let Some(Found { first, last, count, error }) = self.found.take() else { return };
        let cause = match &error {
            // serde_json quotes the value that it did not expect.
            DecodeError::Payload { .. } => None,
            other => other.source(),
        };
        tracing::error!(%error, cause, count, %first, %last, "records cannot be read as events");
    }
}

impl Drop for Unread {
    fn drop(&mut self) {
        self.tell();
    }
}

/// The seqs of the records that have been told.
///
/// # Memory
///
/// Some 2 MiB at most: what is more is forgotten, and told again.
#[derive(Debug, Default)]
pub(super) struct Told(Mutex<BTreeMap<u64, u64>>);

/// So many times 64 seqs.
const MOST: usize = 1 << 16;

impl Told {
    /// Notes a record; whether it is the first time.
    fn note(&self, seq: u64) -> bool {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if told.len() >= MOST && !told.contains_key(&(seq / 64)) {
            told.clear();
        }
        let (those, this) = (told.entry(seq / 64).or_default(), 1 << (seq % 64));
        let is_new = *those & this == 0;
        *those |= this;
        is_new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_told_once_and_what_is_remembered_is_bounded() {
        let told = Told::default();
        for seq in [0, 1, 63, 64, 65, 1000] {
            assert!(told.note(seq) && !told.note(seq), "{seq}");
        }
        assert!((0..2 * MOST as u64).all(|n| told.note(64 * (100 + n))));
        assert!(told.0.lock().unwrap().len() <= MOST);
        assert!(told.note(1), "it was long ago");
    }
}

//! What an index notes of records.

use crate::log::{RecordRef, StoredKey};

/// What an index notes of a block.
#[derive(Debug, Default)]
pub(crate) struct Summary {
    /// The topics of its records.
    pub(crate) topics: Vec<Box<str>>,
    pub(crate) closes: Vec<Close>,
    pub(crate) keys: Vec<StoredKey>,
    pub(crate) totals: Totals,
}

/// A topic, and the seq of the record that closes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Close {
    pub(crate) seq: u64,
    pub(crate) topic: Box<str>,
}

impl Close {
    /// The close that a record is, if it is one.
    pub(super) fn of(record: &RecordRef<'_>) -> Option<Self> {
        record.closes().map(|topic| Close { seq: record.id.seq(), topic: topic.into() })
    }
}

/// What some records come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    pub(crate) count: u64,
    /// Of payloads, names and topics.
    pub(crate) bytes: u64,
    pub(crate) first_time: u64,
    pub(crate) last_time: u64,
}

impl Totals {
    /// Adds the records that follow.
    pub(crate) fn add(&mut self, next: Totals) {
        if next.count == 0 {
            return;
        }
        if self.count == 0 {
            self.first_time = next.first_time;
        }
        self.last_time = next.last_time;
        self.count += next.count;
        self.bytes += next.bytes;
    }
}

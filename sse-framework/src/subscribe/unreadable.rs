//! Records that cannot be read as events: the gaps that they leave, and what is logged of them.

use super::control::{Gap, GapReason};
use crate::event::{DecodeError, Renewal, Unread};
use crate::id::{EventId, Ids};

/// Those that a reader has come upon and that nobody has been told of.
///
/// Of the records that a reader may see, those in a row that cannot be read for the same reason leave one gap.
#[derive(Debug)]
pub(super) struct Unreadable {
    ids: Ids,
    unread: Unread,
    row: Option<Row>,
}

/// Records in a row.
#[derive(Clone, Copy, Debug)]
struct Row {
    reason: GapReason,
    first: EventId,
    last: EventId,
}

impl Row {
    /// The position before the first.
    fn before(&self) -> EventId {
        EventId::new(self.first.epoch(), self.first.seq().saturating_sub(1))
    }
}

impl Unreadable {
    pub(super) fn new(ids: &Ids, renewal: &Renewal) -> Self {
        Unreadable { ids: ids.clone(), unread: renewal.unread(), row: None }
    }

    /// Takes in the next record. If it begins another row, gives the gap of the row before.
    pub(super) fn add(&mut self, id: EventId, error: DecodeError) -> Option<Gap> {
        let reason = match error {
            DecodeError::UnknownType { .. } => {
                tracing::debug!(%error, %id, "a record's event type has left the set");
                GapReason::RemovedType
            }
            _ => {
                self.unread.add(id, error);
                GapReason::Unreadable
            }
        };
        match &mut self.row {
            Some(row) if row.reason == reason => {
                row.last = id;
                None
            }
            _ => {
                let gap = self.end();
                self.row = Some(Row { reason, first: id, last: id });
                gap
            }
        }
    }

    /// Ends a row, for something else follows; gives the gap.
    pub(super) fn end(&mut self) -> Option<Gap> {
        let row = self.row.take()?;
        let asked = self.ids.position(row.before());
        Some(Gap { reason: row.reason, asked, resumed_after: row.last })
    }

    /// The position before the row that has not ended.
    pub(super) fn before(&self) -> Option<EventId> {
        self.row.as_ref().map(Row::before)
    }

    /// Forgets the row: nobody is to be told.
    pub(super) fn forget(&mut self) {
        self.row = None;
    }

    /// A page has been read to its end. If no other goes on, that ends a row, which gives its gap. Logs what there
    /// has been, unless a row may go on.
    pub(super) fn turn_page(&mut self, goes_on: bool) -> Option<Gap> {
        let gap = if goes_on { None } else { self.end() };
        if self.row.is_none() {
            self.unread.tell();
        }
        gap
    }
}

//! Finds where a time stands: first among segments whose times are known, then among the records of one.

use super::block::Totals;
use super::shelf::Segment;
use super::{Core, locked};
use crate::log::times::{Dated, first_readable, search};
use crate::log::{LogError, Position};

impl Core {
    /// See [`EventLog::position_at`](crate::log::EventLog::position_at).
    pub(crate) fn position_at(&self, time_ms: u64) -> Result<Position, LogError> {
        let history = self.history();
        // What lies below the floor is not shown, but it tells whether anything is missing.
        let oldest = self.shelf.with(|all| all.first().map(|oldest| oldest.first));
        let oldest = oldest.ok_or(LogError::Closed)?;
        let begin = search(time_ms, oldest, history.last() + 1, |from, until| {
            let segment = self.shelf.find(from).and_then(|segment| dated(&segment));
            if let Some(whole) = segment.filter(|whole| !whole.is_split_by(time_ms)) {
                return Ok(Some(whole));
            }
            first_readable(from, until, |after, until, topics, visit| {
                self.read_from(after + 1, until, &history, topics, visit)
            })
        })?;
        let is_removed = begin == oldest && oldest > 1 && self.may_have_removed(time_ms);
        Ok(match is_removed || begin < history.first() {
            true => Position::Trimmed,
            false => Position::After(begin - 1),
        })
    }

    /// Whether a segment that is gone may have held records of this time or later.
    fn may_have_removed(&self, time_ms: u64) -> bool {
        locked(&self.state).state().removed_until.is_none_or(|last| last >= time_ms)
    }
}

/// The times of a segment that has ended, if they are known without reading: what is lost of it may be of
/// other times.
pub(crate) fn dated(segment: &Segment) -> Option<Dated> {
    let (first, last) = (segment.first, segment.end());
    if segment.is_active() || segment.is_damaged() {
        return None;
    }
    let Totals { count, first_time, last_time, .. } = segment.totals()?;
    let is_whole = count > 0 && count == last + 1 - first;
    is_whole.then_some(Dated { first, last, first_time, last_time })
}

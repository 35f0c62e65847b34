//! Which records a log has, and which epoch wrote each.

use crate::id::{Epoch, EventId};
use std::sync::Arc;

/// A look at a log: the records that can be read, and the epochs that wrote them.
#[derive(Clone, Debug)]
pub struct History {
    /// Epochs with the seq of their first record, in order; an epoch ends where the next begins.
    epochs: Arc<[(Epoch, u64)]>,
    first: u64,
    last: u64,
}

/// Where a client's Last-Event-ID stands in a log, or a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Position {
    /// The record is known, and all after it are kept.
    After(u64),
    /// Records after it are no longer kept.
    Trimmed,
    /// The client saw records that the log has lost since. The position before the loss.
    Lost(u64),
    /// Not an id of this log, or of an epoch of which nothing is kept.
    Unknown,
}

impl History {
    /// A history of the records `first..=last`, none if `last` is `first - 1`, and of the epochs that wrote
    /// them, each with the seq of its first record, in order. The first epoch must reach back to `first`.
    ///
    /// Seqs begin with 1 and end before `u64::MAX`: what lies outside is cut off, and an earlier `last` counts as
    /// `first - 1`. Without an epoch, records have ids of the one with the token 0.
    pub fn new(epochs: Arc<[(Epoch, u64)]>, first: u64, last: u64) -> Self {
        let mut history = History { epochs, first: 1, last: 0 };
        history.set_records(first, last);
        history
    }

    /// The same epochs with other records.
    pub(crate) fn set_records(&mut self, first: u64, last: u64) {
        self.first = first.clamp(1, u64::MAX - 1);
        self.last = last.clamp(self.first - 1, u64::MAX - 1);
    }

    /// The same without the records after `newest`.
    pub(crate) fn until(self, newest: u64) -> Self {
        let last = self.last.min(newest).max(self.first - 1);
        History { last, ..self }
    }

    /// The seq of the oldest record that is kept; if there is none, of the next.
    pub fn first(&self) -> u64 {
        self.first
    }

    /// The seq of the newest record; 0 if there has never been one.
    pub fn last(&self) -> u64 {
        self.last
    }

    /// The id of the record at `seq`, which for 0 is the position before the first record.
    pub fn id(&self, seq: u64) -> EventId {
        let after = self.epochs.partition_point(|(_, first)| *first <= seq);
        let epoch = self.epochs.get(after.saturating_sub(1)).map(|(epoch, _)| *epoch);
        EventId::new(epoch.unwrap_or(Epoch::from_token(0)), seq)
    }

    /// Finds an id that a client has come back with. Costs no reading.
    pub fn find(&self, id: EventId) -> Position {
        let Some(place) = self.epochs.iter().rposition(|(epoch, _)| *epoch == id.epoch()) else {
            return Position::Unknown;
        };
        let end = self.epochs.get(place + 1).map_or(self.last, |(_, next)| next.saturating_sub(1));
        let before_epoch = self.epochs[place].1.saturating_sub(1);
        if id.seq() > end {
            // The loss lies at the epoch's end, unless that has been trimmed as well.
            return if end.saturating_add(1) < self.first {
                Position::Trimmed
            } else {
                Position::Lost(end)
            };
        }
        if id.seq() < before_epoch && place > 0 {
            return Position::Unknown;
        }
        match id.seq().saturating_add(1) < self.first {
            true => Position::Trimmed,
            false => Position::After(id.seq()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Epoch = Epoch::from_token(1);
    const B: Epoch = Epoch::from_token(2);
    const C: Epoch = Epoch::from_token(3);

    fn history(first: u64, last: u64) -> History {
        History::new(Arc::new([(A, 1), (B, 11), (C, 21)]), first, last)
    }

    #[test]
    fn a_record_has_the_id_of_the_epoch_that_wrote_it() {
        let history = history(1, 25);
        for (seq, epoch) in [(0, A), (1, A), (10, A), (11, B), (20, B), (21, C), (25, C)] {
            assert_eq!(history.id(seq), EventId::new(epoch, seq));
            assert_eq!(history.find(history.id(seq)), Position::After(seq));
        }
    }

    #[test]
    fn what_cannot_be_harms_nothing() {
        let odd = [0, 1, 2, u64::MAX - 1, u64::MAX];
        let epochs: [&[(Epoch, u64)]; 5] =
            [&[], &[(A, 0)], &[(A, u64::MAX)], &[(A, 9), (B, 0)], &[(A, 1), (A, 1)]];
        let cases = epochs.len() * odd.len().pow(3);
        for case in 0..cases {
            let [first, last, seq] = [1, 5, 25].map(|step| odd[case / step % 5]);
            let epochs = epochs[case / 125];
            let history = History::new(epochs.into(), first, last);
            assert!(1 <= history.first() && history.first() <= history.last() + 1);
            assert!(history.clone().until(seq).last() < u64::MAX);
            let known = |id: EventId| epochs.iter().any(|(epoch, _)| *epoch == id.epoch());
            let id = history.id(seq);
            assert_eq!(known(id), !epochs.is_empty());
            for id in [id, EventId::new(A, seq), EventId::new(B, seq)] {
                let found = history.find(id);
                assert!(known(id) || found == Position::Unknown, "{found:?}");
            }
        }
    }

    #[test]
    fn an_id_past_its_epochs_end_tells_of_a_loss() {
        assert_eq!(history(1, 25).find(EventId::new(A, 13)), Position::Lost(10));
        assert_eq!(history(1, 25).find(EventId::new(C, 26)), Position::Lost(25));
        assert_eq!(history(1, 25).find(EventId::new(C, u64::MAX)), Position::Lost(25));
        assert_eq!(history(15, 25).find(EventId::new(A, 13)), Position::Trimmed);
    }

    #[test]
    fn what_was_trimmed_is_told_from_what_never_was() {
        let history = history(15, 25);
        assert_eq!(history.find(EventId::new(B, 13)), Position::Trimmed);
        assert_eq!(history.find(EventId::new(B, 14)), Position::After(14));
        assert_eq!(history.find(EventId::new(B, 9)), Position::Unknown);
        assert_eq!(history.find(EventId::new(Epoch::from_token(9), 20)), Position::Unknown);
    }

    #[test]
    fn an_epoch_that_wrote_nothing_stands_where_it_began() {
        let history = History::new(Arc::new([(A, 1), (B, 11)]), 1, 10);
        assert_eq!(history.id(10), EventId::new(A, 10));
        assert_eq!(history.find(EventId::new(B, 10)), Position::After(10));
        let empty = History::new(Arc::new([(A, 1)]), 1, 0);
        assert_eq!(empty.id(0), EventId::new(A, 0));
        assert_eq!(empty.find(empty.id(0)), Position::After(0));
    }
}

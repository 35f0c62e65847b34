//! Which topics are closed.

use crate::log::{EventLog, LogError};
use crate::sync::{AtomicU64, RwLock, RwLockReadGuard};
use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::PoisonError;
use std::sync::atomic::Ordering;

/// The closed topics of a log, by 128 bits that are made of each with keys that nobody knows: two
/// topics that share them are not to be expected in the life of this planet. So the length of topics
/// does not matter, and asking costs no look at the log.
///
/// # Memory
///
/// At most 60 bytes for each entry, and while the table grows 90. Closes that are no longer kept are let go
/// of when others come and there are twice as many as were kept the last time, but never below 1,024.
///
/// # Ordering
///
/// The committer notes a close before it moves the tail's head: who has read the record that closes
/// a topic finds it here.
pub(crate) struct ClosedTopics {
    table: RwLock<Table>,
    /// How many topics have been closed: as long as it is the same, none was.
    changes: AtomicU64,
    keys: [RandomState; 2],
}

#[derive(Default)]
struct Table {
    /// The seq of the record that closes a topic.
    closes: HashMap<[u64; 2], u64>,
    /// With so many, those that are no longer kept are let go of.
    most: usize,
}

// A hash table has a byte beside each place, and after it has grown twice as many places as 7/8.
const _: () = assert!((size_of::<([u64; 2], u64)>() + 1) * 16 / 7 <= 60);

/// Fewer are not worth a look at whether they are kept.
const FEW: usize = 1024;

impl ClosedTopics {
    /// Those of a log that has just been opened.
    pub(super) fn of(log: &dyn EventLog) -> Result<Self, LogError> {
        let (closed, floor) = (ClosedTopics::default(), log.history().first());
        log.closed_topics(&mut |topic, seq| closed.insert(topic, seq, floor))?;
        Ok(closed)
    }

    /// Notes a close. What stands before the floor is no longer kept.
    pub(super) fn insert(&self, topic: &str, seq: u64, floor: u64) {
        let mut table = self.table.write().unwrap_or_else(PoisonError::into_inner);
        if table.closes.len() >= table.most.max(FEW) {
            table.closes.retain(|_, seq| *seq >= floor);
            table.most = 2 * table.closes.len();
            let most = table.most;
            table.closes.shrink_to(most);
        }
        table.closes.insert(self.fingerprint(topic), seq);
        drop(table);
        self.changes.fetch_add(1, Ordering::Release);
    }

    /// The seq of the record that closes this topic, if that is kept.
    pub(crate) fn find(&self, topic: &str, floor: u64) -> Option<u64> {
        if self.changes() == 0 {
            return None;
        }
        self.table().closes.get(&self.fingerprint(topic)).copied().filter(|seq| *seq >= floor)
    }

    /// A number that is another one after each close.
    pub(crate) fn changes(&self) -> u64 {
        self.changes.load(Ordering::Acquire)
    }

    /// How many there are, and some perhaps that are no longer kept.
    pub(super) fn count(&self) -> usize {
        self.table().closes.len()
    }

    fn fingerprint(&self, topic: &str) -> [u64; 2] {
        [self.keys[0].hash_one(topic), self.keys[1].hash_one(topic)]
    }

    fn table(&self) -> RwLockReadGuard<'_, Table> {
        self.table.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for ClosedTopics {
    fn default() -> Self {
        let (table, changes) = (RwLock::new(Table::default()), AtomicU64::new(0));
        ClosedTopics { table, changes, keys: [RandomState::new(), RandomState::new()] }
    }
}

impl fmt::Debug for ClosedTopics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClosedTopics").field("count", &self.count()).finish_non_exhaustive()
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;

    #[test]
    fn a_topic_is_closed_as_long_as_its_close_is_kept() {
        let closed = ClosedTopics::default();
        closed.insert("a", 7, 1);
        assert_eq!(
            (closed.find("a", 7), closed.find("a", 8), closed.find("b", 1)),
            (Some(7), None, None)
        );
        closed.insert("a", 12, 8);
        assert_eq!(closed.find("a", 8), Some(12), "closed once more");
    }

    #[test]
    fn memory_is_given_back_after_a_flood() {
        let closed = ClosedTopics::default();
        (1..=100_000).for_each(|seq| closed.insert(&format!("flood/{seq}"), seq, 1));
        let most = closed.table().closes.capacity();
        (100_001..=300_000).for_each(|seq| closed.insert(&format!("a/{seq}"), seq, seq - 10));
        let (count, capacity) = (closed.count(), closed.table().closes.capacity());
        assert!(count <= FEW + 1 && capacity < most / 10, "{count}, {capacity} of {most}");
    }

    #[test]
    fn what_is_no_longer_kept_takes_no_memory() {
        let (closed, kept) = (ClosedTopics::default(), 5_000);
        for seq in 1..=100_000_u64 {
            closed.insert(&format!("answers/{seq}"), seq, seq.saturating_sub(kept));
        }
        assert!(closed.count() <= 2 * kept as usize + 2, "{}", closed.count());
        let capacity = closed.table().closes.capacity();
        assert!(capacity < 40_000, "{capacity}");
        assert_eq!(closed.find("answers/99999", 95_000), Some(99_999));
        assert_eq!(closed.changes(), 100_000);
    }
}

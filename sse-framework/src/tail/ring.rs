//! A ring of rendered records.

use super::commit::{Commit, Entry, Pieces, Record};
use crate::planted::planted;
use crate::topic::TopicSelection;
use bytes::Bytes;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError, RwLock};

/// The in-memory end of the log.
///
/// # Ordering
///
/// Commits are pushed by one thread in log order, each after it is durable. A read sees whole
/// commits, and whoever sees a head sees every record up to it.
///
/// # Lagging
///
/// Nobody is told and nothing is lost: a cursor that has fallen behind the ring gets
/// [`TailRead::Behind`] and reads the log until it is back.
///
/// # Memory
///
/// At most the configured bytes and events, and never less than the newest commit. A chunk that a
/// reader holds keeps alive one buffer, which is about [`BUFFER_BYTES`](super::commit::BUFFER_BYTES) or a single record.
#[derive(Debug)]
pub(crate) struct Tail {
    head: AtomicU64,
    ring: RwLock<Ring>,
    /// The chunk that was copied together last: those who stand at one place share it.
    shared: Mutex<Option<SharedChunk>>,
}

#[derive(Debug)]
struct Ring {
    entries: VecDeque<Entry>,
    /// The seq of the first entry; without entries, of the next record.
    first: u64,
    bytes: usize,
    max_bytes: usize,
    max_events: usize,
}

/// What stands behind a cursor.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum TailRead<P> {
    /// What is selected of the records up to `until`, perhaps nothing.
    Page { page: P, until: u64 },
    /// The cursor stands at the head.
    AtEnd,
    /// Records after the cursor have left memory; from `first` on they are here.
    Behind { first: u64 },
}

#[derive(Debug)]
struct SharedChunk {
    after: u64,
    until: u64,
    bytes: Bytes,
}

impl Tail {
    /// A tail that begins after the log's record `last`.
    pub(crate) fn new(last: u64, max_bytes: usize, max_events: usize) -> Self {
        let ring =
            Ring { entries: VecDeque::new(), first: last + 1, bytes: 0, max_bytes, max_events };
        Tail { head: AtomicU64::new(last), ring: RwLock::new(ring), shared: Mutex::new(None) }
    }

    /// The seq of the newest record.
    pub(crate) fn head(&self) -> u64 {
        self.head.load(Ordering::Acquire)
    }

    /// Adds records that have become durable. The caller wakes the subscribers afterwards.
    pub(crate) fn push(&self, commit: Commit) {
        let Some(last) = commit.entries.last().map(|entry| entry.id.seq()) else { return };
        let mut ring = self.ring.write().unwrap_or_else(PoisonError::into_inner);
        let keep = commit.entries.len();
        for entry in commit.entries {
            ring.bytes += entry.frame.len();
            ring.entries.push_back(entry);
        }
        ring.trim(keep);
        self.head.store(last, Ordering::Release);
    }

    /// Frames after the cursor, about `max_bytes` at most but at least one record.
    pub(crate) fn frames(
        &self,
        after: u64,
        topics: &TopicSelection,
        max_bytes: usize,
    ) -> TailRead<Bytes> {
        if self.head() <= after {
            return TailRead::AtEnd;
        }
        let shared = topics.is_everything().then(|| self.shared_chunk(after)).flatten();
        if let Some((page, until)) = shared {
            return TailRead::Page { page, until };
        }
        let mut pieces = Pieces::default();
        let read = self.visit(after, topics, |entry| {
            pieces.push(entry);
            pieces.bytes < max_bytes
        });
        match read {
            TailRead::Page { until, .. } => {
                let (page, copied) = pieces.into_bytes();
                if copied && topics.is_everything() {
                    let chunk = SharedChunk { after, until, bytes: page.clone() };
                    *self.shared.lock().unwrap_or_else(PoisonError::into_inner) = Some(chunk);
                }
                TailRead::Page { page, until }
            }
            TailRead::AtEnd => TailRead::AtEnd,
            TailRead::Behind { first } => TailRead::Behind { first },
        }
    }

    /// Records after the cursor, `max_events` at most.
    pub(crate) fn records(
        &self,
        after: u64,
        topics: &TopicSelection,
        max_events: usize,
    ) -> TailRead<Vec<Record>> {
        let mut records = Vec::new();
        let read = self.visit(after, topics, |entry| {
            records.push(entry.record());
            records.len() < max_events
        });
        match read {
            TailRead::Page { until, .. } => TailRead::Page { page: records, until },
            TailRead::AtEnd => TailRead::AtEnd,
            TailRead::Behind { first } => TailRead::Behind { first },
        }
    }

    fn shared_chunk(&self, after: u64) -> Option<(Bytes, u64)> {
        let shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        let chunk = shared.as_ref().filter(|chunk| chunk.after == after)?;
        Some((chunk.bytes.clone(), chunk.until))
    }

    fn visit(
        &self,
        after: u64,
        topics: &TopicSelection,
        mut wants_more: impl FnMut(&Entry) -> bool,
    ) -> TailRead<()> {
        let ring = self.ring.read().unwrap_or_else(PoisonError::into_inner);
        if after + 1 < ring.first {
            return TailRead::Behind { first: ring.first };
        }
        let after = if planted("cursor-off-by-one") { after.max(ring.first) - 1 } else { after };
        let place = usize::try_from(after + 1 - ring.first).unwrap_or(usize::MAX);
        if place >= ring.entries.len() {
            return TailRead::AtEnd;
        }
        let mut until = after;
        for entry in ring.entries.range(place..) {
            until = entry.id.seq();
            if topics.includes(entry.topic()) && !wants_more(entry) {
                break;
            }
        }
        TailRead::Page { page: (), until }
    }
}

impl Ring {
    /// Lets go of the oldest records, but never of the newest `keep`.
    fn trim(&mut self, keep: usize) {
        while self.entries.len() > keep
            && (self.bytes > self.max_bytes || self.entries.len() > self.max_events)
        {
            if let Some(entry) = self.entries.pop_front() {
                self.bytes -= entry.frame.len();
                self.first += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{Epoch, EventId};
    use crate::log::{Appended, Batch, NewRecord};
    use crate::topic::TopicFilter;

    fn commit(first: u64, topics: &[Option<&str>]) -> Commit {
        let records = topics.iter().map(|topic| NewRecord {
            topic: topic.map(|topic| topic.parse().unwrap()),
            name: "x".into(),
            version: 1,
            data: b"{}".to_vec(),
        });
        let id = EventId::new(Epoch::from_token(1), first);
        let batch = Batch { records: records.collect() };
        Commit::render(Appended { first: id, time_ms: 7 }, vec![batch])
    }

    fn seqs(read: TailRead<Vec<Record>>) -> Vec<u64> {
        match read {
            TailRead::Page { page, .. } => page.iter().map(|record| record.id.seq()).collect(),
            TailRead::AtEnd => Vec::new(),
            TailRead::Behind { first } => panic!("behind {first}"),
        }
    }

    #[test]
    fn a_cursor_reads_what_comes_after_it() {
        let tail = Tail::new(4, 1 << 20, 100);
        let all = TopicSelection::everything();
        assert_eq!(tail.frames(4, &all, 1000), TailRead::AtEnd);
        tail.push(commit(5, &[None, None]));
        tail.push(commit(7, &[None]));
        assert_eq!(seqs(tail.records(4, &all, 100)), [5, 6, 7]);
        assert_eq!(seqs(tail.records(6, &all, 100)), [7]);
        assert_eq!(seqs(tail.records(4, &all, 2)), [5, 6]);
        assert_eq!(seqs(tail.records(7, &all, 2)), [0; 0]);
        assert_eq!(tail.frames(3, &all, 1000), TailRead::Behind { first: 5 });
    }

    #[test]
    fn a_chunk_over_commits_is_shared_and_within_one_is_a_slice() {
        let tail = Tail::new(0, 1 << 20, 100);
        let all = TopicSelection::everything();
        tail.push(commit(1, &[None, None]));
        tail.push(commit(3, &[None]));
        let TailRead::Page { page: one, until: 1 } = tail.frames(0, &all, 1) else { panic!() };
        let TailRead::Page { page: whole, until: 3 } = tail.frames(0, &all, 1000) else { panic!() };
        let TailRead::Page { page: again, until: 3 } = tail.frames(0, &all, 1000) else { panic!() };
        assert_eq!(whole.as_ptr(), again.as_ptr());
        assert!(whole.starts_with(&one));
        let TailRead::Page { page: last, until: 3 } = tail.frames(2, &all, 1) else { panic!() };
        assert!(whole.ends_with(&last));
    }

    #[test]
    fn topics_that_are_not_selected_are_passed_over() {
        let tail = Tail::new(0, 1 << 20, 100);
        tail.push(commit(1, &[Some("a"), None, Some("b"), Some("a")]));
        let a = TopicSelection::of([TopicFilter::under(["a"])]);
        assert_eq!(seqs(tail.records(0, &a, 100)), [1, 4]);
        let none = TopicSelection::of([]);
        assert_eq!(tail.frames(0, &none, 9), TailRead::Page { page: Bytes::new(), until: 4 });
    }

    #[test]
    fn the_ring_is_bounded_by_events_and_by_bytes() {
        let all = TopicSelection::everything();
        let few = Tail::new(0, 1 << 20, 2);
        (1..=5).for_each(|seq| few.push(commit(seq, &[None])));
        assert_eq!(few.frames(2, &all, 100), TailRead::Behind { first: 4 });
        assert_eq!(seqs(few.records(3, &all, 100)), [4, 5]);

        let small = Tail::new(0, 1, 100);
        small.push(commit(1, &[None, None, None]));
        assert_eq!(seqs(small.records(0, &all, 100)), [1, 2, 3], "the newest commit is kept whole");
        small.push(commit(4, &[None]));
        assert_eq!(small.frames(2, &all, 100), TailRead::Behind { first: 4 });
    }

    #[test]
    fn readers_of_topics_do_not_line_up_for_the_shared_chunk() {
        let tail = std::sync::Arc::new(Tail::new(0, 1 << 20, 100));
        tail.push(commit(1, &[Some("a")]));
        let (done, finished) = std::sync::mpsc::channel();
        let (held, theirs) = (tail.shared.lock().unwrap(), tail.clone());
        std::thread::spawn(move || {
            let read = theirs.frames(0, &TopicSelection::of([TopicFilter::under(["a"])]), 9);
            done.send(matches!(read, TailRead::Page { until: 1, .. }))
        });
        let read = finished.recv_timeout(std::time::Duration::from_secs(10));
        drop(held);
        assert_eq!(read, Ok(true));
    }
}

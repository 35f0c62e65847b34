//! A ring of rendered records.

use super::commit::{Commit, Entry, Pieces, Record, gather};
use super::copies::Copies;
use crate::planted::planted;
use crate::sync::{AtomicU64, Mutex, RwLock};
use crate::topic::{Topic, TopicSelection};
use bytes::Bytes;
use std::collections::{HashMap, HashSet, VecDeque};
use std::ops::ControlFlow;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;

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
/// At most the configured bytes of frames and number of events, and never less than the newest commit; for
/// each event some 150 bytes more, and for each topic among them a hundred. A chunk that a
/// reader holds keeps alive one buffer, which is about [`BUFFER_BYTES`](super::commit::BUFFER_BYTES) or a single record.
///
/// # Chunks
///
/// Small commits are gathered in one buffer when there are [`GATHERED_BYTES`] of them. So who reads
/// everything gets slices, wherever it stands; only out of the newest, small commits is a chunk
/// copied together. Who reads by topic gets a copy of what is its own.
#[derive(Debug)]
pub(crate) struct Tail {
    head: AtomicU64,
    ring: RwLock<Ring>,
    /// The chunk that was copied together last: those who stand at one place share it.
    shared: Mutex<Option<SharedChunk>>,
    copies: Copies,
}

#[derive(Debug)]
struct Ring {
    entries: VecDeque<Entry>,
    /// The newest record of each topic that is here: from it on, each leads to the one before.
    newest: HashMap<Topic, u64>,
    /// The seq of the first entry; without entries, of the next record.
    first: u64,
    bytes: usize,
    max_bytes: usize,
    max_events: usize,
    /// So many of the newest records lie in the buffers of their commits, and their frames' bytes.
    scattered: usize,
    scattered_bytes: usize,
}

/// What stands behind a cursor.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum TailRead<P> {
    /// What is selected of the records up to `until`, perhaps nothing; `shown` is the last of them, or
    /// the cursor.
    Page { page: P, shown: u64, until: u64 },
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
        let (entries, newest) = (VecDeque::new(), HashMap::new());
        let (first, bytes, scattered, scattered_bytes) = (last + 1, 0, 0, 0);
        let ring = Ring {
            entries,
            newest,
            first,
            bytes,
            max_bytes,
            max_events,
            scattered,
            scattered_bytes,
        };
        let (head, ring, shared) = (AtomicU64::new(last), RwLock::new(ring), Mutex::new(None));
        Tail { head, ring, shared, copies: Copies::default() }
    }

    /// The seq of the newest record.
    pub(crate) fn head(&self) -> u64 {
        self.head.load(Ordering::Acquire)
    }

    /// The pages that were copied for one reader, here or out of the log.
    pub(crate) fn copies(&self) -> &Copies {
        &self.copies
    }

    /// Adds records that have become durable. The caller wakes the subscribers afterwards.
    pub(crate) fn push(&self, commit: Commit) {
        let Some(last) = commit.entries.last().map(|entry| entry.id.seq()) else { return };
        let mut ring = self.ring.write().unwrap_or_else(PoisonError::into_inner);
        let keep = commit.entries.len();
        ring.gather_before(&commit);
        commit.entries.into_iter().for_each(|entry| ring.push(entry));
        ring.trim(keep);
        self.head.store(last, Ordering::Release);
    }

    /// Frames after the cursor, about `max_bytes` at most but at least one record; less, if they have to
    /// be copied and others hold [`Copies`].
    pub(crate) fn frames(
        &self,
        after: u64,
        topics: &TopicSelection,
        max_bytes: usize,
    ) -> TailRead<Bytes> {
        if self.head() <= after {
            return TailRead::AtEnd;
        }
        let everything = topics.is_everything();
        if let Some((page, until)) = everything.then(|| self.shared_chunk(after)).flatten() {
            return TailRead::Page { page, shown: until, until };
        }
        let (mut pieces, max_copied) = (Pieces::default(), self.copies.page_bytes(max_bytes));
        let read = self.visit(after, topics, |entry| {
            let seq = entry.id.seq();
            if everything && pieces.would_copy_much(entry) {
                return ControlFlow::Break(seq - 1);
            }
            pieces.push(entry);
            let max = if pieces.is_copy() { max_copied } else { max_bytes };
            until_full(pieces.bytes >= max, seq)
        });
        match read {
            TailRead::Page { shown, until, .. } => {
                let copied = pieces.is_copy();
                let page = pieces.into_bytes(&self.copies);
                if copied && everything {
                    let chunk = SharedChunk { after, until, bytes: page.clone() };
                    *self.shared.lock().unwrap_or_else(PoisonError::into_inner) = Some(chunk);
                }
                TailRead::Page { page, shown, until }
            }
            TailRead::AtEnd => TailRead::AtEnd,
            TailRead::Behind { first } => TailRead::Behind { first },
        }
    }

    /// Records after the cursor, `max_events` and about `max_bytes` at most, but at least one: what is
    /// read keeps alive the buffers that it lies in.
    pub(crate) fn records(
        &self,
        after: u64,
        topics: &TopicSelection,
        max_events: usize,
        max_bytes: usize,
    ) -> TailRead<Vec<Record>> {
        let (mut records, mut bytes) = (Vec::new(), 0);
        let read = self.visit(after, topics, |entry| {
            let record = entry.record();
            bytes += record.data.len();
            records.push(record);
            until_full(records.len() >= max_events || bytes >= max_bytes, entry.id.seq())
        });
        match read {
            TailRead::Page { shown, until, .. } => TailRead::Page { page: records, shown, until },
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
        mut show: impl FnMut(&Entry) -> ControlFlow<u64>,
    ) -> TailRead<()> {
        let ring = self.ring.read().unwrap_or_else(PoisonError::into_inner);
        if after + 1 < ring.first {
            return TailRead::Behind { first: ring.first };
        }
        let after = if planted("cursor-off-by-one") { after.max(ring.first) - 1 } else { after };
        let last = ring.first + ring.entries.len() as u64 - 1;
        if last <= after {
            return TailRead::AtEnd;
        }
        // If records are few, looking at each is cheaper than looking each topic up.
        let own = match topics.exact_topics() {
            Some(exact) if last - after > NEAR.max(exact.len() as u64) => {
                ring.seqs_of(exact, after)
            }
            _ => None,
        };
        let (shown, until) = match own {
            Some(own) => ring.visit(own.into_iter(), (after, last), topics, &mut show),
            None => ring.visit(after + 1..=last, (after, last), topics, &mut show),
        };
        TailRead::Page { page: (), shown, until }
    }
}

/// Frames of small commits are gathered in buffers of about this size.
const GATHERED_BYTES: usize = 64 << 10;
/// Up to so many records are looked at one by one.
const NEAR: u64 = 64;
/// How far one read looks, one by one, for records that are selected: the reader has others to serve,
/// and as long as it looks nothing is pushed.
const LOOK_AHEAD: usize = 4096;
/// What it takes to look at a record, counted in bytes that are compared with patterns; and how much
/// one read takes at most, but for its last record.
const RECORD_STEPS: usize = 32;
const MOST_STEPS: usize = LOOK_AHEAD * RECORD_STEPS;

fn until_full(full: bool, seq: u64) -> ControlFlow<u64> {
    if full { ControlFlow::Break(seq) } else { ControlFlow::Continue(()) }
}

impl Ring {
    /// Lays side by side what is scattered, if with the next commit it would be too much.
    fn gather_before(&mut self, next: &Commit) {
        if self.scattered_bytes + next.bytes() <= GATHERED_BYTES {
            return;
        }
        // What is more is one commit, which lies in large buffers already.
        if self.scattered_bytes <= GATHERED_BYTES {
            let from = self.entries.len().saturating_sub(self.scattered);
            gather(&mut self.entries, from);
        }
        (self.scattered, self.scattered_bytes) = (0, 0);
    }

    fn push(&mut self, mut entry: Entry) {
        self.bytes += entry.frame.len();
        (self.scattered, self.scattered_bytes) =
            (self.scattered + 1, self.scattered_bytes + entry.frame.len());
        if let Some(topic) = &entry.topic {
            // Most topics have records here already.
            entry.before = match self.newest.get_mut(topic) {
                Some(newest) => std::mem::replace(newest, entry.id.seq()),
                None => self.newest.insert(topic.clone(), entry.id.seq()).unwrap_or_default(),
            };
        }
        self.entries.push_back(entry);
    }

    fn get(&self, seq: u64) -> Option<&Entry> {
        let place = seq.checked_sub(self.first)?;
        self.entries.get(usize::try_from(place).ok()?)
    }

    /// The records of these topics after a position, in order. None if there are so many that it is
    /// better to look at all that follow.
    fn seqs_of(&self, topics: &HashSet<Topic>, after: u64) -> Option<Vec<u64>> {
        let mut seqs = Vec::new();
        for newest in topics.iter().filter_map(|topic| self.newest.get(topic)) {
            let mut seq = *newest;
            while let Some(entry) = self.get(seq).filter(|_| after < seq) {
                if seqs.len() == LOOK_AHEAD {
                    return None;
                }
                seqs.push(seq);
                seq = entry.before;
            }
        }
        seqs.sort_unstable();
        Some(seqs)
    }

    /// Shows those of these records that are selected, until it is told that there are enough, and up
    /// to which seq, or has looked at enough. Returns the last that was shown, or `after`, and the seq
    /// up to which there are no others, which without that is `end`.
    fn visit(
        &self,
        seqs: impl Iterator<Item = u64>,
        (after, end): (u64, u64),
        topics: &TopicSelection,
        show: &mut impl FnMut(&Entry) -> ControlFlow<u64>,
    ) -> (u64, u64) {
        let (mut shown, mut steps) = (after, 0);
        for entry in seqs.filter_map(|seq| self.get(seq)) {
            if steps >= MOST_STEPS {
                return (shown, entry.id.seq() - 1);
            }
            steps += RECORD_STEPS;
            if !topics.includes_in(entry.topic(), &mut steps) && !planted("live-without-filter") {
                continue;
            }
            match show(entry) {
                ControlFlow::Continue(()) => shown = entry.id.seq(),
                // It may have been too much.
                ControlFlow::Break(until) if until < entry.id.seq() => return (shown, until),
                ControlFlow::Break(until) => return (until, until),
            }
        }
        (shown, end)
    }

    /// Lets go of the oldest records, but never of the newest `keep`.
    fn trim(&mut self, keep: usize) {
        while self.entries.len() > keep
            && (self.bytes > self.max_bytes || self.entries.len() > self.max_events)
        {
            if let Some(entry) = self.entries.pop_front() {
                self.bytes -= entry.frame.len();
                self.first += 1;
                if let Some(topic) = &entry.topic
                    && self.newest.get(topic) == Some(&entry.id.seq())
                {
                    self.newest.remove(topic);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{Epoch, EventId, Ids};
    use crate::log::{Appended, Batch, NewRecord};
    use crate::topic::TopicFilter;
    use proptest::prelude::*;

    fn commit(first: u64, topics: &[Option<&str>]) -> Commit {
        let records = topics.iter().map(|topic| NewRecord {
            topic: topic.map(|topic| topic.parse().unwrap()),
            name: "x".into(),
            version: 1,
            data: b"{}".to_vec(),
        });
        let id = EventId::new(Epoch::from_token(1), first);
        let batch = Batch { records: records.collect(), key: None };
        Commit::render(&Ids::Plain, Appended { first: id, time_ms: 7 }, vec![batch])
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
        assert_eq!(seqs(tail.records(4, &all, 100, usize::MAX)), [5, 6, 7]);
        assert_eq!(seqs(tail.records(6, &all, 100, usize::MAX)), [7]);
        assert_eq!(seqs(tail.records(4, &all, 2, usize::MAX)), [5, 6]);
        assert_eq!(seqs(tail.records(7, &all, 2, usize::MAX)), [0; 0]);
        assert_eq!(seqs(tail.records(4, &all, 100, 3)), [5, 6], "of two bytes each");
        assert_eq!(seqs(tail.records(4, &all, 100, 0)), [5]);
        assert_eq!(tail.frames(3, &all, 1000), TailRead::Behind { first: 5 });
    }

    #[test]
    fn a_chunk_over_commits_is_shared_and_within_one_is_a_slice() {
        let tail = Tail::new(0, 1 << 20, 100);
        let all = TopicSelection::everything();
        tail.push(commit(1, &[None, None]));
        tail.push(commit(3, &[None]));
        let TailRead::Page { page: one, until: 1, .. } = tail.frames(0, &all, 1) else { panic!() };
        let TailRead::Page { page: whole, until: 3, .. } = tail.frames(0, &all, 1000) else {
            panic!()
        };
        let TailRead::Page { page: again, until: 3, .. } = tail.frames(0, &all, 1000) else {
            panic!()
        };
        assert_eq!(whole.as_ptr(), again.as_ptr());
        assert!(whole.starts_with(&one));
        let TailRead::Page { page: last, until: 3, .. } = tail.frames(2, &all, 1) else { panic!() };
        assert!(whole.ends_with(&last));
    }

    #[test]
    fn topics_that_are_not_selected_are_passed_over() {
        let tail = Tail::new(0, 1 << 20, 100);
        tail.push(commit(1, &[Some("a"), None, Some("b"), Some("a")]));
        let a = TopicSelection::of([TopicFilter::under(["a"])]);
        assert_eq!(seqs(tail.records(0, &a, 100, usize::MAX)), [1, 4]);
        let none = TopicSelection::of([]);
        assert_eq!(
            tail.frames(0, &none, 9),
            TailRead::Page { page: Bytes::new(), shown: 0, until: 4 }
        );
    }

    proptest! {
        #[test]
        fn whoever_reads_gets_what_is_selected_wherever_it_stands(
            records in prop::collection::vec(prop::option::weighted(0.9, "[a-e]"), 1..400),
            selected in prop::collection::vec("[a-f*]", 1..3),
            max_events in 1_usize..400,
            after in 0_u64..400,
            page in 1_usize..50,
        ) {
            let tail = Tail::new(0, usize::MAX, max_events);
            for (seq, topic) in (1..).zip(&records) {
                tail.push(commit(seq, &[topic.as_deref()]));
            }
            let selection = TopicSelection::of(selected.iter().map(|text| text.parse().unwrap()));
            let kept = records.len().saturating_sub(max_events) as u64;
            let mut at = after.min(records.len() as u64);
            let wanted = (1..).zip(&records).filter(|(seq, topic)| {
                *seq > at.max(kept) && selection.includes(topic.as_deref())
            });
            let wanted: Vec<u64> = wanted.map(|(seq, _)| seq).collect();
            let mut read = Vec::new();
            loop {
                match tail.records(at, &selection, page, usize::MAX) {
                    TailRead::Page { page, shown, until } => {
                        prop_assert!(until > at, "{until} after {at}");
                        prop_assert_eq!(shown, page.last().map_or(at, |last| last.id.seq()));
                        let frames = tail.frames(at, &selection, 30 * page.len());
                        let TailRead::Page { page: frames, shown, .. } = frames else { panic!() };
                        let last = format!("id: {}\n", EventId::new(Epoch::from_token(1), shown));
                        let frames = String::from_utf8_lossy(&frames);
                        let place = frames.rfind("id: ").unwrap_or_default();
                        prop_assert!(frames.is_empty() || frames[place..].starts_with(&last));
                        at = until;
                        read.extend(page.iter().map(|record| record.id.seq()));
                    }
                    TailRead::Behind { first } => {
                        prop_assert!(at + 1 < first && first == kept + 1);
                        at = first - 1;
                    }
                    TailRead::AtEnd => break,
                }
            }
            prop_assert_eq!(read, wanted);
        }
    }

    #[test]
    fn topics_that_have_left_memory_leave_nothing_behind() {
        let tail = Tail::new(0, usize::MAX, 10);
        for seq in 1..=1000 {
            tail.push(commit(seq, &[Some(&format!("t/{seq}"))]));
        }
        assert_eq!(tail.ring.read().unwrap().newest.len(), 10);
    }

    #[test]
    fn a_reader_of_patterns_does_not_look_through_all_of_the_ring_at_once() {
        let tail = Tail::new(0, usize::MAX, usize::MAX);
        tail.push(commit(1, &[Some("a"); 10_000]));
        let other = TopicSelection::of(["b/*".parse().unwrap()]);
        let read = tail.frames(0, &other, 9);
        assert_eq!(read, TailRead::Page { page: Bytes::new(), shown: 0, until: LOOK_AHEAD as u64 });
        let exact = TopicSelection::of(["b".parse().unwrap()]);
        let read = tail.frames(0, &exact, 9);
        assert_eq!(read, TailRead::Page { page: Bytes::new(), shown: 0, until: 10_000 });
    }

    #[test]
    fn the_more_it_takes_to_compare_the_fewer_records_are_looked_at_at_once() {
        let tail = Tail::new(0, usize::MAX, usize::MAX);
        let topic = ["a"; 30].join("/");
        tail.push(commit(1, &[Some(&*topic); 10_000]));
        let hostile = (0..100_u32).map(|n| {
            let segment = |place: u32| if n >> place & 1 == 1 { "*/" } else { "a/" };
            (0..30).map(segment).chain([format!("b{n}").as_str()]).collect::<String>()
        });
        let hostile = TopicSelection::of(hostile.map(|pattern| pattern.parse().unwrap()));
        let mut each = 0;
        assert!(!hostile.includes_in(Some(&topic), &mut each));
        let (mut after, mut reads) = (0, 0);
        while after < 10_000 {
            let TailRead::Page { page, shown, until } = tail.frames(after, &hostile, 9) else {
                panic!("behind")
            };
            assert!(page.is_empty() && (shown, true) == (after, after < until));
            let steps = (until - after) as usize * (RECORD_STEPS + each);
            assert!(steps < MOST_STEPS + RECORD_STEPS + each, "{steps} steps at once");
            (after, reads) = (until, reads + 1);
        }
        assert!(reads > 100, "{reads} reads, of {each} steps for a record");
    }

    #[test]
    fn a_reader_of_many_topics_does_not_look_each_of_them_up_for_a_few_records() {
        let tail = Tail::new(0, usize::MAX, usize::MAX);
        tail.push(commit(1, &[Some("a"); 100]));
        let many = (0..100_000).map(|n| format!("b/{n}").parse().unwrap());
        let many = TopicSelection::of(many);
        let begun = std::time::Instant::now();
        for _ in 0..500 {
            let read = tail.frames(0, &many, 9);
            assert_eq!(read, TailRead::Page { page: Bytes::new(), shown: 0, until: 100 });
        }
        assert!(begun.elapsed() < std::time::Duration::from_secs(5), "{:?}", begun.elapsed());
    }

    #[test]
    fn the_ring_is_bounded_by_events_and_by_bytes() {
        let all = TopicSelection::everything();
        let few = Tail::new(0, 1 << 20, 2);
        (1..=5).for_each(|seq| few.push(commit(seq, &[None])));
        assert_eq!(few.frames(2, &all, 100), TailRead::Behind { first: 4 });
        assert_eq!(seqs(few.records(3, &all, 100, usize::MAX)), [4, 5]);

        let small = Tail::new(0, 1, 100);
        small.push(commit(1, &[None, None, None]));
        assert_eq!(
            seqs(small.records(0, &all, 100, usize::MAX)),
            [1, 2, 3],
            "the newest commit is kept whole"
        );
        small.push(commit(4, &[None]));
        assert_eq!(small.frames(2, &all, 100), TailRead::Behind { first: 4 });
    }

    #[test]
    fn readers_at_a_thousand_places_hold_no_copies_of_their_own() {
        let (tail, all) = (Tail::new(0, usize::MAX, usize::MAX), TopicSelection::everything());
        let mut expected = Vec::new();
        for seq in 1..=20_000 {
            let commit = commit(seq, &[None]);
            expected.extend_from_slice(&commit.entries[0].frames);
            tail.push(commit);
        }
        let pages: Vec<Bytes> = (0..18_000)
            .step_by(18)
            .map(|after| match tail.frames(after, &all, 128 << 10) {
                TailRead::Page { page, .. } => page,
                other => panic!("{other:?}"),
            })
            .collect();
        let mut places: Vec<(usize, usize)> =
            pages.iter().map(|page| (page.as_ptr() as usize, page.len())).collect();
        places.sort_unstable();
        let (mut held, mut end) = (0, 0);
        for (start, length) in places {
            held += (start + length).saturating_sub(start.max(end));
            end = end.max(start + length);
        }
        let bytes = tail.ring.read().unwrap().bytes;
        assert!(held <= bytes, "{held} bytes of {bytes} are held");
        assert!(pages.iter().map(Bytes::len).sum::<usize>() > 5 * bytes, "the pages are large");

        let (mut at, mut read) = (0, Vec::new());
        while let TailRead::Page { page, until, .. } = tail.frames(at, &all, 128 << 10) {
            (at, read) = (until, [read, page.into()].concat());
        }
        assert!(at == 20_000 && read == expected, "what was gathered reads as before");
        let TailRead::Page { page, .. } = tail.records(0, &all, usize::MAX, usize::MAX) else {
            panic!()
        };
        assert!(page.iter().all(|record| record.data == "{}"));
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

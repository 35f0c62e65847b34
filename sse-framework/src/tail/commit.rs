//! Records that were appended together, rendered.

use super::copies::Copies;
use crate::event::RawEvent;
use crate::id::{EventId, Ids};
use crate::log::{Appended, Batch, NewRecord, TOPIC_CLOSE};
use crate::topic::Topic;
use crate::wire;
use bytes::Bytes;
use std::borrow::Cow;
use std::collections::{HashSet, VecDeque};
use std::ops::Range;

/// A commit is rendered into buffers of about this size.
pub(super) const BUFFER_BYTES: usize = 256 << 10;

/// A record as a typed stream wants it.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) id: EventId,
    pub(crate) time_ms: u64,
    pub(crate) topic: Option<Topic>,
    pub(crate) name: Cow<'static, str>,
    pub(crate) version: u32,
    /// JSON.
    pub(crate) data: Bytes,
}

impl Record {
    /// The event that it is.
    pub(crate) fn raw(&self) -> RawEvent<'_> {
        RawEvent { name: &self.name, version: self.version, data: &self.data }
    }

    /// The topic that this record closes, if it is no event but that.
    pub(crate) fn closes(&self) -> Option<&Topic> {
        self.topic.as_ref().filter(|_| self.name == TOPIC_CLOSE)
    }
}

/// A record in the ring.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) id: EventId,
    pub(super) time_ms: u64,
    pub(super) topic: Option<Topic>,
    /// The seq of the record before of the same topic, if that was in the ring then; else 0.
    pub(super) before: u64,
    pub(super) name: Cow<'static, str>,
    pub(super) version: u32,
    /// Frames of the commit, this one among them.
    pub(super) frames: Bytes,
    /// This record's frame therein.
    pub(super) frame: Range<usize>,
    /// Its payload therein.
    pub(super) data: Range<usize>,
}

impl Entry {
    pub(super) fn record(&self) -> Record {
        Record {
            id: self.id,
            time_ms: self.time_ms,
            topic: self.topic.clone(),
            name: self.name.clone(),
            version: self.version,
            data: self.frames.slice(self.data.clone()),
        }
    }

    pub(super) fn topic(&self) -> Option<&str> {
        self.topic.as_ref().map(Topic::as_str)
    }
}

/// Records that were appended together, rendered.
#[derive(Debug)]
pub(crate) struct Commit {
    pub(super) entries: Vec<Entry>,
}

impl Commit {
    /// Renders what the log has appended.
    pub(crate) fn render(ids: &Ids, appended: Appended, batches: Vec<Batch>) -> Self {
        let size = |record: &NewRecord| record.data.len() + record.name.len() + 64;
        let mut rest: usize = batches.iter().flat_map(|batch| &batch.records).map(size).sum();
        let mut entries: Vec<Entry> =
            Vec::with_capacity(batches.iter().map(|b| b.records.len()).sum());
        let (mut frames, mut rendered) = (Vec::with_capacity(rest.min(BUFFER_BYTES)), 0);
        let records = batches.into_iter().flat_map(|batch| batch.records);
        for (seq, record) in (appended.first.seq()..).zip(records) {
            let size = size(&record);
            if !frames.is_empty() && frames.len() + size > BUFFER_BYTES {
                let next = Vec::with_capacity(size.max(rest.min(BUFFER_BYTES)));
                fill(&mut entries[rendered..], std::mem::replace(&mut frames, next));
                rendered = entries.len();
            }
            rest -= size;
            let start = frames.len();
            let id = EventId::new(appended.first.epoch(), seq);
            let data =
                wire::write_checked_event(&mut frames, ids.event(id), &record.name, &record.data);
            entries.push(Entry {
                id,
                time_ms: appended.time_ms,
                topic: record.topic,
                before: 0,
                name: record.name,
                version: record.version,
                frames: Bytes::new(),
                frame: start..frames.len(),
                data,
            });
        }
        fill(&mut entries[rendered..], frames);
        Commit { entries }
    }

    /// How long its frames are.
    pub(super) fn bytes(&self) -> usize {
        self.entries.iter().map(|entry| entry.frame.len()).sum()
    }

    /// The topics of its records.
    pub(crate) fn topics(&self) -> HashSet<Topic> {
        self.entries.iter().filter_map(|entry| entry.topic.clone()).collect()
    }
}

/// Hands out the buffer in which these records were rendered.
fn fill(entries: &mut [Entry], frames: Vec<u8>) {
    let frames = Bytes::from(frames);
    entries.iter_mut().for_each(|entry| entry.frames = frames.clone());
}

/// Lays the frames of the entries from this place on side by side in one buffer.
pub(super) fn gather(entries: &mut VecDeque<Entry>, from: usize) {
    let bytes = entries.range(from..).map(|entry| entry.frame.len()).sum();
    let mut frames = Vec::with_capacity(bytes);
    for entry in entries.range_mut(from..) {
        let (start, data) = (frames.len(), entry.data.start - entry.frame.start);
        frames.extend_from_slice(&entry.frames[entry.frame.clone()]);
        entry.data = start + data..start + data + entry.data.len();
        entry.frame = start..frames.len();
    }
    let frames = Bytes::from(frames);
    entries.range_mut(from..).for_each(|entry| entry.frames = frames.clone());
}

/// What lies in a buffer of at least this size is not copied for those who can get a slice of it.
const LARGE_BYTES: usize = 16 << 10;

/// Frames on their way into one chunk, which is a slice as long as they lie side by side.
#[derive(Default)]
pub(super) struct Pieces {
    pub(super) bytes: usize,
    slice: Option<(Bytes, Range<usize>)>,
    copy: Vec<u8>,
}

impl Pieces {
    /// Whether with this frame the chunk would be a copy where it can be a slice, or the next one
    /// can.
    pub(super) fn would_copy_much(&self, entry: &Entry) -> bool {
        let large = |buffer: &Bytes| LARGE_BYTES <= buffer.len();
        match &self.slice {
            None => !self.copy.is_empty() && large(&entry.frames),
            Some((buffer, _)) => {
                buffer.as_ptr() != entry.frames.as_ptr() && (large(buffer) || large(&entry.frames))
            }
        }
    }

    pub(super) fn push(&mut self, entry: &Entry) {
        self.bytes += entry.frame.len();
        match &mut self.slice {
            None if self.copy.is_empty() => {
                self.slice = Some((entry.frames.clone(), entry.frame.clone()));
            }
            Some((commit, range))
                if range.end == entry.frame.start && commit.as_ptr() == entry.frames.as_ptr() =>
            {
                range.end = entry.frame.end;
            }
            _ => {
                if let Some((commit, range)) = self.slice.take() {
                    self.copy.extend_from_slice(&commit[range]);
                }
                self.copy.extend_from_slice(&entry.frames[entry.frame.clone()]);
            }
        }
    }

    /// Whether they were copied together.
    pub(super) fn is_copy(&self) -> bool {
        !self.copy.is_empty()
    }

    pub(super) fn into_bytes(self, copies: &Copies) -> Bytes {
        match self.slice {
            Some((commit, range)) => commit.slice(range),
            None => copies.hold(self.copy),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::Epoch;
    use crate::tail::{Tail, TailRead};
    use crate::topic::TopicSelection;

    #[test]
    fn a_chunk_does_not_keep_a_large_commit_alive() {
        let records = (0..40_000).map(|n| NewRecord {
            topic: None,
            name: "x".into(),
            version: 1,
            data: vec![b'1'; if n == 20_000 { 2 * BUFFER_BYTES } else { 50 }],
        });
        let first = EventId::new(Epoch::from_token(1), 1);
        let batch = Batch { records: records.collect(), key: None };
        let commit = Commit::render(&Ids::Plain, Appended { first, time_ms: 7 }, vec![batch]);
        assert!(commit.entries.iter().all(|entry| {
            entry.frames.len() <= BUFFER_BYTES || entry.frame == (0..entry.frames.len())
        }));
        assert!(commit.entries.iter().all(|entry| {
            entry.frames[entry.frame.clone()].ends_with(b"1\n\n")
                && entry.frames[entry.data.clone()].iter().all(|byte| *byte == b'1')
        }));
        let size = commit.entries.iter().map(|entry| entry.frame.len()).sum();
        let tail = Tail::new(0, usize::MAX, usize::MAX);
        tail.push(commit);
        let (mut at, mut bytes) = (0, 0_usize);
        while let TailRead::Page { page, until, .. } =
            tail.frames(at, &TopicSelection::everything(), 1 << 17)
        {
            (at, bytes) = (until, bytes + page.len());
        }
        assert_eq!((at, bytes), (40_000, size));
    }
}

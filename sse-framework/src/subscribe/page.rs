//! What a cursor reads: frames for a response, or records for a typed stream.

use super::control::{self, Gap};
use super::unreadable::Unreadable;
use crate::event::Renewal;
use crate::hub::Core;
use crate::id::{EventId, Ids};
use crate::log::RecordRef;
use crate::tail::{Copies, Record, Tail, TailRead};
use crate::topic::TopicSelection;
use crate::wire;
use bytes::Bytes;
use std::borrow::Cow;
use std::ops::{ControlFlow, Range};

/// Some records in a row, in the form that the reader wants.
pub(super) trait Page: Sized + Unpin + 'static {
    /// A page that is being read from the log.
    type Draft: Send + 'static;

    fn is_empty(&self) -> bool;

    /// What the tail has after a position.
    fn from_tail(tail: &Tail, after: u64, topics: &TopicSelection) -> TailRead<Self>;

    /// A page to which records from the log are added.
    fn draft(copies: &Copies, ids: &Ids, renewal: &Renewal) -> Self::Draft;

    /// Adds a record from the log; breaks when the page is full.
    fn add(draft: &mut Self::Draft, record: RecordRef<'_>) -> ControlFlow<()>;

    /// The page, and what others may have of it if it is of all topics.
    fn finish(draft: Self::Draft, core: &Core, topics: &TopicSelection) -> Self;

    /// What another has read from the log after this position, and the seq of its last record.
    fn recent(core: &Core, after: u64, topics: &TopicSelection) -> Option<(Self, u64)>;
}

/// Large enough that the write costs more than what surrounds it, small enough to be cheap for ten
/// thousand clients.
pub(super) const PAGE_BYTES: usize = 128 << 10;
const PAGE_RECORDS: usize = 256;

impl Page for Bytes {
    type Draft = Frames;

    fn is_empty(&self) -> bool {
        self.is_empty()
    }

    fn from_tail(tail: &Tail, after: u64, topics: &TopicSelection) -> TailRead<Self> {
        tail.frames(after, topics, PAGE_BYTES)
    }

    fn draft(copies: &Copies, ids: &Ids, renewal: &Renewal) -> Frames {
        Frames {
            frames: Vec::new(),
            ends: Vec::new(),
            first: 0,
            count: 0,
            ids: ids.clone(),
            renewal: renewal.clone(),
            most: copies.page_bytes(PAGE_BYTES),
            unreadable: Unreadable::new(ids, renewal),
        }
    }

    fn add(draft: &mut Frames, record: RecordRef<'_>) -> ControlFlow<()> {
        if draft.count == 0 {
            draft.first = record.id.seq();
        }
        draft.count += 1;
        match draft.renewal.is_due(record.name, record.version, record.id.seq()) {
            true => draft.renew(record),
            false => draft.write(record.id, record.name, record.data),
        }
        full(draft.frames.len() >= draft.most)
    }

    fn finish(mut draft: Frames, core: &Core, topics: &TopicSelection) -> Self {
        let gap = draft.unreadable.end();
        draft.write_gap(gap);
        let Frames { frames, ends, first, count, .. } = draft;
        let page = core.tail.copies().hold(frames);
        let is_whole = |(last, _): &(u64, usize)| last + 1 - first == count;
        if topics.is_everything() && ends.last().is_some_and(is_whole) {
            core.pages.keep(first - 1, page.clone(), ends);
        }
        page
    }

    fn recent(core: &Core, after: u64, topics: &TopicSelection) -> Option<(Self, u64)> {
        topics.is_everything().then(|| core.pages.after(after)).flatten()
    }
}

impl Page for Vec<Record> {
    type Draft = Records;

    fn is_empty(&self) -> bool {
        self.is_empty()
    }

    fn from_tail(tail: &Tail, after: u64, topics: &TopicSelection) -> TailRead<Self> {
        tail.records(after, topics, PAGE_RECORDS, PAGE_BYTES)
    }

    fn draft(copies: &Copies, _: &Ids, _: &Renewal) -> Records {
        let most = copies.page_bytes(PAGE_BYTES);
        Records { records: Vec::new(), data: Vec::new(), most }
    }

    fn add(draft: &mut Records, record: RecordRef<'_>) -> ControlFlow<()> {
        let start = draft.data.len();
        draft.data.extend_from_slice(record.data);
        let without_data = Record {
            id: record.id,
            time_ms: record.time_ms,
            topic: record.topic.and_then(|topic| topic.parse().ok()),
            name: Cow::Owned(record.name.to_owned()),
            version: record.version,
            data: Bytes::new(),
        };
        draft.records.push((without_data, start..draft.data.len()));
        full(draft.data.len() >= draft.most || draft.records.len() >= PAGE_RECORDS)
    }

    fn finish(Records { records, data, .. }: Records, core: &Core, _: &TopicSelection) -> Self {
        let all = core.tail.copies().hold(data);
        let records = records.into_iter();
        records.map(|(record, range)| Record { data: all.slice(range), ..record }).collect()
    }

    fn recent(_: &Core, _: u64, _: &TopicSelection) -> Option<(Self, u64)> {
        None
    }
}

/// Frames of records from the log.
pub(super) struct Frames {
    frames: Vec<u8>,
    /// The last record of each frame, and where it ends.
    ends: Vec<(u64, usize)>,
    /// The seq of the first record.
    first: u64,
    /// Records, also those that cannot be read.
    count: u64,
    ids: Ids,
    renewal: Renewal,
    /// So many bytes there are to be.
    most: usize,
    unreadable: Unreadable,
}

impl Frames {
    fn write(&mut self, id: EventId, name: &str, data: &[u8]) {
        let gap = self.unreadable.end();
        self.write_gap(gap);
        wire::write_checked_event(&mut self.frames, self.ids.event(id), name, data);
        self.ends.push((id.seq(), self.frames.len()));
    }

    /// Writes a record as it is written today.
    fn renew(&mut self, record: RecordRef<'_>) {
        let mut data = Vec::new();
        match self.renewal.renew(record.raw(), &mut data) {
            Ok(name) => self.write(record.id, name, &data),
            Err(error) => {
                let gap = self.unreadable.add(record.id, error);
                self.write_gap(gap);
            }
        }
    }

    fn write_gap(&mut self, gap: Option<Gap>) {
        if let Some(gap) = gap {
            self.frames.extend_from_slice(&control::gap(&self.ids, &gap, true));
            self.ends.push((gap.resumed_after.seq(), self.frames.len()));
        }
    }
}

/// Records from the log, whose payloads lie in one buffer.
pub(super) struct Records {
    records: Vec<(Record, Range<usize>)>,
    data: Vec<u8>,
    /// So many bytes there are to be.
    most: usize,
}

fn full(full: bool) -> ControlFlow<()> {
    if full { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
}

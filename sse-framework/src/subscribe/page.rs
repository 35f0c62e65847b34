//! What a cursor reads: frames for a response, or records for a typed stream.

use crate::hub::Core;
use crate::id::Ids;
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
    fn draft(copies: &Copies, ids: &Ids) -> Self::Draft;

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

    fn draft(copies: &Copies, ids: &Ids) -> Frames {
        let most = copies.page_bytes(PAGE_BYTES);
        Frames { frames: Vec::new(), ends: Vec::new(), first: 0, last: 0, ids: ids.clone(), most }
    }

    fn add(draft: &mut Frames, record: RecordRef<'_>) -> ControlFlow<()> {
        let id = draft.ids.event(record.id);
        wire::write_checked_event(&mut draft.frames, id, record.name, record.data);
        draft.last = record.id.seq();
        if draft.ends.is_empty() {
            draft.first = draft.last;
        }
        draft.ends.push(draft.frames.len());
        full(draft.frames.len() >= draft.most)
    }

    fn finish(draft: Frames, core: &Core, topics: &TopicSelection) -> Self {
        let Frames { frames, ends, first, last, .. } = draft;
        let page = core.tail.copies().hold(frames);
        let is_whole = topics.is_everything() && last - first + 1 == ends.len() as u64;
        if is_whole {
            core.pages.keep(first.saturating_sub(1), page.clone(), ends);
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

    fn draft(copies: &Copies, _: &Ids) -> Records {
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
    /// Where each record's frame ends.
    ends: Vec<usize>,
    /// The seqs of the first and the last record.
    first: u64,
    last: u64,
    ids: Ids,
    /// So many bytes there are to be.
    most: usize,
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

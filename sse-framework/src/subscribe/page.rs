//! What a cursor reads: frames for a response, or records for a typed stream.

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

    fn finish(draft: Self::Draft, copies: &Copies) -> Self;
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
        Frames { frames: Vec::new(), ids: ids.clone(), most: copies.page_bytes(PAGE_BYTES) }
    }

    fn add(draft: &mut Frames, record: RecordRef<'_>) -> ControlFlow<()> {
        let id = draft.ids.event(record.id);
        wire::write_checked_event(&mut draft.frames, id, record.name, record.data);
        full(draft.frames.len() >= draft.most)
    }

    fn finish(Frames { frames, .. }: Frames, copies: &Copies) -> Self {
        copies.hold(frames)
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

    fn finish(Records { records, data, .. }: Records, copies: &Copies) -> Self {
        let all = copies.hold(data);
        let records = records.into_iter();
        records.map(|(record, range)| Record { data: all.slice(range), ..record }).collect()
    }
}

/// Frames of records from the log.
pub(super) struct Frames {
    frames: Vec<u8>,
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

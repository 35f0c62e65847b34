//! What a cursor reads: frames for a response, or records for a typed stream.

use crate::event::{DecodeError, Renewal};
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

    /// Where it ends because a record could not be made one of today's; such a record comes last.
    fn unreadable(_: &Self::Draft) -> Option<Unreadable> {
        None
    }

    /// The page, and what others may have of it if it is of all topics.
    fn finish(draft: Self::Draft, core: &Core, topics: &TopicSelection) -> Self;

    /// What another has read from the log after this position, and the seq of its last record.
    fn recent(core: &Core, after: u64, topics: &TopicSelection) -> Option<(Self, u64)>;
}

/// A record of another version that could not be read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unreadable {
    pub(super) seq: u64,
    /// The seq of the record before it in the page, if there is one.
    pub(super) shown: Option<u64>,
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
            last: 0,
            ids: ids.clone(),
            renewal: renewal.clone(),
            most: copies.page_bytes(PAGE_BYTES),
            unreadable: None,
        }
    }

    fn add(draft: &mut Frames, record: RecordRef<'_>) -> ControlFlow<()> {
        if draft.renewal.is_due(record.name, record.version) {
            return draft.renew(record);
        }
        draft.write(record.id, record.name, record.data)
    }

    fn unreadable(draft: &Frames) -> Option<Unreadable> {
        draft.unreadable
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
    /// Where each record's frame ends.
    ends: Vec<usize>,
    /// The seqs of the first and the last record.
    first: u64,
    last: u64,
    ids: Ids,
    renewal: Renewal,
    /// So many bytes there are to be.
    most: usize,
    unreadable: Option<Unreadable>,
}

impl Frames {
    fn write(&mut self, id: EventId, name: &str, data: &[u8]) -> ControlFlow<()> {
        wire::write_checked_event(&mut self.frames, self.ids.event(id), name, data);
        self.last = id.seq();
        if self.ends.is_empty() {
            self.first = self.last;
        }
        self.ends.push(self.frames.len());
        full(self.frames.len() >= self.most)
    }

    /// Writes a record of another version as it is written today.
    fn renew(&mut self, record: RecordRef<'_>) -> ControlFlow<()> {
        let mut data = Vec::new();
        match self.renewal.renew(record.raw(), &mut data) {
            Ok(name) => self.write(record.id, name, &data),
            Err(error) => {
                tell_unreadable(&error, record.id);
                let shown = (!self.ends.is_empty()).then_some(self.last);
                self.unreadable = Some(Unreadable { seq: record.id.seq(), shown });
                ControlFlow::Break(())
            }
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

/// Without its source: serde_json quotes the value that it did not expect.
pub(super) fn tell_unreadable(error: &DecodeError, id: EventId) {
    tracing::error!(%error, %id, "a record cannot be read as an event");
}

fn full(full: bool) -> ControlFlow<()> {
    if full { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
}

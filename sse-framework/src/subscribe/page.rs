//! What a cursor reads: frames for a response, or records for a typed stream.

use crate::log::RecordRef;
use crate::tail::{Copies, Record, Tail, TailRead};
use crate::topic::TopicSelection;
use crate::wire;
use bytes::Bytes;
use std::borrow::Cow;
use std::ops::ControlFlow;

/// Some records in a row, in the form that the reader wants.
pub(super) trait Page: Sized + Unpin + 'static {
    /// A page that is being read from the log.
    type Draft: Send + 'static;

    /// Whether a subscription that is ended still reads what there is: who cannot come back must.
    const TO_THE_END: bool;

    fn is_empty(&self) -> bool;

    /// What the tail has after a position.
    fn from_tail(tail: &Tail, after: u64, topics: &TopicSelection) -> TailRead<Self>;

    /// A page to which records from the log are added.
    fn draft(copies: &Copies) -> Self::Draft;

    /// Adds a record from the log; breaks when the page is full.
    fn add(draft: &mut Self::Draft, record: RecordRef<'_>) -> ControlFlow<()>;

    fn finish(draft: Self::Draft, copies: &Copies) -> Self;
}

/// Large enough that the write costs more than what surrounds it, small enough to be cheap for ten
/// thousand clients.
const PAGE_BYTES: usize = 128 << 10;
const PAGE_RECORDS: usize = 256;

impl Page for Bytes {
    /// The frames, and how many bytes of them there are to be.
    type Draft = (Vec<u8>, usize);
    const TO_THE_END: bool = false;

    fn is_empty(&self) -> bool {
        self.is_empty()
    }

    fn from_tail(tail: &Tail, after: u64, topics: &TopicSelection) -> TailRead<Self> {
        tail.frames(after, topics, PAGE_BYTES)
    }

    fn draft(copies: &Copies) -> Self::Draft {
        (Vec::new(), copies.page_bytes(PAGE_BYTES))
    }

    fn add((frames, most): &mut Self::Draft, record: RecordRef<'_>) -> ControlFlow<()> {
        wire::write_checked_event(frames, record.id, record.name, record.data);
        full(frames.len() >= *most)
    }

    fn finish((frames, _): Self::Draft, copies: &Copies) -> Self {
        copies.hold(frames)
    }
}

impl Page for Vec<Record> {
    type Draft = (Vec<Record>, usize);
    const TO_THE_END: bool = true;

    fn is_empty(&self) -> bool {
        self.is_empty()
    }

    fn from_tail(tail: &Tail, after: u64, topics: &TopicSelection) -> TailRead<Self> {
        tail.records(after, topics, PAGE_RECORDS)
    }

    fn draft(_: &Copies) -> Self::Draft {
        (Vec::new(), 0)
    }

    fn add((records, bytes): &mut Self::Draft, record: RecordRef<'_>) -> ControlFlow<()> {
        *bytes += record.data.len();
        records.push(Record {
            id: record.id,
            time_ms: record.time_ms,
            topic: record.topic.and_then(|topic| topic.parse().ok()),
            name: Cow::Owned(record.name.to_owned()),
            version: record.version,
            data: Bytes::copy_from_slice(record.data),
        });
        full(*bytes >= PAGE_BYTES || records.len() >= PAGE_RECORDS)
    }

    fn finish((records, _): Self::Draft, _: &Copies) -> Self {
        records
    }
}

fn full(full: bool) -> ControlFlow<()> {
    if full { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
}

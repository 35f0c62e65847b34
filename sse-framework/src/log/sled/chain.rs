//! Packs batches into blocks.

use super::block::{BLOCK_BYTES, BlockBuilder, Encoded, bytes_of_key, most_bytes};
use crate::id::{Epoch, EventId};
use crate::log::{Batch, BatchKey, NewRecord, RecordRef};
use crate::planted::planted;
use crate::topic::Topic;

/// Where the records of a commit go.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) epoch: Epoch,
    pub(crate) first: u64,
    /// The seq up to which the log is synced.
    pub(crate) synced: u64,
    pub(crate) time_ms: u64,
}

impl Place {
    fn block(self, first: u64) -> BlockBuilder {
        BlockBuilder::new(self.epoch, first, self.synced, self.time_ms)
    }

    fn record(self, seq: u64, record: &NewRecord) -> RecordRef<'_> {
        RecordRef {
            id: EventId::new(self.epoch, seq),
            time_ms: self.time_ms,
            topic: record.topic.as_ref().map(Topic::as_str),
            name: &record.name,
            version: record.version,
            data: &record.data,
        }
    }
}

/// The blocks of a commit. A batch lies wholly in one block, or is a chain that begins with a
/// fresh block and shares none of its blocks.
pub(crate) fn pack(batches: &[Batch], place: Place) -> Vec<Encoded> {
    let mut blocks = Vec::new();
    let mut open = place.block(place.first);
    for batch in batches {
        let mut key = batch.key.filter(|_| !planted("key-not-kept"));
        let sizes = batch.records.iter().map(|record| most_bytes(&place.record(0, record)));
        let needed = sizes.sum::<usize>() + bytes_of_key(key);
        if !open.has_room(needed, batch.records.len()) {
            open = finish(open, None, &mut blocks, place);
        }
        let first = open.next();
        let whole = open.has_room(needed, batch.records.len());
        let chain = (first, first + (batch.records.len() as u64).saturating_sub(1));
        for (seq, record) in (first..).zip(&batch.records) {
            // The first record has it.
            let (record, key) = (place.record(seq, record), key.take());
            if whole {
                open.push(&record, key);
            } else {
                open =
                    push_link(open, &record, key, Some(chain), &mut blocks, |at| place.block(at));
            }
        }
        if !whole {
            open = finish(open, Some(chain), &mut blocks, place);
        }
    }
    finish(open, None, &mut blocks, place);
    blocks
}

fn finish(
    open: BlockBuilder,
    chain: Option<(u64, u64)>,
    blocks: &mut Vec<Encoded>,
    place: Place,
) -> BlockBuilder {
    if open.is_empty() {
        return open;
    }
    let next = open.next();
    blocks.push(open.finish(chain));
    place.block(next)
}

/// Adds a record and its key to `open`, or to the block after it, or in fragments to blocks of its own, and
/// returns the block that is open then.
pub(crate) fn push_link(
    mut open: BlockBuilder,
    record: &RecordRef<'_>,
    key: Option<BatchKey>,
    chain: Option<(u64, u64)>,
    blocks: &mut Vec<Encoded>,
    block_at: impl Fn(u64) -> BlockBuilder,
) -> BlockBuilder {
    let bytes = most_bytes(record) + bytes_of_key(key);
    if !open.is_empty() && !open.has_room(bytes, 1) {
        let next = open.next();
        blocks.push(open.finish(chain));
        open = block_at(next);
    }
    if open.has_room(bytes, 1) {
        open.push(record, key);
        return open;
    }
    let next = open.next() + 1;
    blocks.extend(open.fragments(record, key, chain));
    block_at(next)
}

const _: () = assert!(BLOCK_BYTES <= 123 * 1024, "larger values leave the engine's log");

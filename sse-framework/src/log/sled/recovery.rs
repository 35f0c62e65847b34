//! Finds out what a segment holds that has not been sealed.

use super::block::{Block, Totals};
use super::index::{INDEX_SEQ, Index};
use super::segment::{Database, Value};
use crate::log::{History, LogError};

/// What a segment holds.
#[derive(Debug)]
pub(crate) struct Scanned {
    pub(crate) index: Index,
    /// The last seq of the last chain that is whole.
    pub(crate) last: u64,
    /// Why something comes after that.
    pub(crate) garbage: Option<&'static str>,
    /// The last seq that a readable block knows to have been synced.
    pub(crate) synced: u64,
}

impl Scanned {
    /// Fails unless the records up to `last` are there.
    pub(crate) fn must_reach(&self, last: u64, database: &Database) -> Result<(), LogError> {
        if self.last >= last {
            return Ok(());
        }
        Err(LogError::Damaged {
            path: database.path().into(),
            first: self.last + 1,
            last,
            reason: self.garbage.unwrap_or("the records are missing").into(),
        })
    }
}

/// Reads a segment from its start to the end of its last whole chain, at most to `end`.
pub(crate) fn scan(
    database: &Database,
    first: u64,
    end: u64,
    epochs: &History,
) -> Result<Scanned, LogError> {
    let mut scan = Scan {
        found: Scanned { index: Index::new(first), last: first - 1, garbage: None, synced: 0 },
        next: (first, 0),
        chain: Vec::new(),
    };
    for entry in database.scan(&super::block::key(first, 0)) {
        let (key, value) = entry?;
        let (seq, _) = super::block::split_key(&key);
        if seq == INDEX_SEQ || seq > end {
            break;
        }
        let block = Block::decode(&key, &value);
        // The state knows every epoch before it writes, so this is no matter of a crash.
        if block.as_ref().is_ok_and(|block| epochs.id(seq).epoch() != block.header.epoch) {
            return Err(LogError::Format {
                path: database.path().into(),
                reason: format!("record {seq} is not of an epoch that the file `state` knows"),
            });
        }
        scan.see(super::block::split_key(&key), block, &value);
    }
    if !scan.chain.is_empty() {
        scan.found.garbage.get_or_insert("a batch is incomplete");
    }
    Ok(scan.found)
}

struct Scan {
    found: Scanned,
    /// The seq and fragment that must come next.
    next: (u64, u32),
    /// The blocks of a chain that is not complete yet.
    chain: Vec<(u64, Vec<Box<str>>, Totals)>,
}

impl Scan {
    fn see(&mut self, at: (u64, u32), block: Result<Block<'_>, &'static str>, value: &Value) {
        let block = match block {
            Ok(block) => block,
            Err(reason) => {
                self.found.garbage.get_or_insert(reason);
                return;
            }
        };
        self.found.synced = self.found.synced.max(block.header.synced);
        if self.found.garbage.is_some() {
            return;
        }
        if at != self.next {
            self.found.garbage = Some("a block is missing");
            return;
        }
        let header = block.header;
        let complete = at.1 + 1 >= header.fragments;
        self.next = match complete {
            true => (header.last() + 1, 0),
            false => (at.0, at.1 + 1),
        };
        self.found.index.note_stored(value);
        if at.1 == 0 {
            let topics = block.topics().iter().map(|&topic| topic.into()).collect();
            self.chain.push((header.first, topics, block.totals()));
        }
        if complete && header.last() == header.chain.1 {
            self.found.last = header.last();
            for (first, topics, totals) in self.chain.drain(..) {
                self.found.index.add(first, topics, totals);
            }
        }
    }
}

//! Which blocks of a segment hold which topics.
//!
//! A sealed segment stores its index like a record in fragments, with the seq `u64::MAX - 1`. Put
//! together, with numbers little-endian:
//!
//! | bytes | what |
//! |------:|------|
//! | 4 | CRC-32 of the checksums of all blocks, in order |
//! | 4 | number of topics |
//! | | for each topic: 2 bytes of length, the text, 4 bytes with the number of blocks, and for each block 4 bytes: its first seq, less that of the segment |

use super::block::{Block, BlockBuilder, Close, Encoded, Rest, Summary, Totals, key};
use super::segment::Database;
use crate::id::{Epoch, EventId};
use crate::log::{LogError, RecordRef, StoredKey};
use crate::topic::Topic;
use std::collections::{HashMap, HashSet};

/// The seq under which an index is stored.
pub(crate) const INDEX_SEQ: u64 = u64::MAX - 1;

/// The index of one segment, and what its records come to.
#[derive(Debug)]
pub(crate) struct Index {
    /// The segment's first seq.
    pub(crate) first: u64,
    topics: HashMap<Box<str>, Vec<u32>>,
    checksums: crc32fast::Hasher,
    /// The topics that have been closed; of a sealed segment they stand in a file of their own.
    pub(crate) closes: Vec<Close>,
    /// The keys of its batches, in order; of a sealed segment they stand in a file of their own, too.
    pub(crate) keys: Vec<StoredKey>,
    /// How many blocks have been added.
    pub(crate) blocks: u64,
    pub(crate) totals: Totals,
}

impl Index {
    /// The index of an empty segment.
    pub(crate) fn new(first: u64) -> Self {
        Index {
            first,
            topics: HashMap::new(),
            checksums: crc32fast::Hasher::new(),
            closes: Vec::new(),
            keys: Vec::new(),
            blocks: 0,
            totals: Totals::default(),
        }
    }

    /// Adds the block that follows.
    pub(crate) fn add(&mut self, first: u64, summary: Summary) {
        let Summary { topics, closes, keys, totals } = summary;
        let block = self.offset(first);
        for topic in topics {
            self.topics.entry(topic).or_default().push(block);
        }
        self.closes.extend(closes);
        self.keys.extend(keys);
        self.blocks += 1;
        self.totals.add(totals);
    }

    /// Takes note of the checksum of a block, of which the first 8 bytes are enough.
    pub(crate) fn note_stored(&mut self, block: &[u8]) {
        self.checksums.update(block.get(4..8).unwrap_or_default());
    }

    fn offset(&self, seq: u64) -> u32 {
        u32::try_from(seq.saturating_sub(self.first)).unwrap_or(u32::MAX)
    }

    /// The first seqs of blocks that hold one of `topics`, in order, beginning with the block at
    /// `from`; and where to go on if these are not all.
    pub(crate) fn blocks_of(
        &self,
        topics: &HashSet<Topic>,
        from: u64,
        most: usize,
    ) -> (Vec<u64>, Option<u64>) {
        let (from, mut horizon, mut found) = (self.offset(from), u32::MAX, Vec::new());
        for topic in topics {
            let Some(blocks) = self.topics.get(topic.as_str()) else { continue };
            let blocks = &blocks[blocks.partition_point(|&block| block < from)..];
            let some = &blocks[..blocks.len().min(most)];
            if let (true, Some(&last)) = (some.len() < blocks.len(), some.last()) {
                horizon = horizon.min(last);
            }
            found.extend_from_slice(some);
        }
        found.retain(|&block| block <= horizon);
        found.sort_unstable();
        found.dedup();
        let next = (horizon < u32::MAX).then(|| self.first + u64::from(horizon) + 1);
        (found.into_iter().map(|block| self.first + u64::from(block)).collect(), next)
    }

    /// The index as blocks, for a segment that is being sealed, and its checksum.
    pub(crate) fn blocks_to_store(&self) -> (Vec<Encoded>, u32) {
        let data = self.encode();
        let id = EventId::new(Epoch::from_token(0), INDEX_SEQ);
        let name = "sse-index";
        let record = RecordRef { id, time_ms: 0, topic: None, name, version: 1, data: &data };
        let blocks = BlockBuilder::new(id.epoch(), INDEX_SEQ, 0, 0).fragments(&record, None, None);
        (blocks, crc32fast::hash(&data))
    }

    /// Reads what was stored. The error says what is wrong with it.
    pub(crate) fn load(
        database: &Database,
        first: u64,
        crc: u32,
        totals: Totals,
    ) -> Result<Result<Self, &'static str>, LogError> {
        let mut encoded = Vec::new();
        let mut scan = database.scan(&key(INDEX_SEQ, 0));
        while let Some(entry) = scan.next() {
            let (key, value) = entry?;
            match Block::decode(&key, value) {
                Ok(block) => encoded.extend_from_slice(block.data()),
                Err(reason) => return Ok(Err(reason)),
            }
        }
        if crc32fast::hash(&encoded) != crc {
            return Ok(Err("the checksum of its index does not match"));
        }
        Ok(Index::decode(first, &encoded, totals))
    }

    fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        out.extend(self.checksums.clone().finalize().to_le_bytes());
        out.extend((self.topics.len() as u32).to_le_bytes());
        for (topic, blocks) in &self.topics {
            out.extend((topic.len() as u16).to_le_bytes());
            out.extend_from_slice(topic.as_bytes());
            out.extend((blocks.len() as u32).to_le_bytes());
            out.extend(blocks.iter().flat_map(|block| block.to_le_bytes()));
        }
        out
    }

    fn decode(first: u64, bytes: &[u8], totals: Totals) -> Result<Self, &'static str> {
        let mut rest = Rest(bytes);
        let mut index = Index { totals, ..Index::new(first) };
        rest.u32()?;
        for _ in 0..rest.u32()? {
            let topic = rest.text()?;
            let count = rest.u32()? as usize;
            let blocks = rest.take(count.checked_mul(4).ok_or("an index is cut short")?)?;
            let (blocks, _) = blocks.as_chunks::<4>();
            let blocks = blocks.iter().map(|block| u32::from_le_bytes(*block)).collect();
            index.topics.insert(topic.into(), blocks);
        }
        Ok(index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_of_topics_come_in_order_and_in_parts() {
        let mut index = Index::new(10);
        for block in 0..20u64 {
            let topics = if block % 3 == 0 { vec!["a", "b"] } else { vec!["c"] };
            let topics = topics.into_iter().map(Into::into).collect();
            index.add(10 + block, Summary { topics, ..Summary::default() });
        }
        let index = Index::decode(10, &index.encode(), Totals::default()).unwrap();
        let all = |names: &[&str], most| {
            let topics = names.iter().map(|name| name.parse().unwrap()).collect();
            let (mut found, mut from) = (Vec::new(), Some(13));
            while let Some(at) = from {
                let (some, next) = index.blocks_of(&topics, at, most);
                found.extend(some);
                from = next;
            }
            found
        };
        for most in 1..9 {
            assert_eq!(all(&["a"], most), [13, 16, 19, 22, 25, 28]);
            assert_eq!(all(&["a", "b", "c"], most), (13..30).collect::<Vec<_>>());
            assert_eq!(all(&["d"], most), [0; 0]);
        }
    }
}

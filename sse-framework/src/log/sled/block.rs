//! Blocks: what the log stores under one key of a segment.
//!
//! The key is the seq of the block's first record, 8 bytes big-endian, and the number of the
//! fragment, 4 bytes big-endian, 0 unless an event needs more than one block. The value, with
//! numbers little-endian:
//!
//! | offset | bytes | what |
//! |-------:|------:|------|
//! | 0 | 1 | format of the block, 1 |
//! | 1 | 1 | kind: 0 whole records, 1 fragment of one record, and 2 more if it has keys |
//! | 2 | 2 | number of topics |
//! | 4 | 4 | CRC-32 of the key, bytes 0..4 and bytes 8.. |
//! | 8 | 8 | token of the epoch that wrote it |
//! | 16 | 8 | seq of the first record of the chain |
//! | 24 | 8 | seq of the last record of the chain |
//! | 32 | 8 | seq up to which the log was synced when this was written |
//! | 40 | 8 | time of the first record, in milliseconds since 1970 |
//! | 48 | 4 | number of records |
//! | 52 | 4 | number of fragments of the record, 0 for whole records |
//! | 56 | 2 | number of types |
//! | 58 | 2 | number of the fragment, as in the key |
//! | 60 | 4 | seq of the first record, less that of the chain |
//! | 64 | 4 | length of the block |
//! | 68 | 4 | `SSEb` |
//! | 72 | | the topics: 2 bytes of length and the text, each |
//! | | | the types: 2 bytes of length, the name, 4 bytes of schema version, each |
//! | | 12 each | the records: where the payload ends (4), topic (2, `0xffff` none), type (2), milliseconds since the first (4) |
//! | | | if it has keys: 2 bytes with their number, and for each 4 bytes with the number of its record in the block, and 16 bytes each of the key and of what it was given for |
//! | | | the payloads |
//!
//! So a block tells its own key and length: it can be found again without the engine, see `carve`.
//!
//! A *chain* is what is kept all or none: the blocks of one batch that needs more than one. A
//! block that is complete by itself is its own chain. Fragment 0 of a record states where the
//! whole payload ends; the other fragments carry neither topics, types, records nor keys. A key
//! stands with the first record of the batch that was published with it.

mod decode;
mod encode;
mod rest;
mod summary;
#[cfg(test)]
mod tests;

use crate::id::Epoch;

pub(crate) use decode::Block;
pub(crate) use encode::{BlockBuilder, Encoded, bytes_of_key, most_bytes};
pub(crate) use rest::Rest;
pub(crate) use summary::{Close, Summary, Totals};

/// The most bytes of a block, unless a single record needs more.
pub(crate) const BLOCK_BYTES: usize = 64 * 1024;

/// Where a block is stored.
pub(crate) type Key = [u8; 12];

/// The key of a block, or of a fragment of its one record.
pub(crate) fn key(first: u64, fragment: u32) -> Key {
    let mut key = [0; 12];
    key[..8].copy_from_slice(&first.to_be_bytes());
    key[8..].copy_from_slice(&fragment.to_be_bytes());
    key
}

/// The first seq and the fragment of a key.
pub(crate) fn split_key(key: &Key) -> (u64, u32) {
    let [a, b, c, d, e, f, g, h, i, j, k, l] = *key;
    (u64::from_be_bytes([a, b, c, d, e, f, g, h]), u32::from_be_bytes([i, j, k, l]))
}

const FORMAT: u8 = 1;
const RECORDS: u8 = 0;
const FRAGMENT: u8 = 1;
/// Set in addition to one of these.
const KEYS: u8 = 2;
/// Bytes of a block before its topics.
pub(crate) const HEADER: usize = 72;
const MAGIC: [u8; 4] = *b"SSEb";
const ENTRY: usize = 12;
const KEY_ENTRY: usize = 36;
const NO_TOPIC: u16 = 0xffff;
/// What all records of a block have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) epoch: Epoch,
    pub(crate) first: u64,
    pub(crate) chain: (u64, u64),
    pub(crate) synced: u64,
    pub(crate) time_ms: u64,
    pub(crate) count: u32,
    /// 0 for whole records.
    pub(crate) fragments: u32,
}

impl Header {
    pub(crate) fn last(&self) -> u64 {
        self.first + u64::from(self.count) - 1
    }
}

pub(super) fn checksum(key: &Key, block: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(key);
    hasher.update(block.get(..4).unwrap_or_default());
    hasher.update(block.get(8..).unwrap_or_default());
    hasher.finalize()
}

/// What the header of a block says of where it belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Extent {
    pub(crate) key: Key,
    /// Of the block.
    pub(crate) length: usize,
    /// Records.
    pub(crate) count: u32,
    /// 0 for whole records.
    pub(crate) fragments: u32,
}

/// The extent of the block that seems to begin here.
pub(crate) fn extent(bytes: &[u8]) -> Option<Extent> {
    let header = bytes.get(..HEADER)?;
    if header[0] != FORMAT || header[1] > (FRAGMENT | KEYS) || header[68..] != MAGIC {
        return None;
    }
    let mut rest = Rest(&header[48..]);
    let (count, fragments) = (rest.u32().ok()?, rest.u32().ok()?);
    let chain = Rest(&header[16..]).u64().ok()?;
    let mut rest = Rest(&header[58..]);
    let fragment = u16::from_le_bytes(rest.array().ok()?);
    let first = chain.checked_add(u64::from(rest.u32().ok()?))?;
    let length = rest.u32().ok()? as usize;
    let key = key(first, u32::from(fragment));
    Some(Extent { key, length, count, fragments }).filter(|_| length >= HEADER)
}

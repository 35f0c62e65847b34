//! Makes blocks of records.

use super::{
    BLOCK_BYTES, Close, ENTRY, FORMAT, FRAGMENT, HEADER, Header, KEY_ENTRY, KEYS, Key, MAGIC,
    NO_TOPIC, RECORDS, Summary, Totals, checksum, key, split_key,
};
use crate::id::Epoch;
use crate::log::{BatchKey, RecordRef, StoredKey};
use std::collections::HashMap;

/// Payload bytes of a fragment: with its header and dictionaries it stays within [`BLOCK_BYTES`]
/// unless the type's name is absurdly long.
const FRAGMENT_BYTES: usize = BLOCK_BYTES - 2048;

/// A block that is complete.
#[derive(Debug)]
pub(crate) struct Encoded {
    pub(crate) key: Key,
    pub(crate) value: Vec<u8>,
    pub(crate) summary: Summary,
}

/// Bytes that a key takes at most in a block.
pub(crate) fn bytes_of_key(key: Option<BatchKey>) -> usize {
    key.map_or(0, |_| 2 + KEY_ENTRY)
}

/// Bytes that a record takes at most in a block.
pub(crate) fn most_bytes(record: &RecordRef<'_>) -> usize {
    ENTRY + record.data.len() + 2 + record.topic.map_or(0, str::len) + 6 + record.name.len()
}

/// A block in the making.
#[derive(Debug)]
pub(crate) struct BlockBuilder {
    header: Header,
    topics: HashMap<Box<str>, u16>,
    topic_bytes: Vec<u8>,
    /// Few: they are the app's own.
    types: Vec<(Box<str>, u32)>,
    type_bytes: Vec<u8>,
    entries: Vec<u8>,
    key_bytes: Vec<u8>,
    data: Vec<u8>,
    closes: Vec<Close>,
    keys: Vec<StoredKey>,
    totals: Totals,
}

impl BlockBuilder {
    /// An empty block whose first record will be at `first`.
    pub(crate) fn new(epoch: Epoch, first: u64, synced: u64, time_ms: u64) -> Self {
        let chain = (first, first);
        BlockBuilder {
            header: Header { epoch, first, chain, synced, time_ms, count: 0, fragments: 0 },
            topics: HashMap::new(),
            topic_bytes: Vec::new(),
            types: Vec::new(),
            type_bytes: Vec::new(),
            entries: Vec::new(),
            key_bytes: Vec::new(),
            data: Vec::new(),
            closes: Vec::new(),
            keys: Vec::new(),
            totals: Totals::default(),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.header.count == 0
    }

    pub(crate) fn epoch(&self) -> Epoch {
        self.header.epoch
    }

    /// The seq that the next record gets.
    pub(crate) fn next(&self) -> u64 {
        self.header.first + u64::from(self.header.count)
    }

    /// Whether records that take at most so many bytes fit in.
    pub(crate) fn has_room(&self, bytes: usize, records: usize) -> bool {
        let taken = HEADER
            + self.topic_bytes.len()
            + self.type_bytes.len()
            + self.entries.len()
            + self.key_bytes.len()
            + self.data.len();
        taken + bytes <= BLOCK_BYTES && self.header.count as usize + records < NO_TOPIC as usize
    }

    /// Whether a record of this time can stand in this block.
    pub(crate) fn reaches(&self, time_ms: u64) -> bool {
        time_ms.checked_sub(self.header.time_ms).is_some_and(|delta| delta <= u64::from(u32::MAX))
    }

    /// Adds a record, which gets the next seq, and the key of the batch that begins with it.
    pub(crate) fn push(&mut self, record: &RecordRef<'_>, key: Option<BatchKey>) {
        self.data.extend_from_slice(record.data);
        let end = self.data.len();
        self.push_entry(record, key, end);
    }

    fn push_entry(&mut self, record: &RecordRef<'_>, key: Option<BatchKey>, end: usize) {
        if let Some(key) = key {
            self.push_key(record, key);
        }
        let topic = record.topic.map_or(NO_TOPIC, |topic| self.topic(topic));
        let type_ = self.type_(record.name, record.version);
        let delta = record.time_ms.saturating_sub(self.header.time_ms);
        self.entries.extend((end as u32).to_le_bytes());
        self.entries.extend(topic.to_le_bytes());
        self.entries.extend(type_.to_le_bytes());
        self.entries.extend((delta.min(u64::from(u32::MAX)) as u32).to_le_bytes());
        self.header.count += 1;
        self.closes.extend(Close::of(record));
        let bytes = record.topic.map_or(0, str::len) + record.name.len() + record.data.len();
        self.totals.add(Totals {
            count: 1,
            bytes: bytes as u64,
            first_time: record.time_ms,
            last_time: record.time_ms,
        });
    }

    fn push_key(&mut self, record: &RecordRef<'_>, key: BatchKey) {
        if self.keys.is_empty() {
            self.key_bytes.extend([0; 2]);
        }
        self.key_bytes.extend(self.header.count.to_le_bytes());
        self.key_bytes.extend(key.key.to_le_bytes());
        self.key_bytes.extend(key.content.to_le_bytes());
        self.keys.push(StoredKey { id: record.id, time_ms: record.time_ms, key });
        self.key_bytes[..2].copy_from_slice(&(self.keys.len() as u16).to_le_bytes());
    }

    fn topic(&mut self, topic: &str) -> u16 {
        if let Some(&place) = self.topics.get(topic) {
            return place;
        }
        let place = self.topics.len() as u16;
        self.topics.insert(topic.into(), place);
        self.topic_bytes.extend((topic.len() as u16).to_le_bytes());
        self.topic_bytes.extend_from_slice(topic.as_bytes());
        place
    }

    fn type_(&mut self, name: &str, version: u32) -> u16 {
        let known = |(n, v): &(Box<str>, u32)| **n == *name && *v == version;
        if let Some(place) = self.types.iter().position(known) {
            return place as u16;
        }
        let place = self.types.len() as u16;
        self.types.push((name.into(), version));
        self.type_bytes.extend((name.len() as u16).to_le_bytes());
        self.type_bytes.extend_from_slice(name.as_bytes());
        self.type_bytes.extend(version.to_le_bytes());
        place
    }

    /// The block, as a link of `chain`, or as a chain of its own.
    pub(crate) fn finish(mut self, chain: Option<(u64, u64)>) -> Encoded {
        self.header.chain = chain.unwrap_or((self.header.first, self.header.last()));
        let data = std::mem::take(&mut self.data);
        self.encode(&data)
    }

    fn encode(self, data: &[u8]) -> Encoded {
        let key = key(self.header.first, 0);
        let (topics, types) = (self.topics.len() as u16, self.types.len() as u16);
        let body = [&self.topic_bytes[..], &self.type_bytes, &self.entries, &self.key_bytes, data];
        let value = self.header.encode(&key, topics, types, !self.keys.is_empty(), &body);
        let topics = self.topics.into_keys().collect();
        let BlockBuilder { closes, keys, totals, .. } = self;
        let summary = Summary { topics, closes, keys, totals };
        Encoded { key, value, summary }
    }

    /// The fragments of a record that is too large for a block; this one must be empty.
    pub(crate) fn fragments(
        mut self,
        record: &RecordRef<'_>,
        batch_key: Option<BatchKey>,
        chain: Option<(u64, u64)>,
    ) -> Vec<Encoded> {
        let first = self.header.first;
        self.push_entry(record, batch_key, record.data.len());
        self.header.chain = chain.unwrap_or((first, first));
        self.header.fragments = record.data.len().div_ceil(FRAGMENT_BYTES).max(1) as u32;
        let header = self.header;
        let mut pieces = record.data.chunks(FRAGMENT_BYTES);
        let mut encoded = vec![self.encode(pieces.next().unwrap_or_default())];
        for (piece, fragment) in pieces.zip(1..) {
            let key = key(first, fragment);
            let value = header.encode(&key, 0, 0, false, &[piece]);
            encoded.push(Encoded { key, value, summary: Summary::default() });
        }
        encoded
    }
}

impl Header {
    fn encode(
        &self,
        key: &Key,
        topics: u16,
        types: u16,
        has_keys: bool,
        body: &[&[u8]],
    ) -> Vec<u8> {
        let length = HEADER + body.iter().map(|part| part.len()).sum::<usize>();
        let mut out = Vec::with_capacity(length);
        let kind = if self.fragments == 0 { RECORDS } else { FRAGMENT };
        out.extend([FORMAT, if has_keys { kind | KEYS } else { kind }]);
        out.extend(topics.to_le_bytes());
        out.extend([0; 4]);
        out.extend(self.epoch.token().to_le_bytes());
        out.extend(self.chain.0.to_le_bytes());
        out.extend(self.chain.1.to_le_bytes());
        out.extend(self.synced.to_le_bytes());
        out.extend(self.time_ms.to_le_bytes());
        out.extend(self.count.to_le_bytes());
        out.extend(self.fragments.to_le_bytes());
        out.extend(types.to_le_bytes());
        let (_, fragment) = split_key(key);
        out.extend((fragment as u16).to_le_bytes());
        out.extend(((self.first - self.chain.0) as u32).to_le_bytes());
        out.extend((length as u32).to_le_bytes());
        out.extend(MAGIC);
        for part in body {
            out.extend_from_slice(part);
        }
        let crc = checksum(key, &out);
        out[4..8].copy_from_slice(&crc.to_le_bytes());
        out
    }
}

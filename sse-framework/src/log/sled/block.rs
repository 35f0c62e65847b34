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

#[cfg(test)]
mod tests;

use crate::id::{Epoch, EventId};
use crate::log::{BatchKey, RecordRef, StoredKey, TOPIC_CLOSE};
use crate::planted::planted;
use std::collections::HashMap;

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
/// Payload bytes of a fragment: with its header and dictionaries it stays within [`BLOCK_BYTES`]
/// unless the type's name is absurdly long.
const FRAGMENT_BYTES: usize = BLOCK_BYTES - 2048;

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

pub(super) fn checksum(key: &Key, block: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(key);
    hasher.update(block.get(..4).unwrap_or_default());
    hasher.update(block.get(8..).unwrap_or_default());
    hasher.finalize()
}

/// A block that is complete.
#[derive(Debug)]
pub(crate) struct Encoded {
    pub(crate) key: Key,
    pub(crate) value: Vec<u8>,
    pub(crate) summary: Summary,
}

/// What an index notes of a block.
#[derive(Debug, Default)]
pub(crate) struct Summary {
    /// The topics of its records.
    pub(crate) topics: Vec<Box<str>>,
    pub(crate) closes: Vec<Close>,
    pub(crate) keys: Vec<StoredKey>,
    pub(crate) totals: Totals,
}

/// A topic, and the seq of the record that closes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Close {
    pub(crate) seq: u64,
    pub(crate) topic: Box<str>,
}

impl Close {
    /// The close that a record is, if it is one.
    fn of(record: &RecordRef<'_>) -> Option<Self> {
        record.closes().map(|topic| Close { seq: record.id.seq(), topic: topic.into() })
    }
}

/// What some records come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    pub(crate) count: u64,
    /// Of payloads, names and topics.
    pub(crate) bytes: u64,
    pub(crate) first_time: u64,
    pub(crate) last_time: u64,
}

impl Totals {
    /// Adds the records that follow.
    pub(crate) fn add(&mut self, next: Totals) {
        if next.count == 0 {
            return;
        }
        if self.count == 0 {
            self.first_time = next.first_time;
        }
        self.last_time = next.last_time;
        self.count += next.count;
        self.bytes += next.bytes;
    }
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

/// A block that has been read and checked.
#[derive(Debug)]
pub(crate) struct Block<'a> {
    pub(crate) header: Header,
    topics: Vec<&'a str>,
    types: Vec<(&'a str, u32)>,
    entries: &'a [u8],
    keys: &'a [u8],
    data: &'a [u8],
}

impl<'a> Block<'a> {
    /// Checks a block and takes it apart. The error says what is wrong with it.
    pub(crate) fn decode(key: &Key, bytes: &'a [u8]) -> Result<Self, &'static str> {
        let mut rest = Rest(bytes);
        let ([format], [kind]) = (rest.array::<1>()?, rest.array::<1>()?);
        if format != FORMAT {
            return Err("a block of an unknown format");
        }
        let (kind, has_keys) = (kind & !KEYS, kind & KEYS != 0);
        let topic_count = u16::from_le_bytes(rest.array()?);
        if u32::from_le_bytes(rest.array()?) != checksum(key, bytes) && !planted("crc-skipped") {
            return Err("a block's checksum does not match");
        }
        let (first, fragment) = split_key(key);
        let header = Header {
            epoch: Epoch::from_token(rest.u64()?),
            first,
            chain: (rest.u64()?, rest.u64()?),
            synced: rest.u64()?,
            time_ms: rest.u64()?,
            count: rest.u32()?,
            fragments: rest.u32()?,
        };
        let type_count = u16::from_le_bytes(rest.array()?);
        rest.take(HEADER - 58)?;
        if header.count == 0
            || (kind == FRAGMENT) != (header.fragments > 0)
            || (header.fragments > 0 && header.count != 1)
            || (kind == RECORDS && fragment != 0)
            || (kind == FRAGMENT && fragment >= header.fragments)
            || (has_keys && fragment != 0)
            || first.checked_add(u64::from(header.count)).is_none()
            || header.chain.0 > first
            || header.chain.1 < header.last()
            || extent(bytes).is_none_or(|told| (told.key, told.length) != (*key, bytes.len()))
        {
            return Err("a block's header contradicts itself");
        }
        let topics = (0..topic_count).map(|_| rest.text()).collect::<Result<_, _>>()?;
        let types = (0..type_count).map(|_| rest.type_()).collect::<Result<_, _>>()?;
        let entries = match fragment {
            0 => rest.take(header.count as usize * ENTRY)?,
            _ => &[],
        };
        let keys = match has_keys {
            true => usize::from(u16::from_le_bytes(rest.array()?)) * KEY_ENTRY,
            false => 0,
        };
        let keys = rest.take(keys)?;
        let block = Block { header, topics, types, entries, keys, data: rest.0 };
        block.check_entries()?;
        block.check_keys()?;
        Ok(block)
    }

    fn check_entries(&self) -> Result<(), &'static str> {
        let mut from = 0;
        for entry in self.entries.chunks_exact(ENTRY).map(Entry::new) {
            let topic = entry.topic == NO_TOPIC || usize::from(entry.topic) < self.topics.len();
            let type_ = usize::from(entry.type_) < self.types.len();
            let end = self.header.fragments > 0 || entry.end <= self.data.len();
            if !(topic && type_ && end) || entry.end < from {
                return Err("a block's table of records contradicts itself");
            }
            from = entry.end;
        }
        Ok(())
    }

    fn check_keys(&self) -> Result<(), &'static str> {
        let mut next = 0;
        for (place, _) in self.places_of_keys() {
            if place < next || place >= self.header.count {
                return Err("a block's table of keys contradicts itself");
            }
            next = place + 1;
        }
        Ok(())
    }

    /// Its keys, and the numbers of their records.
    fn places_of_keys(&self) -> impl Iterator<Item = (u32, BatchKey)> {
        self.keys.chunks_exact(KEY_ENTRY).filter_map(|entry| {
            let mut rest = Rest(entry);
            Some((rest.u32().ok()?, rest.batch_key().ok()?))
        })
    }

    fn keys(&self) -> Vec<StoredKey> {
        let stored = |(place, key): (u32, BatchKey)| {
            let entry = self.entries.chunks_exact(ENTRY).nth(place as usize).map(Entry::new);
            let time_ms = self.time_of(entry?);
            let id = EventId::new(self.header.epoch, self.header.first + u64::from(place));
            Some(StoredKey { id, time_ms, key })
        };
        self.places_of_keys().filter_map(stored).collect()
    }

    fn time_of(&self, entry: Entry) -> u64 {
        self.header.time_ms.saturating_add(u64::from(entry.delta_ms))
    }

    /// What an index notes of it. Fragments after the first have nothing to note.
    pub(crate) fn summary(&self) -> Summary {
        let topics = self.topics.iter().map(|&topic| topic.into()).collect();
        Summary { topics, closes: self.closes(), keys: self.keys(), totals: self.totals() }
    }

    /// The topics that records of it close: small records, which are never in fragments.
    fn closes(&self) -> Vec<Close> {
        if !self.types.iter().any(|(name, _)| *name == TOPIC_CLOSE) {
            return Vec::new();
        }
        let records = self.records(self.header.first, self.header.last(), |topic| topic.is_some());
        records.filter_map(|record| Close::of(&record)).collect()
    }

    /// What its records come to. Fragments after the first have none.
    pub(crate) fn totals(&self) -> Totals {
        let mut totals = Totals::default();
        let mut start = 0;
        for entry in self.entries.chunks_exact(ENTRY).map(Entry::new) {
            let topic = self.topics.get(usize::from(entry.topic)).map_or(0, |topic| topic.len());
            let name = self.types.get(usize::from(entry.type_)).map_or(0, |(name, _)| name.len());
            let bytes = (topic + name + (entry.end - start)) as u64;
            let time_ms = self.time_of(entry);
            totals.add(Totals { count: 1, bytes, first_time: time_ms, last_time: time_ms });
            start = entry.end;
        }
        totals
    }

    /// The payload of a fragment.
    pub(crate) fn data(&self) -> &'a [u8] {
        self.data
    }

    /// How many bytes the payload of a record in fragments has, according to the first.
    pub(crate) fn whole_length(&self) -> usize {
        self.entries.chunks_exact(ENTRY).next().map_or(0, |entry| Entry::new(entry).end)
    }

    /// The record of fragment 0, with the payload put together.
    pub(crate) fn whole<'b>(&'b self, data: &'b [u8]) -> Option<RecordRef<'b>> {
        let entry = Entry::new(self.entries.get(..ENTRY)?);
        self.record(self.header.first, entry, data)
    }

    /// Its records with `seq` in `from..=until` and a topic for which `wanted` holds.
    pub(crate) fn records<'b>(
        &'b self,
        from: u64,
        until: u64,
        wanted: impl Fn(Option<&str>) -> bool + 'b,
    ) -> impl Iterator<Item = RecordRef<'b>> {
        let skip =
            from.saturating_sub(self.header.first).min(u64::from(self.header.count)) as usize;
        let mut start = match skip {
            0 => 0,
            _ => Entry::new(&self.entries[(skip - 1) * ENTRY..skip * ENTRY]).end,
        };
        let wanted_topics: Vec<bool> =
            self.topics.iter().map(|topic| wanted(Some(topic))).collect();
        let wanted_none = wanted(None);
        let entries = self.entries[skip * ENTRY..].chunks_exact(ENTRY).map(Entry::new);
        let first = self.header.first + skip as u64;
        (first..=until).zip(entries).filter_map(move |(seq, entry)| {
            let data = self.data.get(start..entry.end)?;
            start = entry.end;
            match entry.topic {
                NO_TOPIC if !wanted_none => None,
                topic if topic != NO_TOPIC && !wanted_topics[usize::from(topic)] => None,
                _ => self.record(seq, entry, data),
            }
        })
    }

    fn record<'b>(&'b self, seq: u64, entry: Entry, data: &'b [u8]) -> Option<RecordRef<'b>> {
        let (name, version) = *self.types.get(usize::from(entry.type_))?;
        Some(RecordRef {
            id: EventId::new(self.header.epoch, seq),
            time_ms: self.time_of(entry),
            topic: self.topics.get(usize::from(entry.topic)).copied(),
            name,
            version,
            data,
        })
    }
}

/// One row of the table of records.
#[derive(Clone, Copy, Debug)]
struct Entry {
    end: usize,
    topic: u16,
    type_: u16,
    delta_ms: u32,
}

impl Entry {
    fn new(bytes: &[u8]) -> Self {
        let mut rest = Rest(bytes);
        Entry {
            end: rest.u32().unwrap_or(u32::MAX) as usize,
            topic: rest.array().map_or(NO_TOPIC, u16::from_le_bytes),
            type_: rest.array().map_or(u16::MAX, u16::from_le_bytes),
            delta_ms: rest.u32().unwrap_or(0),
        }
    }
}

/// Bytes that have not been taken apart yet.
pub(crate) struct Rest<'a>(pub(crate) &'a [u8]);

impl<'a> Rest<'a> {
    pub(crate) fn take(&mut self, length: usize) -> Result<&'a [u8], &'static str> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or("a block is cut short")?;
        self.0 = rest;
        Ok(taken)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], &'static str> {
        let (taken, rest) = self.0.split_first_chunk().ok_or("a block is cut short")?;
        self.0 = rest;
        Ok(*taken)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, &'static str> {
        self.array().map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self) -> Result<u64, &'static str> {
        self.array().map(u64::from_le_bytes)
    }

    pub(crate) fn batch_key(&mut self) -> Result<BatchKey, &'static str> {
        let mut half = || self.array().map(u128::from_le_bytes);
        Ok(BatchKey { key: half()?, content: half()? })
    }

    fn type_(&mut self) -> Result<(&'a str, u32), &'static str> {
        Ok((self.text()?, self.u32()?))
    }

    pub(crate) fn text(&mut self) -> Result<&'a str, &'static str> {
        let length = u16::from_le_bytes(self.array()?);
        std::str::from_utf8(self.take(usize::from(length))?).map_err(|_| "a name is not UTF-8")
    }
}

//! Reads the records of a block.

use super::{
    Close, ENTRY, FORMAT, FRAGMENT, HEADER, Header, KEY_ENTRY, KEYS, Key, NO_TOPIC, RECORDS, Rest,
    Summary, Totals, checksum, extent, split_key,
};
use crate::id::{Epoch, EventId};
use crate::log::{BatchKey, RecordRef, StoredKey, TOPIC_CLOSE};
use crate::planted::planted;

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

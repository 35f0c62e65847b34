//! Keys by which a publish is known when it is tried again.

use super::{NewRecord, millis};
use crate::id::EventId;
use crate::topic::Topic;
use sha2::{Digest, Sha256};
use std::time::Duration;

/// What is kept of an idempotency key: of whatever length it is, and whatever it was given for, these
/// 32 bytes. Two that are equal by chance are not to be expected in the life of this planet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BatchKey {
    /// The first 128 bits of SHA-256 of the key's text, little-endian.
    pub key: u128,
    /// The same of the batch's records: their topics, names, versions and data.
    pub content: u128,
}

impl BatchKey {
    /// A key as a log of your own has kept it.
    pub fn new(key: u128, content: u128) -> Self {
        BatchKey { key, content }
    }
}

/// A key that is kept, and what it was given for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoredKey {
    /// The id of the batch's first record.
    pub id: EventId,
    /// When that was appended, in milliseconds since 1970.
    pub time_ms: u64,
    /// The key.
    pub key: BatchKey,
}

impl StoredKey {
    /// A key as a log of your own has kept it; `time_ms` is in milliseconds since 1970.
    pub fn new(id: EventId, time_ms: u64, key: BatchKey) -> Self {
        StoredKey { id, time_ms, key }
    }
}

/// For how long keys are known; whatever comes first ends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) age: Duration,
    pub(crate) count: usize,
}

impl Window {
    pub(crate) const DEFAULT: Window = Window { age: Duration::from_secs(600), count: 100_000 };

    /// Keys of an earlier time than this are no longer known, in milliseconds since 1970.
    pub(crate) fn oldest_ms(&self, now_ms: u64) -> u64 {
        now_ms.saturating_sub(millis(self.age))
    }
}

impl Default for Window {
    fn default() -> Self {
        Window::DEFAULT
    }
}

/// What is kept of a key's text.
pub(crate) fn of_text(text: &str) -> u128 {
    first_half(Sha256::new().chain_update(text))
}

/// What is kept of what a key was given for. Each part has its length before it: no two batches are
/// the same bytes.
pub(crate) fn of_records(records: &[NewRecord]) -> u128 {
    let mut hash = Sha256::new();
    let mut add = |part: &[u8]| {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    };
    for NewRecord { topic, name, version, data } in records {
        // No topic is empty.
        add(topic.as_ref().map_or("", Topic::as_str).as_bytes());
        add(name.as_bytes());
        add(&version.to_le_bytes());
        add(data);
    }
    first_half(hash)
}

fn first_half(hash: Sha256) -> u128 {
    let [first, _] = *hash.finalize().as_chunks::<16>().0 else { return 0 };
    u128::from_le_bytes(first)
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;

    fn record(topic: &str, name: &'static str, version: u32, data: &str) -> NewRecord {
        let (topic, data) = (topic.parse().ok(), data.as_bytes().to_vec());
        NewRecord { topic, name: name.into(), version, data }
    }

    /// What is kept must mean the same for ever. Checked with `printf a-key | sha256sum`.
    #[test]
    fn a_key_is_kept_as_the_beginning_of_its_sha_256() {
        let bytes = of_text("a-key").to_le_bytes();
        let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(digits, "2a8a1240f50636655520ac8ed22aa294");
    }

    #[test]
    fn whatever_is_different_makes_another_content() {
        let one = || record("a", "b", 1, "c");
        let different = [
            vec![one()],
            vec![record("", "b", 1, "c")],
            vec![record("a", "c", 1, "c")],
            vec![record("a", "b", 2, "c")],
            vec![record("a", "b", 1, "d")],
            vec![record("ab", "", 1, "c")],
            vec![one(), one()],
            vec![],
        ];
        let contents: Vec<u128> = different.iter().map(|records| of_records(records)).collect();
        for (place, content) in contents.iter().enumerate() {
            assert_eq!(contents.iter().position(|other| other == content), Some(place));
        }
        assert_eq!(of_records(&[one()]), contents[0]);
    }
}

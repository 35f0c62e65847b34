//! What a block gives back, and that nothing else is taken for one.

use super::*;
use crate::id::EventId;
use crate::log::{BatchKey, RecordRef, StoredKey};
use proptest::prelude::*;

const EPOCH: Epoch = Epoch::from_token(77);
const KEY: BatchKey = BatchKey { key: u128::MAX / 3, content: u128::MAX / 7 };

fn record<'a>(seq: u64, topic: Option<&'a str>, data: &'a [u8]) -> RecordRef<'a> {
    let id = EventId::new(EPOCH, seq);
    RecordRef { id, time_ms: 1000 + seq, topic, name: "a-name", version: 3, data }
}

fn a_block() -> Encoded {
    let mut block = BlockBuilder::new(EPOCH, 5, 4, 1005);
    block.push(&record(5, Some("a/b"), b"one"), Some(KEY));
    block.push(&record(6, None, b""), None);
    block.push(&record(7, Some("c"), b"three"), Some(BatchKey { key: 9, ..KEY }));
    block.finish(None)
}

#[test]
fn a_block_gives_back_its_records() {
    let encoded = a_block();
    let block = Block::decode(&encoded.key, &encoded.value).unwrap();
    let all: Vec<_> = block.records(0, 9, |_| true).map(|r| format!("{r:?}")).collect();
    let expected = [(5, Some("a/b"), &b"one"[..]), (6, None, b""), (7, Some("c"), b"three")];
    let expected = expected.map(|(seq, topic, data)| format!("{:?}", record(seq, topic, data)));
    assert_eq!(all, expected);
    let some: Vec<_> = block.records(6, 7, |t| t == Some("c")).map(|r| r.id.seq()).collect();
    assert_eq!(some, [7]);
    assert_eq!(block.records(6, 6, |_| true).map(|r| r.id.seq()).collect::<Vec<_>>(), [6]);
}

#[test]
fn a_block_gives_back_its_keys() {
    let encoded = a_block();
    let stored = |seq, key| {
        let record = record(seq, None, b"");
        StoredKey { id: record.id, time_ms: record.time_ms, key }
    };
    let expected = [stored(5, KEY), stored(7, BatchKey { key: 9, ..KEY })];
    assert_eq!(encoded.summary.keys, expected);
    let block = Block::decode(&encoded.key, &encoded.value).unwrap();
    assert_eq!(block.summary().keys, expected);
}

#[test]
fn a_key_of_a_record_in_fragments_stands_with_the_first() {
    let large = vec![b'x'; 150_000];
    let empty = BlockBuilder::new(EPOCH, 5, 4, 1005);
    let fragments = empty.fragments(&record(5, None, &large), Some(KEY), None);
    assert_eq!(fragments.len(), 3);
    let keys = fragments.iter().map(|fragment| {
        Block::decode(&fragment.key, &fragment.value).unwrap().summary().keys.len()
    });
    assert_eq!(keys.collect::<Vec<_>>(), [1, 0, 0]);
    let first = Block::decode(&fragments[0].key, &fragments[0].value).unwrap();
    assert_eq!(first.whole(&large).unwrap().data.len(), 150_000);
}

#[test]
fn a_block_without_keys_has_no_byte_for_them() {
    let [without, with] = [None, Some(KEY)].map(|key| {
        let mut block = BlockBuilder::new(EPOCH, 5, 4, 1005);
        block.push(&record(5, Some("a/b"), b"one"), key);
        block.finish(None).value
    });
    assert_eq!(without.len(), HEADER + 2 + 3 + 2 + 6 + 4 + ENTRY + 3);
    assert_eq!(with.len(), without.len() + 2 + KEY_ENTRY);
    assert_eq!((without[1], with[1]), (RECORDS, RECORDS | KEYS));
}

#[test]
fn every_flipped_bit_is_noticed() {
    let Encoded { key, value, .. } = a_block();
    for bit in 0..value.len() * 8 {
        let mut damaged = value.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        assert!(Block::decode(&key, &damaged).is_err(), "bit {bit}");
    }
    for length in 0..value.len() {
        assert!(Block::decode(&key, &value[..length]).is_err(), "{length} bytes");
    }
    assert!(Block::decode(&super::key(6, 0), &value).is_err(), "under another key");
}

proptest! {
    /// Also with a checksum that matches, nothing panics.
    #[test]
    fn any_bytes_are_a_block_or_refused(
        mut bytes in prop::collection::vec(any::<u8>(), 80..200),
        topics in 0u16..3, types in 0u16..3, count in 0u32..4, kind in 0u8..4,
    ) {
        let key = key(1, 0);
        bytes[..2].copy_from_slice(&[1, kind]);
        bytes[2..4].copy_from_slice(&topics.to_le_bytes());
        bytes[16..24].copy_from_slice(&1u64.to_le_bytes());
        let length = bytes.len() as u32;
        bytes[58..64].fill(0);
        bytes[64..68].copy_from_slice(&length.to_le_bytes());
        bytes[68..72].copy_from_slice(&MAGIC);
        bytes[48..52].copy_from_slice(&count.to_le_bytes());
        bytes[52..56].copy_from_slice(&u32::from(kind & FRAGMENT).to_le_bytes());
        bytes[56..58].copy_from_slice(&types.to_le_bytes());
        for place in [72, 74, 76] {
            bytes[place..place + 2].copy_from_slice(&[1, 0]);
        }
        let crc = checksum(&key, &bytes);
        bytes[4..8].copy_from_slice(&crc.to_le_bytes());
        if let Ok(block) = Block::decode(&key, &bytes) {
            let _ = block.records(0, u64::MAX, |_| true).count();
            let _ = block.whole(b"");
            let _ = block.summary();
        }
    }
}

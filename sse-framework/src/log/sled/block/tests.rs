//! What a block gives back, and that nothing else is taken for one.

use super::*;
use proptest::prelude::*;

const EPOCH: Epoch = Epoch::from_token(77);

fn record<'a>(seq: u64, topic: Option<&'a str>, data: &'a [u8]) -> RecordRef<'a> {
    let id = EventId::new(EPOCH, seq);
    RecordRef { id, time_ms: 1000 + seq, topic, name: "a-name", version: 3, data }
}

fn a_block() -> Encoded {
    let mut block = BlockBuilder::new(EPOCH, 5, 4, 1005);
    block.push(&record(5, Some("a/b"), b"one"));
    block.push(&record(6, None, b""));
    block.push(&record(7, Some("c"), b"three"));
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
        topics in 0u16..3, types in 0u16..3, count in 0u32..4, kind in 0u8..2,
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
        bytes[52..56].copy_from_slice(&u32::from(kind).to_le_bytes());
        bytes[56..58].copy_from_slice(&types.to_le_bytes());
        for place in [72, 74, 76] {
            bytes[place..place + 2].copy_from_slice(&[1, 0]);
        }
        let crc = checksum(&key, &bytes);
        bytes[4..8].copy_from_slice(&crc.to_le_bytes());
        if let Ok(block) = Block::decode(&key, &bytes) {
            let _ = block.records(0, u64::MAX, |_| true).count();
            let _ = block.whole(b"");
        }
    }
}

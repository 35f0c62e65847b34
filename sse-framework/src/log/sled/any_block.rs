//! A way into the decoder of blocks, for fuzzing.

use super::block::{Block, BlockBuilder, Encoded, Rest, checksum};
use crate::id::{Epoch, EventId};
use crate::log::{BatchKey, RecordRef};

/// Reads any bytes, the key before the value, as a block whose length and checksum match: nothing
/// else would get past these two. The seqs of its records, and their bytes: counted, and by the
/// table.
pub(crate) fn read(bytes: &[u8]) -> Result<(Vec<u64>, [u64; 2]), &'static str> {
    let mut rest = Rest(bytes);
    let (key, mut value) = (rest.array::<12>()?, rest.0.to_vec());
    let length = (value.len() as u32).to_le_bytes();
    value.get_mut(64..68).ok_or("a block is too short")?.copy_from_slice(&length);
    let crc = checksum(&key, &value);
    value.get_mut(4..8).ok_or("a block is too short")?.copy_from_slice(&crc.to_le_bytes());
    let block = Block::decode(&key, &value)?;
    drop(block.summary());
    if block.header.fragments > 0 {
        block.whole(block.data());
        return Ok((Vec::new(), [0, 0]));
    }
    let (mut seqs, mut counted) = (Vec::new(), 0);
    for record in block.records(0, u64::MAX, |_| true) {
        seqs.push(record.id.seq());
        counted += record.topic.map_or(0, str::len) + record.name.len() + record.data.len();
    }
    Ok((seqs, [counted as u64, block.totals().bytes]))
}

/// Blocks of every kind, the key before the value.
pub(crate) fn examples() -> Vec<Vec<u8>> {
    let epoch = Epoch::from_token(77);
    let record = |seq, topic, data| {
        let id = EventId::new(epoch, seq);
        RecordRef { id, time_ms: 1000 + seq, topic, name: "a-name", version: 3, data }
    };
    let key = |n: u64| BatchKey { key: n.into(), content: u128::MAX };
    let empty = |first| BlockBuilder::new(epoch, first, first - 1, 1000);
    let mut three = empty(5);
    three.push(&record(5, Some("a/b"), b"one"), None);
    three.push(&record(6, None, b""), Some(key(1)));
    three.push(&record(7, Some("c"), b"three"), Some(key(2)));
    let mut link = empty(1);
    (1..=6).for_each(|seq| link.push(&record(seq, Some("x"), b"{}"), Some(key(seq))));
    let large = vec![b'x'; 70_000];
    let mut blocks = vec![three.finish(None), link.finish(Some((1, 9)))];
    blocks.extend(empty(9).fragments(&record(9, Some("a"), b"alone"), Some(key(9)), Some((7, 12))));
    blocks.extend(empty(2).fragments(&record(2, None, &large), None, None).pop());
    let bytes = |Encoded { key, value, .. }: Encoded| [&key[..], &value].concat();
    blocks.into_iter().map(bytes).collect()
}

//! The file `places` of a sealed segment: where its blocks lie, so that they need not be looked for.
//!
//! | bytes | what |
//! |------:|------|
//! | 4 | CRC-32 of the rest |
//! | 32 each | the blocks: key (12), offset in the file `db` (8), length (4), records (4), fragments (4) |
//!
//! All numbers but the key are little-endian. Without it, or if it is damaged, the blocks are looked for.

use super::Place;
use crate::log::sled::block::{Key, Rest};
use std::collections::BTreeMap;

pub(super) fn encode(blocks: &BTreeMap<Key, Place>) -> Vec<u8> {
    let mut out = vec![0; 4];
    for (key, place) in blocks {
        out.extend_from_slice(key);
        out.extend(place.at.to_le_bytes());
        out.extend((place.length as u32).to_le_bytes());
        out.extend(place.count.to_le_bytes());
        out.extend(place.fragments.to_le_bytes());
    }
    let crc = crc32fast::hash(&out[4..]);
    out[..4].copy_from_slice(&crc.to_le_bytes());
    out
}

pub(super) fn decode(bytes: &[u8]) -> Option<Vec<(Key, Place)>> {
    let mut rest = Rest(bytes);
    if rest.u32().ok()? != crc32fast::hash(rest.0) {
        return None;
    }
    let mut blocks = Vec::with_capacity(rest.0.len() / 32);
    while !rest.0.is_empty() {
        let key: Key = rest.array().ok()?;
        let (at, length) = (rest.u64().ok()?, rest.u32().ok()? as usize);
        let (count, fragments) = (rest.u32().ok()?, rest.u32().ok()?);
        blocks.push((key, Place { file: 0, at, length, count, fragments }));
    }
    Some(blocks)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::sled::block::key;

    #[test]
    fn every_changed_byte_is_noticed() {
        let place = Place { file: 0, at: 1 << 33, length: 65_000, count: 7, fragments: 0 };
        let encoded = encode(&BTreeMap::from([(key(5, 0), place), (key(12, 0), place)]));
        let decoded = decode(&encoded).unwrap();
        assert_eq!(decoded.len(), 2);
        assert_eq!(encode(&decoded.into_iter().collect()), encoded);
        for byte in 0..encoded.len() {
            let mut damaged = encoded.clone();
            damaged[byte] ^= 1;
            assert!(decode(&damaged).is_none(), "byte {byte}");
            assert!(decode(&encoded[..byte]).is_none(), "{byte} bytes");
        }
    }
}

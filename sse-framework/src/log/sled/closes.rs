//! Which topics the records of a segment close.
//!
//! Of a segment that is written to, or waits to be sealed, its index knows them. A sealed one has a
//! file `closes`, unless there are none, so that a log finds all closed topics without reading its
//! records:
//!
//! | bytes | what |
//! |------:|------|
//! | 4 | CRC-32 of the rest |
//! | | for each close, in order: 8 bytes with its seq, 2 bytes of length, the text of the topic |
//!
//! All numbers are little-endian. Without it, or if it is damaged, the segment is looked through.

use super::block::{Close, Rest};
use super::shelf::{OpenSegment, Segment, is_damage};
use super::{Core, files, report};
use crate::log::{History, LogError};
use std::fs;
use std::path::Path;
use std::sync::Arc;

impl Core {
    /// See [`EventLog::closed_topics`](crate::log::EventLog::closed_topics).
    pub(crate) fn closed_topics(&self, visit: &mut dyn FnMut(&str, u64)) -> Result<(), LogError> {
        let history = self.history();
        let mut next = history.first();
        let from = |seq| {
            let kept = move |segment: &&Arc<Segment>| segment.end() >= seq;
            self.shelf.with(|segments| segments.iter().find(kept).cloned())
        };
        while let Some(segment) = from(next).filter(|_| next <= history.last()) {
            match closes_of(&segment, &history, |segment| self.shelf.open(segment, &history)) {
                Ok(closes) => {
                    let kept = closes.iter().filter(|close| close.seq >= history.first());
                    kept.for_each(|close| visit(&close.topic, close.seq));
                }
                // It has been sealed or removed since.
                Err(_) if !self.shelf.has(&segment) => continue,
                // Whoever reads it is told.
                Err(error) if is_damage(&error) => report("looking for closes", Err(error)),
                Err(error) => return Err(error),
            }
            next = segment.end().saturating_add(1);
        }
        Ok(())
    }
}

fn closes_of(
    segment: &Segment,
    history: &History,
    open: impl FnOnce(&Segment) -> Result<Arc<OpenSegment>, LogError>,
) -> Result<Vec<Close>, LogError> {
    let Some(sealed) = segment.sealed.filter(|_| !segment.is_damaged()) else {
        return Ok(open(segment)?.index()?.closes.clone());
    };
    if sealed.closes == 0 {
        return Ok(Vec::new());
    }
    let noted = fs::read(segment.path.join("closes")).ok().and_then(|bytes| decode(&bytes));
    if let Some(closes) = noted.filter(|closes| closes.len() as u64 == sealed.closes) {
        return Ok(closes);
    }
    let path = segment.path.display();
    tracing::warn!(%path, "the file `closes` is damaged or missing: the segment is looked through");
    let open = segment.carve(history)?;
    Ok(open.index()?.closes.clone())
}

/// Writes and syncs the file of a segment that is being sealed. Returns how many closes there are.
pub(crate) fn write(path: &Path, closes: &[Close]) -> Result<u64, LogError> {
    if !closes.is_empty() {
        files::write(path, &encode(closes))?;
    }
    Ok(closes.len() as u64)
}

fn encode(closes: &[Close]) -> Vec<u8> {
    let mut out = vec![0; 4];
    for Close { seq, topic } in closes {
        out.extend(seq.to_le_bytes());
        out.extend((topic.len() as u16).to_le_bytes());
        out.extend_from_slice(topic.as_bytes());
    }
    let crc = crc32fast::hash(&out[4..]);
    out[..4].copy_from_slice(&crc.to_le_bytes());
    out
}

fn decode(bytes: &[u8]) -> Option<Vec<Close>> {
    let mut rest = Rest(bytes);
    if rest.u32().ok()? != crc32fast::hash(rest.0) {
        return None;
    }
    let mut closes = Vec::new();
    while !rest.0.is_empty() {
        closes.push(Close { seq: rest.u64().ok()?, topic: rest.text().ok()?.into() });
    }
    Some(closes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_changed_byte_is_noticed() {
        let close = |seq, topic: &str| Close { seq, topic: topic.into() };
        let closes = [close(5, "answers/7"), close(1 << 40, "é")];
        let encoded = encode(&closes);
        assert_eq!(decode(&encoded).unwrap(), closes);
        for byte in 0..encoded.len() {
            let mut damaged = encoded.clone();
            damaged[byte] ^= 1;
            assert!(decode(&damaged).is_none(), "byte {byte}");
            assert!(decode(&encoded[..byte]).is_none(), "{byte} bytes");
        }
    }
}

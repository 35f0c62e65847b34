//! With which keys batches of a segment were published.
//!
//! A key stands in the block of its batch's first record. So that a log finds the keys of the last
//! minutes without reading its records, they are in the index of a segment that is written to, or
//! waits to be sealed; and a sealed one has a file `keys`, unless there are none:
//!
//! | bytes | what |
//! |------:|------|
//! | 4 | CRC-32 of the rest |
//! | 56 each | the keys, in order: the key (16), what it was given for (16), the epoch (8), seq (8) and time (8) of the batch's first record |
//!
//! All numbers are little-endian. Without it, or if it is damaged, the segment is looked through.
//!
//! Keys may be kept for longer than records: before retention removes a segment whose keys are not too old,
//! its file is linked into the log's directory, as `<first seq>.keys`. That takes no room. If it has not been
//! sealed the file is written: on a full disk it then stays until its keys are too old.

use super::block::Rest;
use super::lock::sync_directory;
use super::segment::remove_file;
use super::shelf::{OpenSegment, Segment, is_damage};
use super::state::State;
use super::{Core, OnDamage, files, io, locked, report};
use crate::id::{Epoch, EventId};
use crate::log::times::now_ms;
use crate::log::{History, LogError, StoredKey};
use std::fs;
use std::io::ErrorKind;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The keys of a segment that is no longer there, in a file.
#[derive(Debug)]
pub(crate) struct Outliving {
    path: PathBuf,
    count: usize,
    last_time: u64,
}

impl Core {
    /// See [`EventLog::keys`](crate::log::EventLog::keys).
    pub(crate) fn keys(
        &self,
        since_ms: u64,
        visit: &mut dyn FnMut(StoredKey) -> ControlFlow<()>,
    ) -> Result<(), LogError> {
        let history = self.history();
        let mut before = history.last().saturating_add(1);
        let newest_before = |seq| {
            let is_before = |segment: &&Arc<Segment>| segment.first < seq;
            self.shelf.with(|segments| segments.iter().rev().find(is_before).cloned())
        };
        while let Some(segment) = newest_before(before) {
            match keys_of(&segment, &history, |segment| self.shelf.open(segment, &history)) {
                Ok(keys) => {
                    if keys.into_iter().rev().try_for_each(&mut *visit).is_break() {
                        return Ok(());
                    }
                }
                // It has been sealed or removed since.
                Err(_) if !self.shelf.has(&segment) => continue,
                // Whoever reads it is told.
                Err(error) if is_damage(&error) => report("looking for keys", Err(error)),
                Err(error) => return Err(error),
            }
            if segment.sealed.is_some_and(|sealed| sealed.last_time < since_ms) {
                return Ok(());
            }
            before = segment.first;
        }
        let outliving = locked(&self.outliving);
        for Outliving { path, .. } in outliving.iter().rev() {
            let keys = match read(path) {
                Err(error) if self.settings.on_damage == OnDamage::Salvage => {
                    pass_over(path, &error);
                    continue;
                }
                keys => keys?.unwrap_or_default(),
            };
            if keys.into_iter().rev().try_for_each(&mut *visit).is_break() {
                break;
            }
        }
        Ok(())
    }

    /// Puts keys that are not too old where they stay when their segments, the oldest, have gone. Returns
    /// how many of these can go; an error if there is none.
    pub(crate) fn keep_keys(&self, leaving: usize) -> Result<usize, LogError> {
        let (history, window) = (self.history(), self.retention.keys);
        let oldest_ms = window.oldest_ms(now_ms(0));
        let segments = self.shelf.with(<[_]>::to_vec);
        let known = |segment: &Arc<Segment>| segment.sealed.map_or(0, |sealed| sealed.keys);
        let mut newer = segments.iter().map(known).sum::<u64>();
        let (mut added, mut leaving) = (Vec::new(), leaving);
        for (place, segment) in segments.iter().take(leaving).enumerate() {
            newer -= known(segment);
            let is_old = segment.totals().is_some_and(|totals| totals.last_time < oldest_ms);
            if is_old || newer >= window.count as u64 {
                continue;
            }
            let keys = keys_of(segment, &history, |segment| self.shelf.open(segment, &history));
            if keys.as_ref().is_err_and(is_damage) {
                // Nobody will read it any more.
                report("keeping the keys of a segment", keys.map(drop));
                continue;
            }
            match keys.and_then(|keys| outlive(&self.directory, segment, &keys)) {
                Ok(kept) => added.extend(kept),
                Err(error) if place == 0 => return Err(error),
                Err(error) => {
                    report("keeping the keys of a segment", Err(error));
                    leaving = place;
                    break;
                }
            }
        }
        if !added.is_empty() {
            sync_directory(&self.directory)?;
            let mut outliving = locked(&self.outliving);
            // An attempt before this one may have failed later.
            outliving.retain(|old| added.iter().all(|new| new.path != old.path));
            outliving.extend(added);
        }
        Ok(leaving)
    }

    /// Removes the files of which all keys are too old, or too many have come since.
    pub(crate) fn forget_keys(&self) -> Result<(), LogError> {
        let window = self.retention.keys;
        let mut outliving = locked(&self.outliving);
        if outliving.is_empty() {
            return Ok(());
        }
        let oldest_ms = window.oldest_ms(now_ms(0));
        let sealed = |segment: &Arc<Segment>| segment.sealed.map_or(0, |sealed| sealed.keys);
        let newer = self.shelf.with(|segments| segments.iter().map(sealed).sum::<u64>());
        let mut newer = usize::try_from(newer).unwrap_or(usize::MAX);
        let is_known = |file: &&Outliving| {
            let is_known = file.last_time >= oldest_ms && newer < window.count;
            newer = newer.saturating_add(file.count);
            is_known
        };
        let known = outliving.iter().rev().take_while(is_known).count();
        let gone = outliving.len() - known;
        for file in outliving.drain(..gone) {
            remove_file(&file.path)?;
        }
        Ok(())
    }
}

fn keys_of(
    segment: &Segment,
    history: &History,
    open: impl FnOnce(&Segment) -> Result<Arc<OpenSegment>, LogError>,
) -> Result<Vec<StoredKey>, LogError> {
    if segment.is_keyless() {
        return Ok(Vec::new());
    }
    let Some(sealed) = segment.sealed.filter(|_| !segment.is_damaged()) else {
        return Ok(open(segment)?.index()?.keys.clone());
    };
    let noted = read(&segment.path.join("keys")).unwrap_or_else(|error| {
        report("reading keys", Err(error));
        None
    });
    let of_segment = |key: &StoredKey| {
        let seq = key.id.seq();
        (segment.first..=segment.end()).contains(&seq) && history.id(seq) == key.id
    };
    // One of another segment, or of another log, is as good as none.
    let is_it = |keys: &Vec<_>| keys.len() as u64 == sealed.keys && keys.iter().all(of_segment);
    if let Some(keys) = noted.filter(is_it) {
        return Ok(keys);
    }
    let path = segment.path.display();
    tracing::warn!(%path, "the file `keys` is damaged or missing: the segment is looked through");
    let open = segment.carve(history)?;
    Ok(open.index()?.keys.clone())
}

/// Writes and syncs a file of keys, unless there are none. Returns how many there are.
pub(crate) fn write(path: &Path, keys: &[StoredKey]) -> Result<u64, LogError> {
    if !keys.is_empty() {
        files::write(path, &encode(keys))?;
    }
    Ok(keys.len() as u64)
}

/// The keys of a file; `None` if it is missing or damaged.
fn read(path: &Path) -> Result<Option<Vec<StoredKey>>, LogError> {
    match fs::read(path) {
        Ok(bytes) => Ok(decode(&bytes)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(io("reading", path)(error)),
    }
}

/// Whoever salvages goes on without a file that cannot be read. It stays: that may pass.
fn pass_over(path: &Path, error: &LogError) {
    let (path, error) = (path.display(), error as &dyn std::error::Error);
    tracing::warn!(%path, error, "cannot be read: keys of removed records are not known");
}

fn outlive(
    directory: &Path,
    segment: &Segment,
    keys: &[StoredKey],
) -> Result<Option<Outliving>, LogError> {
    let Some(last) = keys.last() else { return Ok(None) };
    let path = directory.join(format!("{:020}.keys", segment.first));
    remove_file(&path)?;
    let linked = fs::hard_link(segment.path.join("keys"), &path);
    let is_linked =
        linked.is_ok() && read(&path).is_ok_and(|linked| linked.as_deref() == Some(keys));
    if !is_linked {
        // Not through the link.
        remove_file(&path)?;
        write(&path, keys).inspect_err(|_| {
            report("removing half of a file of keys", remove_file(&path));
        })?;
    }
    Ok(Some(Outliving { path, count: keys.len(), last_time: last.time_ms }))
}

/// The files of keys in a log's directory, in order. Those of segments that are still there are
/// removed: the step that made them was interrupted.
pub(crate) fn outliving(
    directory: &Path,
    state: &State,
    on_damage: OnDamage,
) -> Result<Vec<Outliving>, LogError> {
    let oldest = state.segments.first().map_or(u64::MAX, |segment| segment.first);
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).map_err(io("reading", directory))? {
        let path = entry.map_err(io("reading", directory))?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let Some(digits) = name.strip_suffix(".keys") else { continue };
        let (Ok(first), 20) = (digits.parse::<u64>(), digits.len()) else { continue };
        if first >= oldest {
            remove_file(&path)?;
            continue;
        }
        let keys = match read(&path) {
            Err(error) if on_damage == OnDamage::Salvage => {
                pass_over(&path, &error);
                continue;
            }
            keys => keys?,
        };
        let Some(keys) = keys else {
            tracing::warn!(path = %path.display(), "damaged: keys of removed records are forgotten");
            report("removing a damaged file of keys", remove_file(&path));
            continue;
        };
        let last_time = keys.last().map_or(0, |key| key.time_ms);
        found.push(Outliving { path, count: keys.len(), last_time });
    }
    found.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(found)
}

fn encode(keys: &[StoredKey]) -> Vec<u8> {
    let mut out = vec![0; 4];
    for StoredKey { id, time_ms, key } in keys {
        out.extend(key.key.to_le_bytes());
        out.extend(key.content.to_le_bytes());
        out.extend(id.epoch().token().to_le_bytes());
        out.extend(id.seq().to_le_bytes());
        out.extend(time_ms.to_le_bytes());
    }
    let crc = crc32fast::hash(&out[4..]);
    out[..4].copy_from_slice(&crc.to_le_bytes());
    out
}

fn decode(bytes: &[u8]) -> Option<Vec<StoredKey>> {
    let mut rest = Rest(bytes);
    if rest.u32().ok()? != crc32fast::hash(rest.0) {
        return None;
    }
    let mut keys = Vec::new();
    while !rest.0.is_empty() {
        let key = rest.batch_key().ok()?;
        let id = EventId::new(Epoch::from_token(rest.u64().ok()?), rest.u64().ok()?);
        keys.push(StoredKey { id, time_ms: rest.u64().ok()?, key });
    }
    Some(keys)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::BatchKey;

    #[test]
    fn every_changed_byte_is_noticed() {
        let key = |n: u64| StoredKey {
            id: EventId::new(Epoch::from_token(n), n + 1),
            time_ms: n + 2,
            key: BatchKey { key: n.into(), content: u128::MAX - u128::from(n) },
        };
        let keys = [key(5), key(1 << 40)];
        let encoded = encode(&keys);
        assert_eq!(encoded.len(), 4 + 2 * 56);
        assert_eq!(decode(&encoded).unwrap(), keys);
        for byte in 0..encoded.len() {
            let mut damaged = encoded.clone();
            damaged[byte] ^= 1;
            assert!(decode(&damaged).is_none(), "byte {byte}");
            assert!(decode(&encoded[..byte]).is_none(), "{byte} bytes");
        }
    }
}

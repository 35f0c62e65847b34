//! What the engine overwrites.

use super::block::{Block, Key, extent};
use super::*;
use std::collections::BTreeMap;

/// Where the copies of each block lie, and how long they are.
fn copies(bytes: &[u8]) -> BTreeMap<Key, Vec<(usize, usize)>> {
    let (mut found, mut at) = (BTreeMap::<_, Vec<_>>::new(), 0);
    while let Some(next) = bytes[at..].iter().position(|&byte| byte == 1) {
        at += next;
        let block = extent(&bytes[at..]).filter(|told| {
            let block = bytes.get(at..at + told.length);
            block.is_some_and(|block| Block::decode(&told.key, block).is_ok())
        });
        if let Some(told) = &block {
            found.entry(told.key).or_default().push((at, told.length));
        }
        at += block.map_or(1, |told| told.length);
    }
    found
}

/// The engine uses parts of its file again. If power fails while it does so, what it has written
/// there may be on the disk, and what it has written before and elsewhere not, unless that was
/// synced: what was synced before must be there all the same.
#[test]
fn what_was_synced_is_overwritten_only_when_its_other_copy_was_synced_too() {
    let directory = tempfile::tempdir().unwrap();
    let buffered = Durability::Buffered { sync_every: Duration::from_secs(600) };
    let settings = SledLog::new(directory.path()).durability(buffered);
    let log = open_still(settings, Retention::forever()).unwrap();
    let open = log.core.shelf.open(&log.core.shelf.find(1).unwrap(), &log.history()).unwrap();
    let look = || std::fs::read(active_path(directory.path(), 1).join("db")).unwrap();
    let (mut synced, mut before, mut overwritten) = (look(), BTreeMap::new(), 0);
    for commit in 0..260 {
        log.append(&[batch([record(None, vec![b'x'; 60_000])])]).unwrap();
        if commit % 8 > 0 {
            continue;
        }
        let now = look();
        let same = |&(at, length): &(usize, usize)| {
            synced.get(at..at + length) == now.get(at..at + length)
        };
        for (key, places) in &before {
            let places: &Vec<(usize, usize)> = places;
            overwritten += places.iter().filter(|place| !same(place)).count();
            assert!(places.iter().any(same), "{key:?} was synced and is gone at commit {commit}");
        }
        // As if it had been synced by the clock, but not for long.
        let is_synced = open.database.unsynced.load(std::sync::atomic::Ordering::Relaxed) < 500_000;
        if is_synced || commit == 96 {
            before = copies(&now);
            synced = now;
        }
    }
    assert!(overwritten > 0, "nothing was overwritten: the test shows nothing");
}

/// A sync fails, the process is killed before it can say so, and the next opening finds everything: what
/// has been written since the sync before is in memory only, but for what the opening writes again and what comes after.
#[test]
fn what_was_synced_before_a_crash_is_on_the_disk_also_if_a_sync_failed_then() {
    let (directory, killed) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let buffered = Durability::Buffered { sync_every: Duration::from_secs(600) };
    let settings = |path: &Path| SledLog::new(path).durability(buffered);
    let log = open_still(settings(directory.path()), Retention::forever()).unwrap();
    let append = |log: &OpenSledLog, count: usize| {
        for _ in 0..count {
            log.append(&[batch([record(None, vec![b'x'; 60_000])])]).unwrap();
        }
    };
    let look = |directory: &Path| std::fs::read(active_path(directory, 1).join("db")).unwrap();
    append(&log, 43);
    log.core.sync().unwrap();
    let mut disk = look(directory.path());
    let synced = copies(&disk);
    assert_eq!(synced.len(), 43);
    append(&log, 15);
    sealing::copy(directory.path(), killed.path());
    drop(log);
    let left = look(killed.path());
    let log = open_still(settings(killed.path()), Retention::forever()).unwrap();
    append(&log, 200);
    assert_eq!(log.history().last(), 258);
    let now = look(killed.path());
    disk.resize(now.len(), 0);
    for (at, byte) in disk.iter_mut().enumerate() {
        if left.get(at) != Some(&now[at]) {
            *byte = now[at];
        }
    }
    for (_, places) in copies(&left).into_iter().filter(|(key, _)| !synced.contains_key(key)) {
        let (at, length) = places[places.len() - 1];
        disk[at..at + length].copy_from_slice(&left[at..at + length]);
    }
    let there = copies(&disk);
    let gone: Vec<u64> = copies(&left)
        .into_keys()
        .filter(|key| !there.contains_key(key))
        .map(|key| block::split_key(&key).0)
        .collect();
    assert!(gone.is_empty(), "{gone:?} are not on the disk");
    assert_eq!(kinds(killed.path()), ["1 active", "59 active"]);
}

//! Tails that a crash has cut.

use super::block::{Block, split_key};
use super::chain::{Place, pack};
use super::segment::Database;
use super::*;
use std::fs;

/// A log of three records; the seq of the last, and its epoch.
pub(super) fn three(path: &Path) -> (u64, u64) {
    let log = open_still(SledLog::new(path), Retention::forever()).unwrap();
    for number in 1..=3 {
        log.append(&[numbered(number)]).unwrap();
    }
    let last = log.history();
    (last.last(), last.id(3).epoch().token())
}

/// The blocks of a batch that needs several, as the log would write them after three records.
fn a_chain(token: u64) -> Vec<block::Encoded> {
    a_chain_after(3, token)
}

fn a_chain_after(last: u64, token: u64) -> Vec<block::Encoded> {
    let records = (0..10).map(|part| record(Some("chain"), vec![part; 30_000]));
    let epoch = crate::Epoch::from_token(token);
    let place = Place { epoch, first: last + 1, synced: last, time_ms: 4_000_000_000_000 };
    let blocks = pack(&[batch(records), numbered(14)], place);
    assert!(blocks.len() >= 6, "{}", blocks.len());
    blocks
}

#[test]
fn a_batch_over_many_blocks_is_there_whole_or_not_at_all() {
    let whole = a_chain(1).len();
    for written in 0..=whole {
        let directory = tempfile::tempdir().unwrap();
        let (_, token) = three(directory.path());
        let database = Database::open(&active_path(directory.path(), 1)).unwrap();
        for block in a_chain(token).into_iter().take(written) {
            database.insert(&block.key, block.value).unwrap();
        }
        drop(database);
        let expected = match written {
            written if written == whole => 14,
            written if written == whole - 1 => 13,
            _ => 3,
        };
        for _ in 0..2 {
            let log = open_still(SledLog::new(directory.path()), Retention::forever()).unwrap();
            assert_eq!(log.history().last(), expected, "{written} of {whole} blocks");
            assert_eq!(read_all(&log).len() as u64, expected);
        }
        let log = open_still(SledLog::new(directory.path()), Retention::forever()).unwrap();
        log.append(&[numbered(expected + 1)]).unwrap();
        assert_eq!(read_all(&log).len() as u64, expected + 1);
        drop(log);
        let log = open_still(SledLog::new(directory.path()), Retention::forever()).unwrap();
        assert_eq!(read_all(&log).len() as u64, expected + 1);
        log.core.tend();
        assert_eq!(read_all(&log).len() as u64, expected + 1);
    }
}

/// The first commit of a segment is cut short, and so is the opening after that, when it makes the segment anew.
#[test]
fn an_opening_may_die_at_every_step_of_making_a_segment_anew() {
    for left in ["nothing but the state", "all", "no directory", "half a directory"] {
        let directory = tempfile::tempdir().unwrap();
        let settings = || SledLog::new(directory.path()).segment_bytes(1024);
        let log = open_still(settings(), Retention::forever()).unwrap();
        for _ in 1..=10 {
            // Each fills a segment.
            log.append(&[batch([record(None, vec![b'x'; 1100])])]).unwrap();
        }
        log.append(&[]).unwrap();
        let (token, before) = (log.history().id(10).epoch().token(), read_all(&log));
        drop(log);
        let path = active_path(directory.path(), 11);
        let database = Database::open(&path).unwrap();
        for block in a_chain_after(10, token).into_iter().take(3) {
            database.insert(&block.key, block.value).unwrap();
        }
        drop(database);
        let blocks = || carve::Carved::read(&path).unwrap().blocks.len();
        assert_eq!(blocks(), 3);
        if left == "nothing but the state" {
            let obstacle = directory.path().join("state.new");
            fs::create_dir(&obstacle).unwrap();
            open_still(settings(), Retention::forever()).unwrap_err();
            assert_eq!(blocks(), 3, "it went before the state could say so");
            fs::remove_dir(&obstacle).unwrap();
        } else {
            // The state has yet to say that there is a new one.
            drop(open::open(settings(), Retention::forever()).unwrap());
            assert_eq!(blocks(), 0);
        }
        if left.ends_with("directory") {
            fs::remove_dir_all(&path).unwrap();
        }
        if left.starts_with("half") {
            fs::create_dir(&path).unwrap();
        }
        let log = open_still(settings(), Retention::forever()).unwrap();
        assert_eq!(read_all(&log), before, "{left}");
        assert_eq!(log.status().salvage.segments, [], "{left}");
        assert_eq!(log.append(&[numbered(11)]).unwrap().first.seq(), 11);
        log.close().unwrap();
        let log = open_still(settings(), Retention::forever()).unwrap();
        assert_eq!(read_all(&log).len(), 11);
    }
}

#[test]
fn a_large_event_whose_fragments_are_not_all_there_does_not_exist() {
    let directory = tempfile::tempdir().unwrap();
    let (_, token) = three(directory.path());
    let epoch = crate::Epoch::from_token(token);
    let place = Place { epoch, first: 4, synced: 3, time_ms: 4_000_000_000_000 };
    let blocks = pack(&[batch([record(None, vec![1; 200_000])])], place);
    assert_eq!(
        blocks.iter().map(|block| split_key(&block.key)).collect::<Vec<_>>(),
        (0..blocks.len() as u32).map(|fragment| (4, fragment)).collect::<Vec<_>>()
    );
    let database = Database::open(&active_path(directory.path(), 1)).unwrap();
    for (place, block) in blocks.into_iter().enumerate() {
        if place != 2 {
            database.insert(&block.key, block.value).unwrap();
        }
    }
    drop(database);
    let log = open_still(SledLog::new(directory.path()), Retention::forever()).unwrap();
    assert_eq!(log.history().last(), 3);
}

#[test]
fn blocks_are_decoded_under_their_own_key_only() {
    let blocks = a_chain(1);
    assert!(Block::decode(&blocks[1].key, &blocks[0].value).is_err());
}

#[test]
fn ids_of_records_that_a_loss_of_power_took_are_told_as_lost() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let settings = || {
        let sync_every = Duration::from_secs(60);
        SledLog::new(path).durability(Durability::Buffered { sync_every })
    };
    three(path);
    open_still(settings(), Retention::forever()).unwrap().close().unwrap();
    let log = open_still(settings(), Retention::forever()).unwrap();
    let shown = log.append(&[numbered(4), numbered(5)]).unwrap().first;
    let shown = crate::EventId::new(shown.epoch(), 5);
    let state = fs::read(path.join("state")).unwrap();
    drop(log);
    // As if nothing of that epoch had reached the disk.
    fs::remove_dir_all(path).unwrap();
    three(path);
    let mut before: State = state_of(&state);
    let now: State = state_of(&fs::read(path.join("state")).unwrap());
    before.epochs[0] = now.epochs[0];
    StateFile::create(path, before).unwrap();
    for close in [false, true, true, false] {
        let log = open_still(settings(), Retention::forever()).unwrap();
        assert_eq!(log.history().find(shown), Position::Lost(3));
        if close {
            log.close().unwrap();
        }
    }
}

fn state_of(file: &[u8]) -> State {
    let body = file.splitn(2, |&byte| byte == b'\n').nth(1).unwrap();
    serde_json::from_slice(body).unwrap()
}

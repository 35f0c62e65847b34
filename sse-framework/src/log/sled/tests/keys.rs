//! A key is kept as long as its record is, and found when a log is opened without reading its records.

use super::super::faults::{FLUSH, SYNC};
use super::sealing::copy;
use super::*;
use crate::log::{BatchKey, StoredKey, Window};
use proptest::prelude::*;
use std::fs;

fn key(n: u64) -> BatchKey {
    BatchKey { key: u128::from(n) << 64, content: n.into() }
}

/// A batch of so many records of so many bytes.
fn keyed(n: u64, records: usize, bytes: usize) -> Batch {
    let records = (0..records).map(|_| record(Some("a"), vec![b'x'; bytes]));
    Batch { key: Some(key(n)), ..batch(records) }
}

/// What a log knows, the newest first.
fn keys(log: &OpenSledLog) -> Vec<StoredKey> {
    let mut found = Vec::new();
    log.keys(0, &mut |key| {
        found.push(key);
        ControlFlow::Continue(())
    })
    .unwrap();
    found
}

fn append(log: &OpenSledLog, batch: Batch) -> StoredKey {
    let key = batch.key.unwrap();
    let Appended { first: id, time_ms } = log.append(&[batch]).unwrap();
    StoredKey { id, time_ms, key }
}

/// A log with two segments that are sealed, and one that is written to, with keys in each: of single
/// events, of batches over several blocks, and of events in fragments.
fn three_segments(directory: &Path) -> (OpenSledLog, Vec<StoredKey>) {
    let log = open_still(small(directory).segment_bytes(300_000), Retention::forever()).unwrap();
    let mut expected = Vec::new();
    for segment in 0..3 {
        let n = segment * 10;
        expected.push(append(&log, keyed(n, 1, 10)));
        let together = [keyed(n + 1, 3, 100), batch([record(None, "{}")]), keyed(n + 2, 1, 10)];
        let Appended { first, time_ms } = log.append(&together).unwrap();
        for (n, place) in [(n + 1, 0), (n + 2, 4)] {
            let id = crate::EventId::new(first.epoch(), first.seq() + place);
            expected.push(StoredKey { id, time_ms, key: key(n) });
        }
        expected.push(append(&log, keyed(n + 3, 10, 15_000)));
        if segment < 2 {
            expected.push(append(&log, keyed(n + 4, 1, 150_000)));
        }
    }
    expected.reverse();
    assert_eq!(keys(&log), expected, "as it was written");
    (log, expected)
}

/// Where the files `keys` are.
fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).unwrap().flatten();
    entries.map(|entry| entry.path().join("keys")).filter(|path| path.exists()).collect()
}

fn outliving(directory: &Path) -> usize {
    kinds(directory).iter().filter(|kind| kind.ends_with(" keys")).count()
}

fn reopen(directory: &Path) -> OpenSledLog {
    open_still(small(directory), Retention::forever()).unwrap()
}

#[test]
fn a_key_is_found_where_its_record_is() {
    let directory = tempfile::tempdir().unwrap();
    let (log, expected) = three_segments(directory.path());
    drop(log);
    let log = reopen(directory.path());
    assert_eq!(keys(&log), expected, "opened anew");
    log.core.tend();
    assert_eq!(keys(&log), expected, "sealed");
    let records = read_all(&log);
    drop(log);
    let log = reopen(directory.path());
    assert_eq!(keys(&log), expected, "sealed, and opened anew");
    assert_eq!(read_all(&log), records);
}

#[test]
fn keys_are_found_without_reading_what_is_sealed() {
    let directory = tempfile::tempdir().unwrap();
    let (log, expected) = three_segments(directory.path());
    log.core.tend();
    drop(log);
    let files = files(directory.path());
    assert_eq!(files.len(), 2);
    for file in &files {
        // Of the records nothing is left; opening does not look at them.
        fs::write(file.with_file_name("db"), "").unwrap();
    }
    assert_eq!(keys(&reopen(directory.path())), expected);
}

#[test]
fn keys_are_found_though_the_file_is_damaged_or_missing_or_another() {
    let directory = tempfile::tempdir().unwrap();
    let (log, expected) = three_segments(directory.path());
    log.core.tend();
    log.close().unwrap();
    let files = files(directory.path());
    fs::remove_file(&files[0]).unwrap();
    fs::write(&files[1], &fs::read(&files[1]).unwrap()[..20]).unwrap();
    let log = reopen(directory.path());
    assert_eq!(keys(&log), expected);
    log.close().unwrap();

    // An older file, of which each byte is right.
    fs::write(&files[0], [0; 4]).unwrap();
    assert_eq!(keys(&reopen(directory.path())), expected);
}

#[test]
fn older_segments_are_not_looked_at() {
    let directory = tempfile::tempdir().unwrap();
    let (log, expected) = three_segments(directory.path());
    log.core.tend();
    for file in files(directory.path()) {
        fs::write(file, [0; 4]).unwrap();
    }
    let mut found = Vec::new();
    log.keys(u64::MAX, &mut |key| {
        found.push(key);
        ControlFlow::Continue(())
    })
    .unwrap();
    assert_eq!(found, expected[..found.len()]);
    assert!(found.len() < expected.len(), "the first sealed one ends it");
    let mut most = 3;
    log.keys(0, &mut |_| {
        most -= 1;
        if most == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })
    .unwrap();
    assert_eq!(most, 0, "it goes no further than it is told to");
}

/// What is not in the log is not known, or trying it again would store nothing for ever.
#[test]
fn a_key_of_a_record_that_was_not_stored_is_not_known() {
    for operation in [FLUSH, SYNC] {
        let directory = tempfile::tempdir().unwrap();
        let settings = small(directory.path());
        let faults = settings.faults.clone();
        let log = open_still(settings, Retention::forever()).unwrap();
        let first = append(&log, keyed(1, 1, 10));
        faults.set(operation);
        assert!(log.append(&[keyed(2, 1, 10)]).is_err());
        assert_eq!(keys(&log), [first]);
        faults.set(0);
        let again = append(&log, keyed(2, 1, 10));
        assert_ne!(again.id.epoch(), first.id.epoch());
        assert_eq!(keys(&log), [again, first]);
        drop(log);
        let log = reopen(directory.path());
        assert_eq!(keys(&log), [again, first]);
        assert_eq!(read_all(&log).len(), 2);
        log.core.tend();
        assert_eq!(keys(&log), [again, first]);
    }
}

#[test]
fn a_key_goes_with_the_record_that_a_loss_of_power_takes() {
    let directory = tempfile::tempdir().unwrap();
    let sync_every = Duration::from_secs(3600);
    let buffered = || small(directory.path()).durability(Durability::Buffered { sync_every });
    let log = open_still(buffered(), Retention::forever()).unwrap();
    let kept = append(&log, keyed(1, 1, 10));
    let active = directory.path().join("00000000000000000001.active/db");
    let before = fs::read(&active).unwrap();
    let lost = append(&log, keyed(2, 1, 10));
    assert_eq!(keys(&log), [lost, kept]);
    // The file as it was before; what knows more of it was not synced either.
    drop(log);
    assert!(fs::read(&active).unwrap() != before);
    fs::write(&active, before).unwrap();
    let snapshots = fs::read_dir(active.parent().unwrap()).unwrap().flatten();
    for snapshot in snapshots.filter(|it| it.file_name().to_str().unwrap().starts_with("snap")) {
        fs::remove_file(snapshot.path()).unwrap();
    }
    let log = reopen(directory.path());
    assert_eq!((keys(&log), read_all(&log).len()), (vec![kept], 1));
}

#[test]
fn a_batch_that_was_cut_short_leaves_no_key() {
    let place =
        chain::Place { epoch: crate::Epoch::from_token(7), first: 1, synced: 0, time_ms: 1000 };
    let blocks = chain::pack(&[keyed(1, 10, 15_000)], place);
    assert!(blocks.len() > 2);
    for kept in 0..=blocks.len() {
        let directory = tempfile::tempdir().unwrap();
        let database = segment::Database::create(&directory.path().join("segment")).unwrap();
        for block in &blocks[..kept] {
            database.insert(&block.key, block.value.clone()).unwrap();
        }
        let epochs = History::new([(place.epoch, 1)].into(), 1, 0);
        let scanned = recovery::scan(&database, 1, u64::MAX - 1, 0, &epochs).unwrap();
        let expected = usize::from(kept == blocks.len());
        assert_eq!(scanned.index.keys.len(), expected, "{kept} of {} blocks", blocks.len());
    }
}

#[test]
fn a_key_outlives_its_record_and_the_segment_of_it() {
    let directory = tempfile::tempdir().unwrap();
    let retention = Retention::forever().events(5);
    let open = || open_still(small(directory.path()), retention).unwrap();
    let log = open();
    let mut expected = Vec::new();
    for n in 0..100 {
        expected.insert(0, append(&log, keyed(n, 1, 200)));
        // Some go when they are sealed, some before.
        if n % 30 == 0 {
            log.core.tend();
        }
    }
    assert_eq!(keys(&log), expected);
    log.core.tend();
    assert_eq!(keys(&log), expected, "{:?}", kinds(directory.path()));
    assert!(outliving(directory.path()) > 5, "{:?}", kinds(directory.path()));
    let log = {
        drop(log);
        open()
    };
    assert_eq!(keys(&log), expected);
    assert_eq!(read_all(&log).len(), 5);
    log.core.tend();
    log.close().unwrap();
    assert_eq!(keys(&open()), expected);
}

#[test]
fn a_damaged_file_of_keys_costs_no_others() {
    let directory = tempfile::tempdir().unwrap();
    let retention = Retention::forever().events(5);
    let open = || open_still(small(directory.path()), retention);
    let log = open().unwrap();
    for n in 0..100 {
        append(&log, keyed(n, 1, 200));
    }
    log.core.tend();
    let expected = keys(&log);
    log.close().unwrap();
    let mut files: Vec<PathBuf> = kinds(directory.path())
        .iter()
        .filter_map(|kind| kind.strip_suffix(" keys")?.parse::<u64>().ok())
        .map(|first| directory.path().join(format!("{first:020}.keys")))
        .collect();
    files.sort();
    assert!(files.len() >= 4, "{files:?}");
    let newest = files.pop().unwrap();
    // What cannot be read now may be read later: nothing is forgotten.
    let elsewhere = directory.path().join("elsewhere");
    fs::rename(&newest, &elsewhere).unwrap();
    fs::create_dir(&newest).unwrap();
    let refused = open();
    assert!(matches!(&refused, Err(LogError::Io { path, .. }) if *path == newest), "{refused:?}");
    // Only who salvages goes on without it.
    let count = (fs::read(&elsewhere).unwrap().len() - 4) / 56;
    let from: u64 = newest.file_stem().unwrap().to_str().unwrap().parse().unwrap();
    let is_gone = |key: &StoredKey| (from..from + count as u64).contains(&key.id.seq());
    let others: Vec<StoredKey> = expected.iter().copied().filter(|key| !is_gone(key)).collect();
    let salvaging = || small(directory.path()).on_damage(OnDamage::Salvage);
    salvaging().salvage(&mut |_| ()).unwrap();
    for was_there in [false, true] {
        if was_there {
            fs::remove_dir(&newest).unwrap();
            fs::rename(&elsewhere, &newest).unwrap();
        }
        let log = open_still(salvaging(), retention).unwrap();
        if was_there {
            assert_eq!(keys(&log), expected);
            fs::rename(&newest, &elsewhere).unwrap();
            fs::create_dir(&newest).unwrap();
        }
        assert_eq!(keys(&log), others);
        log.close().unwrap();
        assert!(newest.is_dir(), "it has been removed");
    }
    fs::remove_dir(&newest).unwrap();
    fs::rename(&elsewhere, &newest).unwrap();

    let mut bytes = fs::read(&newest).unwrap();
    bytes[30] ^= 1;
    fs::write(&newest, bytes).unwrap();
    let expected = others;
    for _ in 0..2 {
        let log = open().unwrap();
        assert_eq!(keys(&log), expected);
        log.core.tend();
        assert_eq!(keys(&log), expected);
        log.close().unwrap();
    }
    assert!(!newest.exists());
    assert!(files.iter().all(|file| file.exists()));
}

#[test]
fn keys_that_nobody_can_ask_for_take_no_room() {
    let by_count = Window { age: Duration::from_secs(600), count: 20 };
    let by_age = Window { age: Duration::ZERO, count: 1_000_000 };
    for keys in [by_count, by_age] {
        let directory = tempfile::tempdir().unwrap();
        let retention = Retention { keys, ..Retention::forever().events(5) };
        let log = open_still(small(directory.path()), retention).unwrap();
        let mut most = 0;
        for n in 0..300 {
            append(&log, keyed(n, 1, 200));
            if n % 20 == 0 {
                std::thread::sleep(Duration::from_millis(2));
                log.core.tend();
                most = most.max(outliving(directory.path()));
            }
        }
        assert!(most < 10, "{keys:?}: {most} files");
        // What is known is enough for the window.
        assert!(self::keys(&log).len() >= if keys == by_count { 20 } else { 0 });
    }
}

/// Retention makes room on a full disk, as far as it can.
#[test]
fn keys_are_kept_without_taking_room_and_a_segment_whose_keys_cannot_be_kept_stays() {
    let directory = tempfile::tempdir().unwrap();
    let log = open_still(small(directory.path()), Retention::forever()).unwrap();
    for n in 0..100 {
        append(&log, keyed(n, 1, 200));
    }
    log.core.tend();
    let firsts = log.core.shelf.with(|all| all.iter().map(|it| it.first).collect::<Vec<_>>());
    let file = |place: usize| directory.path().join(format!("{:020}.keys", firsts[place]));
    // No file can be put there.
    fs::create_dir(file(2)).unwrap();
    assert_eq!(log.core.keep_keys(4).unwrap(), 2);
    #[cfg(unix)]
    for place in 0..2 {
        use std::os::unix::fs::MetadataExt;
        assert_eq!(fs::metadata(file(place)).unwrap().nlink(), 2, "it is the segment's own");
    }
    fs::remove_file(file(0)).unwrap();
    fs::create_dir(file(0)).unwrap();
    assert!(log.core.keep_keys(4).is_err());
    fs::remove_dir(file(0)).unwrap();
    fs::remove_dir(file(2)).unwrap();
    assert_eq!(log.core.keep_keys(4).unwrap(), 4);
}

/// A state that could not be written may say that a segment is gone: then the file is all that there is of its keys.
#[test]
fn a_file_of_keys_stays_until_it_is_known_that_the_segment_is_there() {
    let directory = tempfile::tempdir().unwrap();
    let log = open_still(small(directory.path()), Retention::forever().events(5)).unwrap();
    let mut expected = Vec::new();
    for n in 0..40 {
        expected.insert(0, append(&log, keyed(n, 1, 200)));
    }
    let obstacle = directory.path().join("state.new");
    fs::create_dir(&obstacle).unwrap();
    log.core.remove_segments().unwrap_err();
    let file = directory.path().join("00000000000000000001.keys");
    fs::hard_link(&file, directory.path().join("witness")).unwrap();
    log.core.remove_segments().unwrap_err();
    use std::os::unix::fs::MetadataExt;
    assert_eq!(fs::metadata(&file).unwrap().nlink(), 2, "it is another file");
    fs::remove_dir(&obstacle).unwrap();
    log.core.remove_segments().unwrap();
    assert_eq!(keys(&log), expected);
}

/// A crash between any two steps of removing a segment: the keys are known once, and known.
#[test]
fn a_crash_while_a_segment_is_removed_loses_no_key() {
    let directory = tempfile::tempdir().unwrap();
    let retention = Retention::forever().events(5);
    let log = open_still(small(directory.path()), retention).unwrap();
    let mut expected = Vec::new();
    for n in 0..40 {
        expected.insert(0, append(&log, keyed(n, 1, 200)));
    }
    let gone = log.core.shelf.with(|segments| segments.iter().filter(|it| it.end() < 36).count());
    assert!(gone > 1);
    log.core.keep_keys(gone).unwrap();
    let (between, last) = (tempfile::tempdir().unwrap(), log.history().last());
    copy(directory.path(), between.path());
    assert!(outliving(between.path()) > 1);
    let again = open_still(small(between.path()), retention).unwrap();
    assert_eq!(again.history().last(), last);
    assert_eq!(keys(&again), expected);
    again.core.tend();
    assert_eq!(keys(&again), expected);
    log.core.remove_segments().unwrap();
    assert_eq!(keys(&log), expected);
}

#[derive(Clone, Debug)]
enum Step {
    /// Batches of one commit, each of so many records of so many bytes; every third has no key.
    Append(Vec<(usize, usize)>),
    Fail(u8),
    Tend,
    Close,
    /// Dropped without being closed.
    Drop,
    /// As a crash leaves it that comes between the steps of removing segments.
    KeepAndDrop,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let size = prop_oneof![20 => 0usize..600, 1 => 60_000usize..140_000];
    let batches = prop::collection::vec((1usize..4, size), 1..6);
    let step = prop_oneof![
        12 => batches.prop_map(Step::Append),
        1 => prop_oneof![Just(FLUSH), Just(SYNC)].prop_map(Step::Fail),
        4 => Just(Step::Tend),
        1 => Just(Step::Close),
        1 => Just(Step::Drop),
        1 => Just(Step::KeepAndDrop),
    ];
    prop::collection::vec(step, 1..50)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever happens to the segments, as many keys as the window has are found, the newest first, and no other.
    #[test]
    fn the_newest_keys_are_found_whatever_comes_between(
        steps in steps(),
        events in prop::option::of(0u64..30),
        count in 1usize..40,
    ) {
        let directory = tempfile::tempdir().unwrap();
        let settings = small(directory.path());
        let faults = settings.faults.clone();
        let window = Window { age: Duration::from_secs(600), count };
        let retention = Retention { events, keys: window, ..Retention::forever() };
        let open = || open_still(settings.clone(), retention).unwrap();
        let (mut log, mut expected, mut next) = (open(), Vec::new(), 0);
        for step in steps {
            match step {
                Step::Append(batches) => {
                    let (mut group, mut places, mut place) = (Vec::new(), Vec::new(), 0);
                    for (records, bytes) in batches {
                        next += 1;
                        let mut batch = keyed(next, records, bytes);
                        batch.key = batch.key.filter(|_| next % 3 != 0);
                        places.push((batch.key, place));
                        place += records as u64;
                        group.push(batch);
                    }
                    let Appended { first, time_ms } = log.append(&group).unwrap();
                    for (key, place) in places {
                        let id = crate::EventId::new(first.epoch(), first.seq() + place);
                        if let Some(key) = key {
                            expected.insert(0, StoredKey { id, time_ms, key });
                        }
                    }
                }
                Step::Fail(operation) => {
                    next += 1;
                    faults.set(operation);
                    prop_assert!(log.append(&[keyed(next, 1, 10)]).is_err());
                    faults.set(0);
                    // Until it goes on, nobody knows what became of that.
                    log.core.recover();
                }
                Step::Tend => log.core.tend(),
                Step::Close => {
                    log.close().unwrap();
                    drop(log);
                    log = open();
                }
                Step::Drop => {
                    drop(log);
                    log = open();
                }
                Step::KeepAndDrop => {
                    let floor = log.history().first();
                    let gone = log.core.shelf.with(|all| {
                        all.iter().filter(|it| it.end() < floor).count().min(all.len() - 1)
                    });
                    log.core.keep_keys(gone).unwrap();
                    drop(log);
                    log = open();
                }
            }
            let mut found = keys(&log);
            found.truncate(count);
            prop_assert_eq!(&found[..], &expected[..expected.len().min(count)]);
        }
    }
}

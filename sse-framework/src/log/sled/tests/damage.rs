//! Damaged files, and openings that die while they mend something.

use super::block::{key, split_key};
use super::cut::three;
use super::*;
use std::fs;

/// Flips a bit in every copy of a block that the engine's file has.
pub(super) fn spoil(path: &Path, first: u64) {
    let mut bytes = fs::read(path.join("db")).unwrap();
    let mut copies = 0;
    for at in 0..bytes.len() {
        if block::extent(&bytes[at..]).is_some_and(|found| found.key == key(first, 0)) {
            bytes[at + 80] ^= 1;
            copies += 1;
        }
    }
    assert!(copies > 0);
    fs::write(path.join("db"), bytes).unwrap();
}

#[test]
fn a_damaged_block_among_good_ones_is_an_error_and_never_a_cut_tail() {
    for damaged in 1..=3 {
        let directory = tempfile::tempdir().unwrap();
        three(directory.path());
        let path = active_path(directory.path(), 1);
        spoil(&path, damaged);
        let before = fs::read(path.join("db")).unwrap();
        // The mark tells of the last one, too.
        match open_still(SledLog::new(directory.path()), Retention::forever()) {
            Err(LogError::Damaged { first, last, .. }) => {
                assert_eq!((first, last), (damaged, damaged));
            }
            other => panic!("{other:?}"),
        }
        assert!(fs::read(path.join("db")).unwrap() == before, "opening has changed the file");
    }
}

#[test]
fn a_damaged_block_of_a_sealed_segment_is_told_with_its_range() {
    let directory = tempfile::tempdir().unwrap();
    let log = open_still(small(directory.path()), Retention::forever()).unwrap();
    for number in 1..=60 {
        log.append(&[numbered(number)]).unwrap();
    }
    log.core.tend();
    let second = log.core.shelf.find(20).unwrap();
    let (first, last, path) = (second.first, second.end(), second.path.clone());
    drop((second, log));
    spoil(&path, first);
    let log = open_still(small(directory.path()), Retention::forever()).unwrap();
    let mut seen = 0;
    let all = TopicSelection::everything();
    let result = log.read(0, 60, &all, &mut |record| {
        seen = record.id.seq();
        ControlFlow::Continue(())
    });
    match result {
        Err(LogError::Damaged { first: from, last: to, .. }) => {
            assert_eq!((from, to, seen), (first, last, first - 1));
        }
        other => panic!("{other:?}"),
    }
    let rest = log.read(last, 60, &all, &mut |_| ControlFlow::Continue(()));
    assert_eq!(rest.unwrap().until, 60);
}

/// A log with three sealed segments of several blocks, one of which is damaged, that keeps one of them open. Also the
/// segment's directory, and what the damaged block holds.
fn a_damaged_block(directory: &Path) -> (OpenSledLog, PathBuf, std::ops::RangeInclusive<u64>) {
    let settings = || SledLog::new(directory).segment_bytes(300_000);
    let log = open_still(settings(), Retention::forever()).unwrap();
    while log.core.shelf.with(<[_]>::len) < 4 {
        log.append(&[batch([record(None, vec![b'x'; 10_000])])]).unwrap();
    }
    log.core.tend();
    let second = log.core.shelf.with(|segments| segments[1].clone());
    let path = second.path.clone();
    let blocks = carve::Carved::walk(&path).unwrap().blocks;
    let [damaged, next] = [1, 2].map(|place| split_key(&blocks[place].0).0);
    log.close().unwrap();
    drop((second, log));
    spoil(&path, damaged);
    let settings = SledLog { open_segments: 1, ..settings().on_damage(OnDamage::Salvage) };
    (open_still(settings, Retention::forever()).unwrap(), path, damaged..=next - 1)
}

/// Reads all, and passes over what is lost. Returns how many records there were, or another error.
fn count_kept(log: &OpenSledLog) -> Result<u64, LogError> {
    let (history, mut count) = (log.history(), 0);
    let all = TopicSelection::everything();
    let read = log.core.read_kept(1, history.last(), &history, &all, &mut |_| {
        count += 1;
        ControlFlow::Continue(())
    });
    read.map(|_| count)
}

#[test]
fn a_directory_that_cannot_be_synced_costs_no_intact_record() {
    // What is put aside, and the state after it.
    for failing in 0..=2 {
        let directory = tempfile::tempdir().unwrap();
        let (log, path, damaged) = a_damaged_block(directory.path());
        super::super::faults::fail_directory_syncs(0, failing);
        report("reading", count_kept(&log).map(drop));
        super::super::faults::fail_directory_syncs(0, 0);
        assert!(!path.exists());
        // The damaged one is closed when another is opened.
        let all = TopicSelection::everything();
        log.read(0, 1, &all, &mut |_| ControlFlow::Continue(())).unwrap();
        let (last, lost) = (log.history().last(), damaged.clone().count() as u64);
        assert_eq!(count_kept(&log).unwrap(), last - lost);
        assert_eq!(log.status().salvage.lost, std::slice::from_ref(&damaged), "{failing}");
        log.core.tend();
        log.close().unwrap();
        let log = SledLog::new(directory.path());
        assert_eq!(log.verify(&mut |_| ()).unwrap().damages, []);
        let log = open_still(log, Retention::forever()).unwrap();
        assert_eq!(count_kept(&log).unwrap(), last - lost);
        assert_eq!(log.status().salvage.lost, [damaged]);
    }
}

#[test]
fn a_directory_that_is_gone_for_a_while_costs_no_intact_record() {
    let directory = tempfile::tempdir().unwrap();
    let (log, path, damaged) = a_damaged_block(directory.path());
    let elsewhere = directory.path().join("elsewhere");
    fs::rename(&path, &elsewhere).unwrap();
    for _ in 0..2 {
        let read = count_kept(&log);
        assert!(matches!(read, Err(LogError::Damaged { .. })), "{read:?}");
        assert_eq!(log.status().salvage.lost, []);
    }
    fs::rename(&elsewhere, &path).unwrap();
    let lost = damaged.clone().count() as u64;
    assert_eq!(count_kept(&log).unwrap(), log.history().last() - lost);
    assert_eq!(log.status().salvage.lost, [damaged]);
}

#[test]
fn a_damaged_index_of_a_sealed_segment_is_made_anew() {
    let directory = tempfile::tempdir().unwrap();
    let log = open_still(small(directory.path()), Retention::forever()).unwrap();
    for number in 1..=60 {
        log.append(&[numbered(number)]).unwrap();
    }
    log.core.tend();
    let one = only(&["topics/1"]);
    let expected: Vec<_> = read(&log, &one).unwrap().iter().map(|seen| seen.seq).collect();
    assert_eq!(expected, (1..=60).step_by(3).collect::<Vec<u64>>());
    let second = log.core.shelf.find(20).unwrap();
    assert!(second.sealed.is_some());
    let path = second.path.clone();
    drop((second, log));
    spoil(&path, index::INDEX_SEQ);
    let log = open_still(small(directory.path()), Retention::forever()).unwrap();
    let found: Vec<_> = read(&log, &one).unwrap().iter().map(|seen| seen.seq).collect();
    assert_eq!(found, expected);
    assert!(log.core.shelf.find(20).unwrap().is_damaged());
    log.close().unwrap();
    drop(log);
    // Whoever checks the log is told, and can have it mended.
    let log = small(directory.path());
    let verified = log.verify(&mut |_| ()).unwrap();
    assert_eq!((verified.damages, verified.indexes), (Vec::new(), vec![path]));
    let report = log.salvage(&mut |_| ()).unwrap();
    assert_eq!((report.lost.len(), report.segments.len()), (0, 1));
    // No hub has ever kept its schemas with it.
    let schemas = Some(SchemasFlaw::Missing);
    assert_eq!(log.verify(&mut |_| ()).unwrap(), Verified { schemas, ..Verified::default() });
    let log = open_still(log, Retention::forever()).unwrap();
    assert_eq!(read(&log, &one).unwrap().len(), expected.len());
    assert_eq!(read_all(&log).len(), 60);
}

#[test]
fn a_segment_of_another_log_is_refused() {
    let directories = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    for directory in &directories {
        three(directory.path());
    }
    let [from, to] = directories.each_ref().map(|directory| active_path(directory.path(), 1));
    fs::remove_dir_all(&to).unwrap();
    fs::rename(from, to).unwrap();
    let opened = open_still(SledLog::new(directories[1].path()), Retention::forever());
    assert!(matches!(opened, Err(LogError::Format { .. })), "{opened:?}");
}

#[test]
fn writing_blocks_again_changes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    three(directory.path());
    let path = active_path(directory.path(), 1);
    let carved = carve::Carved::read(&path).unwrap();
    let before = fs::read(path.join("db")).unwrap();
    let all = Span { first: 1, last: 3 };
    carved.make_durable(all).unwrap();
    assert!(fs::read(path.join("db")).unwrap() == before);
    // What is no longer the block that was found stays as it is.
    spoil(&path, 2);
    let before = fs::read(path.join("db")).unwrap();
    carved.make_durable(Span { first: 3, last: 3 }).unwrap();
    assert!(matches!(carved.make_durable(all), Err(LogError::Io { .. })));
    assert!(fs::read(path.join("db")).unwrap() == before);
}

#[test]
fn a_missing_part_is_an_error() {
    let directory = tempfile::tempdir().unwrap();
    three(directory.path());
    let database = active_path(directory.path(), 1);
    fs::remove_file(database.join("db")).unwrap();
    assert!(open_still(SledLog::new(directory.path()), Retention::forever()).is_err());
    fs::remove_dir_all(database).unwrap();
    let opened = open_still(SledLog::new(directory.path()), Retention::forever());
    assert!(matches!(opened, Err(LogError::Damaged { first: 1, .. })), "{opened:?}");
}

/// Forty records, of which all but the last few are in sealed segments.
fn forty(path: &Path) -> OpenSledLog {
    let log = open_still(small(path), Retention::forever()).unwrap();
    for number in 1..=40 {
        log.append(&[numbered(number)]).unwrap();
    }
    log
}

#[test]
fn a_state_older_than_the_sealing_is_an_error_and_salvaging_it_loses_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let log = forty(path);
    let (older, before) = (fs::read(path.join("state")).unwrap(), read_all(&log));
    log.core.tend();
    log.close().unwrap();
    fs::write(path.join("state"), older).unwrap();
    let names = kinds(path);
    match open_still(small(path), Retention::forever()) {
        Err(LogError::Damaged { first: 1, reason, .. }) => {
            assert!(reason.contains("00000000000000000001.sealed"), "{reason}");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(kinds(path), names, "opening has changed something");
    let settings = small(path).on_damage(OnDamage::Salvage);
    let log = open_still(settings, Retention::forever()).unwrap();
    assert_eq!(log.status().salvage.lost, []);
    assert_eq!(log.status().salvage.segments.len(), 3);
    assert_eq!(read_all(&log), before);
    log.core.tend();
    log.close().unwrap();
    let log = open_still(small(path), Retention::forever()).unwrap();
    assert_eq!(read_all(&log), before);
}

#[test]
fn a_file_in_place_of_a_segment_is_an_error_and_can_be_salvaged() {
    for first in [1, 40] {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        let log = forty(path);
        log.core.tend();
        let segment = log.core.shelf.find(first).unwrap();
        let (place, last) = (segment.path.clone(), segment.end().min(40));
        assert_eq!(segment.first, first);
        log.close().unwrap();
        drop((segment, log));
        fs::remove_dir_all(&place).unwrap();
        fs::write(&place, "mine").unwrap();
        match open_still(small(path), Retention::forever()) {
            Err(LogError::Damaged { path, first: from, reason, .. }) => {
                assert_eq!((path, from, &*reason), (place, first, "it is not a directory"));
            }
            other => panic!("{other:?}"),
        }
        for on_damage in [OnDamage::Salvage, OnDamage::Refuse] {
            let log = open_still(small(path).on_damage(on_damage), Retention::forever()).unwrap();
            assert_eq!(log.status().salvage.lost, [first..=last]);
            assert_eq!(log.append(&[numbered(41)]).unwrap().first.seq(), log.history().last());
        }
        let aside = path.join(format!("{first:020}.damaged"));
        assert_eq!(fs::read(aside).unwrap(), b"mine");
    }
}

#[test]
fn the_engines_damaged_file_is_an_error_or_complete_but_never_silently_less() {
    for place in [0usize, 10, 60, 200, 400, 700, 1000, 2000] {
        let directory = tempfile::tempdir().unwrap();
        three(directory.path());
        let path = active_path(directory.path(), 1);
        for entry in fs::read_dir(&path).unwrap() {
            let entry = entry.unwrap();
            if entry.file_name().to_str().unwrap().starts_with("snap.") {
                fs::remove_file(entry.path()).unwrap();
            }
        }
        let mut bytes = fs::read(path.join("db")).unwrap();
        if let Some(byte) = bytes.get_mut(place) {
            *byte ^= 1;
        }
        fs::write(path.join("db"), bytes).unwrap();
        if let Ok(log) = open_still(SledLog::new(directory.path()), Retention::forever()) {
            assert_eq!(read_all(&log).len(), 3, "byte {place}");
        }
    }
}

#[test]
fn an_opening_that_dies_after_the_engine_has_overwritten_a_file_loses_nothing() {
    for copied in [false, true] {
        let directory = tempfile::tempdir().unwrap();
        three(directory.path());
        let path = active_path(directory.path(), 1);
        let copy = path.with_extension("copy");
        sealing::copy(&path, &copy);
        // Either the copy was not complete, or the engine had done its worst.
        let spoilt = if copied { &path } else { &copy };
        fs::write(spoilt.join("db"), vec![15; 1 << 20]).unwrap();
        check_offline(directory.path());
        let log = open_still(SledLog::new(directory.path()), Retention::forever()).unwrap();
        assert_eq!(read_all(&log).len(), 3);
        assert_eq!(kinds(directory.path()), ["1 active"]);
    }
}

/// A sync of the copy may have failed before the opening died: the next one would succeed whatever is on the disk.
#[test]
fn a_copy_is_written_again_before_it_takes_the_segments_place() {
    let directory = tempfile::tempdir().unwrap();
    three(directory.path());
    let path = active_path(directory.path(), 1);
    let copy = path.with_extension("copy");
    sealing::copy(&path, &copy);
    let expected = ["db", "conf"].map(|name| fs::read(copy.join(name)).unwrap());
    for name in ["db", "conf"] {
        let file = fs::File::options().write(true).open(copy.join(name)).unwrap();
        file.set_modified(std::time::UNIX_EPOCH).unwrap();
    }
    fs::write(path.join("db"), "").unwrap();
    guard::settle(&path).unwrap();
    assert!(!copy.exists());
    for (name, expected) in ["db", "conf"].into_iter().zip(expected) {
        let file = path.join(name);
        assert!(fs::read(&file).unwrap() == expected, "{name} has changed");
        let written = fs::metadata(&file).unwrap().modified().unwrap();
        assert!(written > std::time::UNIX_EPOCH, "{name} has not been written");
    }
}

#[test]
fn an_opening_that_dies_after_it_has_put_a_segment_aside_loses_nothing() {
    let directory = tempfile::tempdir().unwrap();
    three(directory.path());
    let path = active_path(directory.path(), 1);
    fs::rename(&path, path.with_extension("damaged")).unwrap();
    check_offline(directory.path());
    let log = open_still(SledLog::new(directory.path()), Retention::forever()).unwrap();
    assert_eq!(read_all(&log).len(), 3);
}

/// The tools find the three records, and no damage.
fn check_offline(directory: &Path) {
    let log = SledLog::new(directory);
    assert_eq!(log.verify(&mut |_| ()).unwrap().damages, []);
    assert_eq!(log.stats().unwrap().segments[0].last, 3);
    let mut records = 0;
    log.export(0, &mut |found, _| {
        records += u64::from(matches!(found, Exported::Record(_)));
        ControlFlow::Continue(())
    })
    .unwrap();
    assert_eq!(records, 3);
}

#[test]
fn what_the_engine_does_not_understand_is_read_without_it_and_kept_aside() {
    let directory = tempfile::tempdir().unwrap();
    three(directory.path());
    let path = active_path(directory.path(), 1).join("db");
    let mut bytes = fs::read(&path).unwrap();
    bytes[..16].fill(0);
    fs::write(path, bytes).unwrap();
    let log = open_still(SledLog::new(directory.path()), Retention::forever()).unwrap();
    let before = read_all(&log);
    assert_eq!(before.len(), 3);
    let report = log.status().salvage;
    assert_eq!((report.lost.len(), report.segments.len()), (0, 1));
    log.append(&[numbered(4)]).unwrap();
    log.core.tend();
    assert_eq!(kinds(directory.path()), ["1 damaged", "1 sealed", "4 active"]);
    drop(log);
    let log = open_still(SledLog::new(directory.path()), Retention::forever()).unwrap();
    assert_eq!(read_all(&log)[..3], before);
}

#[test]
fn a_snapshot_that_a_crash_has_left_unfinished_does_no_harm() {
    let directory = tempfile::tempdir().unwrap();
    three(directory.path());
    let path = active_path(directory.path(), 1);
    fs::write(path.join("snap.00000000FFFFFFFF.generating"), "half").unwrap();
    let log = open_still(SledLog::new(directory.path()), Retention::forever()).unwrap();
    assert_eq!(log.status().salvage.segments, []);
    log.append(&[numbered(4)]).unwrap();
    assert_eq!(read_all(&log).len(), 4);
}

#[test]
fn what_the_engine_overwrites_can_still_be_read() {
    let directory = tempfile::tempdir().unwrap();
    three(directory.path());
    let path = active_path(directory.path(), 1);
    for entry in fs::read_dir(&path).unwrap() {
        let path = entry.unwrap().path();
        if path.file_name().is_some_and(|name| name.to_str().unwrap().starts_with("snap")) {
            fs::remove_file(path).unwrap();
        }
    }
    // Before the first block: the engine stops there, and overwrites the rest.
    let mut bytes = fs::read(path.join("db")).unwrap();
    let first = (0..bytes.len()).find(|&at| block::extent(&bytes[at..]).is_some()).unwrap();
    bytes[first - 20..first].fill(0xff);
    fs::write(path.join("db"), bytes).unwrap();
    let log = open_still(SledLog::new(directory.path()), Retention::forever()).unwrap();
    assert_eq!(read_all(&log).len(), 3);
}

#[test]
fn retention_passes_what_is_lost() {
    let directory = tempfile::tempdir().unwrap();
    let log = open_still(small(directory.path()), Retention::forever()).unwrap();
    for number in 1..=40 {
        log.append(&[numbered(number)]).unwrap();
    }
    drop(log);
    spoil(&active_path(directory.path(), 1), 5);
    let settings = small(directory.path()).on_damage(OnDamage::Salvage);
    for retention in [
        Retention::forever().bytes(9000),
        Retention::forever().age(Duration::from_secs(60)),
        Retention::forever().events(20),
    ] {
        let log = open_still(settings.clone(), retention).unwrap();
        let all = TopicSelection::everything();
        let read = log.read(0, 40, &all, &mut |_| ControlFlow::Continue(()));
        assert!(read.is_ok() || matches!(read, Err(LogError::Lost { first: 5, last: 5 })));
        log.core.tend();
        log.core.trim_at(crate::log::times::now_ms(0));
        drop(log);
    }
    let log = open_still(settings, Retention::forever().age(Duration::from_secs(1))).unwrap();
    log.core.trim_at(crate::log::times::now_ms(0) + 60_000);
    assert_eq!(log.history().first(), 41);
    log.core.tend();
    assert_eq!(log.status().salvage.lost, []);
}

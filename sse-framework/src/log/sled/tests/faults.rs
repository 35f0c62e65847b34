//! Writes and syncs that fail.

use super::super::faults::{CLOSE, FLUSH, INSERT, SYNC, TEND};
use super::*;

#[test]
fn after_a_failed_write_or_sync_the_log_goes_on_elsewhere() {
    for operation in [INSERT, FLUSH, SYNC] {
        for before in [0u64, 3] {
            let directory = tempfile::tempdir().unwrap();
            let settings = small(directory.path());
            let faults = settings.faults.clone();
            let log = open_still(settings, Retention::forever()).unwrap();
            for number in 1..=before {
                log.append(&[numbered(number)]).unwrap();
            }
            faults.set(operation);
            let failed = log.append(&[numbered(99)]);
            assert!(matches!(failed, Err(AppendError::OutcomeUnknown(_))), "{failed:?}");
            assert_eq!(log.history().last(), before);
            assert_eq!(read_all(&log).len() as u64, before);
            faults.set(0);
            let epoch = log.history().id(1).epoch();
            let next = log.append(&[numbered(before + 1)]).unwrap().first;
            assert_eq!(next.seq(), before + 1);
            assert_ne!(next.epoch(), epoch, "an id for two payloads");
            let all = read_all(&log);
            assert_eq!(all.last().unwrap().data, numbered(before + 1).records[0].data);
            log.core.tend();
            assert_eq!(read_all(&log), all);
            drop(log);
            let log = open_still(small(directory.path()), Retention::forever()).unwrap();
            assert_eq!(read_all(&log), all);
        }
    }
}

#[test]
fn a_log_that_could_store_nothing_yet_is_empty_and_not_closed() {
    let directory = tempfile::tempdir().unwrap();
    let settings = small(directory.path());
    let faults = settings.faults.clone();
    let log = open_still(settings, Retention::forever()).unwrap();
    faults.set(INSERT);
    log.append(&[numbered(1)]).unwrap_err();
    faults.set(0);
    let path = active_path(directory.path(), 1);
    std::fs::remove_dir_all(&path).unwrap();
    std::fs::write(&path, "not a directory").unwrap();
    let refused = log.append(&[numbered(1)]);
    assert!(matches!(refused, Err(AppendError::Refused(_))), "{refused:?}");
    assert_eq!(log.position_at(0).unwrap(), Position::After(0));
    assert_eq!(read_all(&log), []);
    std::fs::remove_file(&path).unwrap();
    log.append(&[numbered(1)]).unwrap();
    assert_eq!(read_all(&log).len(), 1);
}

#[test]
fn what_a_failed_sync_has_left_does_not_exist_after_a_crash_either() {
    let directory = tempfile::tempdir().unwrap();
    let settings = small(directory.path());
    let faults = settings.faults.clone();
    let log = open_still(settings, Retention::forever()).unwrap();
    log.append(&[numbered(1)]).unwrap();
    faults.set(SYNC);
    assert!(log.append(&[numbered(2)]).is_err());
    drop(log);
    let log = open_still(small(directory.path()), Retention::forever()).unwrap();
    assert_eq!(read_all(&log).len(), 1);
    log.append(&[numbered(3)]).unwrap();
    assert_eq!(read_all(&log)[1].data, numbered(3).records[0].data);
}

#[test]
fn a_state_that_cannot_be_written_refuses_appends_until_it_can() {
    let directory = tempfile::tempdir().unwrap();
    let log = open_still(small(directory.path()), Retention::forever()).unwrap();
    let obstacle = directory.path().join("state.new");
    std::fs::create_dir(&obstacle).unwrap();
    let mut acknowledged = 0;
    let error = loop {
        match log.append(&[numbered(acknowledged + 1)]) {
            Ok(_) => acknowledged += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(error, AppendError::Refused(_)), "{error:?}");
    assert!(acknowledged > 5);
    assert!(matches!(log.append(&[numbered(99)]), Err(AppendError::Refused(_))));
    log.core.tend();
    std::fs::remove_dir(&obstacle).unwrap();
    log.append(&[numbered(acknowledged + 1)]).unwrap();
    assert_eq!(read_all(&log).len() as u64, acknowledged + 1);
    drop(log);
    let log = open_still(small(directory.path()), Retention::forever()).unwrap();
    assert_eq!(read_all(&log).len() as u64, acknowledged + 1);
}

#[cfg(target_os = "linux")]
#[test]
fn a_segment_takes_no_room_if_there_is_none_for_the_state_to_say_so() {
    let directory = tempfile::tempdir().unwrap();
    let log = open_still(small(directory.path()), Retention::forever()).unwrap();
    let obstacle = directory.path().join("state.new");
    std::os::unix::fs::symlink("/dev/full", &obstacle).unwrap();
    let mut acknowledged = 0;
    while log.append(&[numbered(acknowledged + 1)]).is_ok() {
        acknowledged += 1;
    }
    assert_eq!(kinds(directory.path()), ["1 active"]);
    std::fs::remove_file(&obstacle).unwrap();
    // What the file says is not known any more.
    std::fs::create_dir(&obstacle).unwrap();
    log.append(&[numbered(acknowledged + 1)]).unwrap_err();
    std::fs::remove_dir(&obstacle).unwrap();
    log.append(&[numbered(acknowledged + 1)]).unwrap();
    let all = read_all(&log);
    assert_eq!(all.len() as u64, acknowledged + 1);
    drop(log);
    assert_eq!(read_all(&open_still(small(directory.path()), Retention::forever()).unwrap()), all);
}

/// An opening that is the first may die at any step, and so may the one after it.
#[test]
fn a_new_log_is_one_from_its_first_file_on() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");
    // Made by an opening that died before it made that durable.
    std::fs::create_dir(&path).unwrap();
    let at = |name: &str| path.join(name).exists();
    let open = || open_still(small(&path), Retention::forever());
    super::super::faults::synced_directories();
    super::super::faults::fail_directory_syncs(1, 1);
    open().unwrap_err();
    super::super::faults::fail_directory_syncs(0, 0);
    assert_eq!(super::super::faults::synced_directories(), [directory.path()]);
    assert_eq!((at("state"), at("state.copy")), (true, false));
    let log = open().unwrap();
    log.append(&[numbered(1)]).unwrap();
    log.close().unwrap();
    assert_eq!((at("state"), at("state.copy")), (true, true));
    assert_eq!(read_all(&open().unwrap()).len(), 1);
}

/// A directory that is mounted, or was made by others, need not be made durable by the log.
#[test]
fn a_log_can_be_made_in_a_directory_above_which_nothing_can_be_synced() {
    use std::io::ErrorKind::*;
    for kind in [PermissionDenied, ReadOnlyFilesystem, InvalidInput, Unsupported, StorageFull] {
        let is_made = kind != StorageFull;
        let directory = tempfile::tempdir().unwrap();
        super::super::faults::fail_directory_syncs_as(kind);
        super::super::faults::fail_directory_syncs(0, 1);
        let opened = open_still(small(directory.path()), Retention::forever());
        super::super::faults::fail_directory_syncs(0, 0);
        assert_eq!(opened.is_ok(), is_made, "{kind}: {opened:?}");
        assert_eq!(directory.path().join("state").exists(), is_made);
    }
}

#[test]
fn a_segment_that_panics_when_it_is_closed_harms_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let settings = small(directory.path());
    let faults = settings.faults.clone();
    let log = open_still(settings, Retention::forever()).unwrap();
    for number in 1..=30 {
        log.append(&[numbered(number)]).unwrap();
    }
    faults.set(CLOSE);
    log.core.tend();
    log.close().unwrap();
    drop(log);
    let log = open_still(small(directory.path()), Retention::forever()).unwrap();
    assert_eq!(read_all(&log).len(), 30);
}

#[test]
fn the_thread_survives_a_panic() {
    let directory = tempfile::tempdir().unwrap();
    let settings = small(directory.path());
    let faults = settings.faults.clone();
    let log = Box::new(settings).open(Retention::forever()).unwrap();
    faults.set(TEND);
    for number in 1..=30 {
        log.append(&[numbered(number)]).unwrap();
    }
    std::thread::sleep(Duration::from_millis(200));
    assert!(!kinds(directory.path()).contains(&"1 sealed".into()));
    faults.set(0);
    let started = Instant::now();
    while !kinds(directory.path()).contains(&"1 sealed".into()) {
        assert!(started.elapsed() < Duration::from_secs(20), "the thread is gone");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn nothing_is_written_after_a_failure_and_a_sync_never_succeeds_after_a_failed_one() {
    for operation in [INSERT, FLUSH, SYNC] {
        let directory = tempfile::tempdir().unwrap();
        let faults = super::super::faults::Faults::default();
        let database = segment::Database::create(&directory.path().join("segment")).unwrap();
        let database = database.with_faults(&faults);
        let write = || {
            database.insert(&block::key(1, 0), vec![1])?;
            database.flush()?;
            database.sync()
        };
        write().unwrap();
        faults.set(operation);
        assert!(write().is_err());
        faults.set(0);
        assert!(database.insert(&block::key(2, 0), vec![2]).is_err());
        assert!(database.flush().is_err());
        assert_eq!(database.sync().is_err(), operation == SYNC);
        assert_eq!(database.get(&block::key(2, 0)).unwrap().map(|_| ()), None);
    }
}

#[test]
fn failed_appends_leave_one_epoch() {
    let directory = tempfile::tempdir().unwrap();
    let settings = small(directory.path());
    let faults = settings.faults.clone();
    let log = open_still(settings, Retention::forever()).unwrap();
    log.append(&[numbered(1)]).unwrap();
    let epochs = || locked(&log.core.state).state().epochs.len();
    faults.set(INSERT);
    for _ in 0..10 {
        assert!(log.append(&[numbered(2)]).is_err());
    }
    faults.set(0);
    let id = log.append(&[numbered(2)]).unwrap().first;
    assert_eq!((epochs(), id), (2, log.history().id(2)));
}

fn buffered(directory: &Path) -> SledLog {
    small(directory).durability(Durability::Buffered { sync_every: Duration::from_secs(60) })
}

/// Makes a segment anew with some of its blocks, as a loss of power would leave it.
fn keep_blocks(path: &Path, is_kept: impl Fn(usize) -> bool) {
    let mut blocks = Vec::new();
    {
        let database = segment::Database::open(path).unwrap();
        let mut scan = database.scan(&block::key(1, 0));
        while let Some(entry) = scan.next() {
            let (key, value) = entry.unwrap();
            blocks.push((key, value.to_vec()));
        }
    }
    let database = segment::Database::create(path).unwrap();
    for (place, (key, value)) in blocks.into_iter().enumerate() {
        if is_kept(place) {
            database.insert(&key, value).unwrap();
        }
    }
}

#[test]
fn what_was_acknowledged_before_a_failed_write_is_synced_or_known_not_to_be() {
    for (operations, is_safe) in [(FLUSH, true), (FLUSH | SYNC, false)] {
        let directory = tempfile::tempdir().unwrap();
        let settings = buffered(directory.path());
        let faults = settings.faults.clone();
        let log = open_still(settings, Retention::forever()).unwrap();
        for number in 1..=3 {
            log.append(&[numbered(number)]).unwrap();
            if number == 1 {
                log.core.sync().unwrap();
            }
        }
        faults.set(operations);
        assert!(log.append(&[numbered(4)]).is_err());
        faults.set(0);
        let marked = mark::Mark::read(directory.path()).unwrap().1;
        assert_eq!(marked, if is_safe { 3 } else { 1 });
        let noted = locked(&log.core.state).state().segments[0].unsynced_after;
        assert_eq!(noted, (!is_safe).then_some(1));
        let id = log.history().id(3);
        assert_eq!(log.close().is_ok(), is_safe);
        drop(log);
        if is_safe {
            continue;
        }
        // As if the power had gone: only what was synced is there.
        keep_blocks(&active_path(directory.path(), 1), |place| place < 2);
        let log = open_still(buffered(directory.path()), Retention::forever()).unwrap();
        assert_eq!(log.history().find(id), Position::Lost(2));
        assert_eq!(read_all(&log).len(), 2);
        log.append(&[numbered(3)]).unwrap();
        log.core.tend();
        assert_eq!(locked(&log.core.state).state().segments[0].unsynced_after, None);
        log.close().unwrap();
    }
}

/// What an opening has shown has been made durable, whatever became of the sync before.
#[test]
fn what_could_not_be_synced_is_durable_when_the_log_has_been_opened_again() {
    let directory = tempfile::tempdir().unwrap();
    let settings = buffered(directory.path());
    let faults = settings.faults.clone();
    let log = open_still(settings, Retention::forever()).unwrap();
    log.append(&[numbered(1)]).unwrap();
    log.core.sync().unwrap();
    log.append(&[numbered(2)]).unwrap();
    faults.set(FLUSH | SYNC);
    log.append(&[numbered(3)]).unwrap_err();
    faults.set(0);
    log.close().unwrap_err();
    drop(log);
    let log = open_still(buffered(directory.path()), Retention::forever()).unwrap();
    assert_eq!(read_all(&log).len(), 2);
    let segment = locked(&log.core.state).state().segments[0];
    assert_eq!((segment.end, segment.unsynced_after), (Some(2), None));
    log.close().unwrap();
    drop(log);
    // What is damaged from then on is not told as lost.
    keep_blocks(&active_path(directory.path(), 1), |place| place < 1);
    let log = open_still(buffered(directory.path()), Retention::forever()).unwrap();
    let damaged = read(&log, &TopicSelection::everything());
    assert!(matches!(damaged, Err(LogError::Damaged { first: 2, last: 2, .. })), "{damaged:?}");
}

/// Which blocks are left, and which records are lost.
type Cut = (fn(usize) -> bool, Option<std::ops::RangeInclusive<u64>>);

/// A loss of power takes some blocks of a batch that could not be synced, after the log has gone on elsewhere.
#[test]
fn a_batch_that_could_not_be_synced_is_there_whole_or_not_at_all() {
    let key = BatchKey { key: 7, content: 7 };
    let whole = Batch { key: Some(key), ..batch((0..10).map(|n| record(None, vec![n; 30_000]))) };
    // The first block is of record 1, and the last of 12.
    let cuts: [Cut; 6] = [
        (|_| true, None),
        (|place| place < 1, Some(2..=12)),
        (|place| place < 2, Some(2..=12)),
        (|place| place < 4, Some(2..=12)),
        (|place| place != 1, Some(2..=11)),
        (|place| place != 3, Some(2..=11)),
    ];
    for (cut, (is_kept, lost)) in cuts.into_iter().enumerate() {
        for on_damage in [OnDamage::Refuse, OnDamage::Salvage] {
            let directory = tempfile::tempdir().unwrap();
            let settings =
                || buffered(directory.path()).segment_bytes(1 << 20).on_damage(on_damage);
            let failing = settings();
            let faults = failing.faults.clone();
            let log = open_still(failing, Retention::forever()).unwrap();
            log.append(&[numbered(1)]).unwrap();
            log.core.sync().unwrap();
            log.append(std::slice::from_ref(&whole)).unwrap();
            log.append(&[numbered(12)]).unwrap();
            faults.set(FLUSH | SYNC);
            log.append(&[numbered(13)]).unwrap_err();
            faults.set(0);
            assert_eq!(log.append(&[numbered(13)]).unwrap().first.seq(), 13);
            assert_eq!(read_all(&log).len(), 13, "in the same process nothing is missing");
            drop(log);
            keep_blocks(&active_path(directory.path(), 1), is_kept);
            let verified = settings().verify(&mut |_| ()).unwrap();
            assert_eq!(verified.damages, [], "cut {cut}: it is no damage");
            let expected: Vec<u64> = (1..=13)
                .filter(|seq| !lost.as_ref().is_some_and(|lost| lost.contains(seq)))
                .collect();
            for round in 0..3 {
                let log = open_still(settings(), Retention::forever()).unwrap();
                let mut known = Vec::new();
                let keys = |known: &mut Vec<_>| {
                    log.keys(0, &mut |key| {
                        known.push(key.key);
                        ControlFlow::Continue(())
                    })
                };
                keys(&mut known).unwrap();
                let (mut seen, mut told) = (Vec::new(), None);
                let history = log.history();
                let all = TopicSelection::everything();
                let mut after = 0;
                while after < 13 {
                    let read = log.read(after, 13, &all, &mut |record| {
                        seen.push(record.id.seq());
                        ControlFlow::Continue(())
                    });
                    after = match read {
                        Ok(read) => read.until,
                        Err(LogError::Lost { first, last }) => {
                            told = Some(first..=last);
                            last
                        }
                        Err(error) => panic!("cut {cut}, round {round}: {error}"),
                    };
                }
                keys(&mut known).unwrap();
                assert_eq!((&seen, &told), (&expected, &lost), "cut {cut}, round {round}");
                let found = if lost.is_none() { vec![key; 2] } else { Vec::new() };
                assert_eq!(known, found, "cut {cut}, round {round}");
                assert_eq!(log.status().salvage.lost, Vec::from_iter(lost.clone()));
                assert_eq!(history.last(), 13);
                // First as the crash has left it, then as it was found to be, and then sealed.
                if round == 1 {
                    log.core.tend();
                }
            }
        }
    }
}

#[test]
fn a_log_opens_also_if_records_before_an_empty_segment_were_lost() {
    let directory = tempfile::tempdir().unwrap();
    let settings = buffered(directory.path());
    let faults = settings.faults.clone();
    let log = open_still(settings, Retention::forever()).unwrap();
    log.append(&[numbered(1)]).unwrap();
    faults.set(FLUSH | SYNC);
    assert!(log.append(&[numbered(2)]).is_err());
    faults.set(0);
    log.append(&[]).unwrap();
    drop(log);
    assert_eq!(kinds(directory.path()), ["1 active", "2 active"]);
    // As if the power had gone.
    drop(segment::Database::create(&active_path(directory.path(), 1)).unwrap());
    let log = open_still(buffered(directory.path()), Retention::forever()).unwrap();
    let lost = read(&log, &TopicSelection::everything());
    assert!(matches!(lost, Err(LogError::Lost { first: 1, last: 1 })), "{lost:?}");
    assert_eq!(log.status().salvage.lost, [1..=1]);
    assert_eq!(log.append(&[numbered(2)]).unwrap().first.seq(), 2);
    assert!(
        log.read(1, 2, &TopicSelection::everything(), &mut |_| ControlFlow::Continue(())).is_ok()
    );
}

#[test]
fn the_status_tells_of_a_failure_and_the_log_goes_on_also_if_nobody_publishes() {
    for operation in [INSERT, FLUSH, SYNC] {
        let directory = tempfile::tempdir().unwrap();
        let settings = small(directory.path());
        let faults = settings.faults.clone();
        let log = Box::new(settings).open(Retention::forever()).unwrap();
        log.append(&[numbered(1)]).unwrap();
        assert!(log.status().failing.is_none());
        // A disk that is full stays so for a while: a new segment cannot be made either.
        let obstacle = directory.path().join("00000000000000000002.active");
        faults.set(operation);
        assert!(log.append(&[numbered(2)]).is_err());
        let first = log.status().failing.unwrap();
        assert!(matches!(&*first.error, LogError::Io { .. }), "{first:?}");
        std::fs::write(&obstacle, "not a directory").unwrap();
        faults.set(0);
        assert!(matches!(log.append(&[numbered(2)]), Err(AppendError::Refused(_))));
        std::thread::sleep(Duration::from_millis(1200));
        let later = log.status().failing.unwrap();
        assert_eq!(later.since, first.since);
        assert_eq!(read_all(&*log).len(), 1, "readers go on");
        std::fs::remove_file(&obstacle).unwrap();
        let started = Instant::now();
        while log.status().failing.is_some() {
            assert!(started.elapsed() < Duration::from_secs(20), "it does not recover");
            std::thread::sleep(Duration::from_millis(20));
        }
        log.append(&[numbered(3)]).unwrap();
        let all = read_all(&*log);
        assert_eq!(all.len(), 2);
        drop(log);
        let log = open_still(small(directory.path()), Retention::forever()).unwrap();
        assert_eq!(read_all(&log), all, "what was never acknowledged has come back");
    }
}

#[test]
fn retention_makes_room_before_a_log_that_has_failed_looks_for_it() {
    let directory = tempfile::tempdir().unwrap();
    let settings = small(directory.path());
    let faults = settings.faults.clone();
    let log = open_still(settings, Retention::forever().events(10)).unwrap();
    for number in 1..=60 {
        log.append(&[numbered(number)]).unwrap();
    }
    faults.set(INSERT);
    log.append(&[numbered(61)]).unwrap_err();
    faults.set(0);
    let before = kinds(directory.path()).len();
    // Whoever opens it for writing waits until it is opened for reading.
    let room = directory.path().join("room");
    assert!(std::process::Command::new("mkfifo").arg(&room).status().unwrap().success());
    let meanwhile = std::thread::scope(|scope| {
        scope.spawn(|| log.core.tend());
        let started = Instant::now();
        while kinds(directory.path()).len() == before && started.elapsed() < Duration::from_secs(60)
        {
            std::thread::sleep(Duration::from_millis(10));
        }
        let meanwhile = kinds(directory.path()).len();
        drop(std::fs::File::open(&room).unwrap());
        meanwhile
    });
    assert!(meanwhile < before, "nothing is removed");
}

#[test]
fn a_log_looks_for_room_for_what_found_none_only() {
    let directory = tempfile::tempdir().unwrap();
    let settings = small(directory.path());
    let faults = settings.faults.clone();
    let log = open_still(settings, Retention::forever()).unwrap();
    let refused = || locked(&log.core.writer).refused;
    // Of no such kind.
    faults.set(INSERT);
    log.append(&[numbered(1)]).unwrap_err();
    assert_eq!(refused(), 0);
    faults.set(0);
    let obstacle = directory.path().join("state.new");
    std::os::unix::fs::symlink("/dev/full", &obstacle).unwrap();
    log.append(&[numbered(1)]).unwrap_err();
    assert!(refused() > 200);
    std::fs::remove_file(&obstacle).unwrap();
    log.append(&[numbered(1)]).unwrap();
    assert_eq!(refused(), 0);
}

/// Otherwise those that come during long syncs would wait for longer and longer.
#[test]
fn records_that_come_during_a_sync_count_from_its_beginning() {
    let directory = tempfile::tempdir().unwrap();
    let log = open_still(buffered(directory.path()), Retention::forever()).unwrap();
    let open = match &locked(&log.core.writer).active {
        Active::Open { open, .. } => open.clone(),
        other => panic!("{other:?}"),
    };
    // Few enough for one segment: the next would be begun with a sync.
    for number in 1..6 {
        log.append(&[numbered(2 * number - 1)]).unwrap();
        let held = locked(&open.database.sync_failed);
        let came = std::thread::scope(|scope| {
            scope.spawn(|| log.core.sync().unwrap());
            std::thread::sleep(Duration::from_millis(50 * number));
            let came = Instant::now();
            log.append(&[numbered(2 * number)]).unwrap();
            drop(held);
            came
        });
        let writer = locked(&log.core.writer);
        if writer.synced == writer.last {
            // It began after that.
            continue;
        }
        assert_eq!((writer.synced, writer.last), (2 * number - 1, 2 * number));
        assert!(writer.unsynced_since.is_some_and(|since| since < came));
        return;
    }
    panic!("no record came during a sync");
}

#[test]
fn what_is_buffered_is_synced_whatever_else_there_is_to_do() {
    let directory = tempfile::tempdir().unwrap();
    let sync_every = Duration::from_millis(100);
    let settings = small(directory.path()).durability(Durability::Buffered { sync_every });
    let log = open_still(settings, Retention::forever()).unwrap();
    log.core.maintain(&mut locked(&log.maintenance)).unwrap();
    // The log's thread gets no further than here.
    let held = locked(&log.core.trimmer);
    log.append(&[numbered(1)]).unwrap();
    std::thread::sleep(Duration::from_secs(2));
    log.append(&[numbered(2)]).unwrap();
    let started = Instant::now();
    while mark::Mark::read(directory.path()).is_none_or(|(_, marked)| marked < 2) {
        assert!(started.elapsed() < Duration::from_secs(20), "it is not synced");
        std::thread::sleep(Duration::from_millis(5));
    }
    drop(held);
    log.close().unwrap();
}

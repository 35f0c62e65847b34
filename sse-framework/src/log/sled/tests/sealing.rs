//! Rolling and sealing, and crashes between their steps.

use super::*;
use std::collections::HashSet;
use std::fs;

fn fill(log: &OpenSledLog, numbers: std::ops::RangeInclusive<u64>) {
    for number in numbers {
        log.append(&[numbered(number)]).unwrap();
    }
}

fn reopen(directory: &Path) -> OpenSledLog {
    open_still(small(directory), Retention::forever()).unwrap()
}

/// A copy of a directory, for a crash that is to be repeated.
pub(super) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (path, to) = {
            let entry = entry.unwrap();
            (entry.path(), to.join(entry.file_name()))
        };
        match path.is_dir() {
            true => copy(&path, &to),
            false => drop(fs::copy(&path, &to).unwrap()),
        }
    }
}

#[test]
fn sealing_keeps_every_record_and_the_index_names_exactly_the_blocks() {
    let directory = tempfile::tempdir().unwrap();
    let log = open_still(small(directory.path()).segment_bytes(300_000), Retention::forever());
    let log = log.unwrap();
    for number in 0..400 {
        let topic = if number < 100 { "early" } else { "late" };
        log.append(&[batch([record(Some(topic), vec![b'x'; 1000])])]).unwrap();
    }
    let before = read_all(&log);
    log.core.tend();
    assert_eq!(kinds(directory.path()).len(), 2);
    assert_eq!(read_all(&log), before);
    let segment = log.core.shelf.find(1).unwrap();
    let sealed = segment.sealed.unwrap();
    assert_eq!((sealed.count, sealed.last), (segment.end(), segment.end()));
    let open = log.core.shelf.open(&segment, &log.history()).unwrap();
    let index = open.index().unwrap();
    for topic in ["early", "late"] {
        let topics = HashSet::from([topic.parse().unwrap()]);
        let (found, _) = index.blocks_of(&topics, 1, 99);
        let mut expected = Vec::new();
        let mut scan = open.database.scan(&block::key(1, 0));
        while let Some(entry) = scan.next() {
            let (key, value) = entry.unwrap();
            let (seq, _) = block::split_key(&key);
            if seq < u64::MAX {
                let block = block::Block::decode(&key, value).unwrap();
                assert!(value.len() <= block::BLOCK_BYTES);
                if block.records(0, u64::MAX, |t| t == Some(topic)).count() > 0 {
                    expected.push(seq);
                }
            }
        }
        assert!(expected.len() >= 2 && expected.len() < 5);
        assert_eq!(found, expected);
    }
}

#[test]
fn a_reader_goes_on_while_its_segment_is_sealed_and_removed() {
    let directory = tempfile::tempdir().unwrap();
    let log = open_still(small(directory.path()), Retention::forever().events(5)).unwrap();
    fill(&log, 1..=3);
    let mut seen = Vec::new();
    log.read(0, 3, &TopicSelection::everything(), &mut |record| {
        if seen.is_empty() {
            for number in 4..=91 {
                log.core.append(&[numbered(number)]).unwrap();
            }
            log.core.tend();
            assert!(kinds(directory.path()).contains(&"1 active".into()));
        }
        seen.push((record.id.seq(), record.data.to_vec()));
        ControlFlow::Continue(())
    })
    .unwrap();
    assert_eq!(seen.len(), 3);
    for (seq, data) in seen {
        assert_eq!(data, numbered(seq).records[0].data);
    }
    log.core.tend();
    assert!(kinds(directory.path()).iter().all(|name| !name.starts_with("1 ")));
    assert_eq!(log.history().first(), 87);
    assert_eq!(read_all(&log).len(), 5);
}

#[test]
fn what_has_been_shown_is_not_shown_again_when_the_segment_is_another() {
    let directory = tempfile::tempdir().unwrap();
    let log = open_still(small(directory.path()), Retention::forever()).unwrap();
    fill(&log, 1..=40);
    let segment = log.core.shelf.find(1).unwrap();
    assert!(segment.end() > 5);
    // It is read from its file, block by block.
    segment.leave_engine();
    segment.set_damaged();
    let db = segment.path.join("db");
    let mut seen = Vec::new();
    let topics = only(&["topics/0", "topics/1", "topics/2"]);
    let read = log.core.read(0, 40, &topics, &mut |record| {
        seen.push(record.id.seq());
        if seen.len() == 3 {
            fs::copy(&db, db.with_extension("good")).unwrap();
            fs::File::options().write(true).open(&db).unwrap().set_len(0).unwrap();
            fs::rename(db.with_extension("good"), &db).unwrap();
            let fresh = Segment::new(1, segment.path.clone(), segment.end(), None);
            log.core.shelf.change(|segments| segments[0] = fresh.into());
        }
        ControlFlow::Continue(())
    });
    assert_eq!(read.unwrap().until, 40);
    assert_eq!(seen, (1..=40).collect::<Vec<_>>());
}

#[test]
fn a_crash_between_any_two_steps_of_sealing_loses_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let full = directory.path().join("full");
    let log = reopen(&full);
    fill(&log, 1..=30);
    let before = read_all(&log);
    drop(log);
    let sealed = directory.path().join("sealed");
    copy(&full, &sealed);
    let log = reopen(&sealed);
    log.core.tend();
    drop(log);
    let names = kinds(&sealed);
    assert!(names.contains(&"1 sealed".into()), "{names:?}");
    let name = |kind: &str| format!("{:020}.{kind}", 1);

    // (state of, sealed segment there as, active segment there)
    let crashes = [
        (&full, "sealing", true),
        (&full, "sealed", true),
        (&sealed, "sealed", true),
        (&sealed, "sealed", false),
    ];
    for (place, (state, kind, active)) in crashes.into_iter().enumerate() {
        let crashed = directory.path().join(place.to_string());
        copy(if std::ptr::eq(state, &sealed) { &sealed } else { &full }, &crashed);
        fs::remove_dir_all(crashed.join(name("sealed"))).ok();
        copy(&sealed.join(name("sealed")), &crashed.join(name(kind)));
        if active {
            copy(&full.join(name("active")), &crashed.join(name("active")));
        }
        if kind == "sealing" {
            fs::remove_file(crashed.join(name(kind)).join("db")).unwrap();
        }
        let log = reopen(&crashed);
        assert_eq!(read_all(&log)[..30], before, "crash {place}");
        log.append(&[numbered(31)]).unwrap();
        log.core.tend();
        assert_eq!(read_all(&log).len(), 31);
        assert!(kinds(&crashed).iter().filter(|kind| kind.ends_with("active")).count() == 1);
    }
}

#[test]
fn a_crash_between_any_two_steps_of_rolling_or_removing_loses_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");
    let log = reopen(&path);
    fill(&log, 1..=5);
    drop(log);
    // The new segment's directory is there, in whatever shape, but the state does not know it.
    for whole in [true, false] {
        let next = active_path(&path, 6);
        drop(segment::Database::create(&next).unwrap());
        if !whole {
            fs::remove_file(next.join("db")).unwrap();
        }
        let log = reopen(&path);
        assert_eq!(read_all(&log).len(), 5);
        drop(log);
        assert_eq!(kinds(&path), ["1 active"]);
    }
    let log = reopen(&path);
    fill(&log, 6..=60);
    log.core.tend();
    log.close().unwrap();
    // The state has dropped a segment whose directory is still there, or half of it.
    let oldest = kinds(&path)[0].clone();
    assert_eq!(oldest, "1 sealed");
    let kept = directory.path().join("kept");
    copy(&sealed_path(&path, 1), &kept);
    let log = open_still(small(&path), Retention::forever().events(3)).unwrap();
    log.core.tend();
    let after = read_all(&log);
    drop(log);
    for name in [sealed_path(&path, 1), trash_path(&sealed_path(&path, 1))] {
        copy(&kept, &name);
        let log = open_still(small(&path), Retention::forever().events(3)).unwrap();
        assert_eq!(read_all(&log), after);
        assert!(!name.exists());
    }
}

#[test]
fn a_segment_that_the_state_does_not_know_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let refused = |state: &[u8]| {
        fs::write(directory.path().join("state"), state).unwrap();
        fs::remove_file(directory.path().join("mark")).unwrap();
        let opened = open_still(small(directory.path()), Retention::forever());
        assert!(matches!(opened, Err(LogError::Format { .. })), "{opened:?}");
    };
    let log = reopen(directory.path());
    let first = fs::read(directory.path().join("state")).unwrap();
    fill(&log, 1..=40);
    let second = fs::read(directory.path().join("state")).unwrap();
    drop(log);
    refused(&first);
    fs::write(directory.path().join("state"), &second).unwrap();
    let log = reopen(directory.path());
    fill(&log, 41..=60);
    drop(log);
    refused(&second);
}

#[test]
fn a_sealed_segment_takes_no_more_than_its_records() {
    for per_commit in [1, 40] {
        let directory = tempfile::tempdir().unwrap();
        let settings = small(directory.path()).segment_bytes(100_000);
        let log = open_still(settings, Retention::forever()).unwrap();
        for commit in 0..1000 / per_commit {
            let records = (0..per_commit).map(|n| numbered(commit * per_commit + n));
            log.append(&records.collect::<Vec<_>>()).unwrap();
        }
        let (before, one) = (read_all(&log), only(&["topics/1"]));
        let of_topic = read(&log, &one).unwrap();
        log.core.tend();
        assert_eq!((read_all(&log), read(&log, &one).unwrap()), (before, of_topic));
        let sealed = log.core.shelf.find(1).unwrap().sealed.unwrap();
        let path = sealed_path(directory.path(), 1);
        let taken = offline::bytes_on_disk(&path);
        assert!(taken < sealed.bytes * 11 / 10, "{taken} for {}", sealed.bytes);
        assert_eq!(fs::read_dir(path).unwrap().count(), 2, "the blocks, and where they lie");
    }
}

#[test]
fn a_sealing_that_is_given_up_leaves_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let settings = small(directory.path()).segment_bytes(100_000);
    let log = open_still(settings, Retention::forever().events(300)).unwrap();
    fill(&log, 1..=500);
    let (segment, mut records) = (log.core.shelf.find(300).unwrap(), 0);
    let sealed = log.core.seal(&segment, &mut || {
        records += 1;
        if records < 10 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    assert!(!sealed.unwrap());
    drop(segment);
    // Retention is faster, so it is not tried again.
    fill(&log, 501..=1500);
    log.core.tend();
    let names = kinds(directory.path());
    assert!(!names.iter().any(|name| name.ends_with("sealing")), "{names:?}");
}

#[test]
fn sealing_ends_when_there_is_nothing_worth_it() {
    let directory = tempfile::tempdir().unwrap();
    let settings = SledLog::new(directory.path());
    let faults = settings.faults.clone();
    let retention = Retention::forever().age(Duration::from_secs(60));
    let log = open_still(settings, retention).unwrap();
    log.append(&(0..300).map(numbered).collect::<Vec<_>>()).unwrap();
    faults.set(super::super::faults::INSERT);
    assert!(log.append(&[numbered(301)]).is_err());
    log.core.trim_at(crate::log::times::now_ms(0) + 120_000);
    assert_eq!(log.history().first(), 301);
    let core = log.core.clone();
    let (done, is_done) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        core.tend();
        done.send(())
    });
    let waited = is_done.recv_timeout(Duration::from_secs(20));
    log.core.stop();
    waited.unwrap();
}

#[test]
fn a_segment_that_cannot_be_sealed_holds_up_no_other_and_is_tried_again_later_and_later() {
    let directory = tempfile::tempdir().unwrap();
    let log = reopen(directory.path());
    fill(&log, 1..=60);
    drop(log);
    damage::spoil(&active_path(directory.path(), 1), 1);
    let log = reopen(directory.path());
    let before = Instant::now();
    log.core.tend();
    let (segment, mut now) = (log.core.shelf.find(1).unwrap(), Instant::now());
    assert!(log.core.next_to_seal(before).is_none());
    let names = kinds(directory.path());
    assert!(names.contains(&"1 active".into()), "{names:?}");
    assert_eq!(names.iter().filter(|name| name.ends_with("active")).count(), 2, "{names:?}");
    for pause in [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300] {
        let pause = Duration::from_secs(pause);
        assert!(log.core.next_to_seal(now + pause).is_some());
        assert!(pause.as_secs() == 1 || log.core.next_to_seal(now + pause / 2).is_none());
        now += pause;
        segment.seal_later(now);
    }
}

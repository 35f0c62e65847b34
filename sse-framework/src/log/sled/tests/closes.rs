//! Closed topics are found when a log is opened, and its records are not read for it.

use super::*;
use std::collections::BTreeMap;
use std::fs;

fn close(topic: &str) -> Batch {
    batch([NewRecord::closing(topic.parse().unwrap())])
}

fn closed(log: &OpenSledLog) -> BTreeMap<String, u64> {
    let mut found = BTreeMap::new();
    log.closed_topics(&mut |topic, seq| {
        assert_eq!(found.insert(topic.to_owned(), seq), None);
    })
    .unwrap();
    found
}

/// A log with two segments that are sealed, and one that is written to; each closes two topics.
fn three_segments(directory: &Path) -> (OpenSledLog, BTreeMap<String, u64>) {
    let log = open_still(small(directory).segment_bytes(30_000), Retention::forever()).unwrap();
    let mut expected = BTreeMap::new();
    let mut close_two = |segment: usize| {
        for n in 0..2 {
            let topic = format!("answers/{segment}-{n}");
            let id = log.append(&[close(&topic)]).unwrap().first;
            expected.insert(topic, id.seq());
        }
    };
    close_two(0);
    log.append(&[batch((0..30).map(|_| record(Some("a"), vec![b'x'; 1000])))]).unwrap();
    close_two(1);
    for _ in 0..40 {
        log.append(&[batch([record(None, vec![b'x'; 1000])])]).unwrap();
    }
    close_two(2);
    assert_eq!(closed(&log), expected, "as it was written");
    log.core.tend();
    let of_kind = |kind| kinds(directory).iter().filter(|name| name.ends_with(kind)).count();
    assert_eq!((of_kind("sealed"), of_kind("active")), (2, 1));
    (log, expected)
}

/// Where the files `closes` are.
fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).unwrap().flatten();
    entries.map(|entry| entry.path().join("closes")).filter(|path| path.exists()).collect()
}

#[test]
fn closed_topics_are_found_without_reading_what_is_sealed() {
    let directory = tempfile::tempdir().unwrap();
    let (log, expected) = three_segments(directory.path());
    assert_eq!(closed(&log), expected, "sealed");
    drop(log);
    let files = files(directory.path());
    assert_eq!(files.len(), 2);
    for file in &files {
        // Of the records nothing is left; opening does not look at them.
        fs::write(file.with_file_name("db"), "").unwrap();
    }
    let log = open_still(small(directory.path()), Retention::forever()).unwrap();
    assert_eq!(closed(&log), expected);
}

#[test]
fn closed_topics_are_found_though_the_file_is_damaged_or_missing() {
    let directory = tempfile::tempdir().unwrap();
    let (log, expected) = three_segments(directory.path());
    log.close().unwrap();
    let files = files(directory.path());
    fs::remove_file(&files[0]).unwrap();
    fs::write(&files[1], &fs::read(&files[1]).unwrap()[..20]).unwrap();
    let log = open_still(small(directory.path()), Retention::forever()).unwrap();
    assert_eq!(closed(&log), expected);
    log.close().unwrap();

    // An older file, of which each byte is right.
    fs::write(&files[0], [0; 4]).unwrap();
    let log = open_still(small(directory.path()), Retention::forever()).unwrap();
    assert_eq!(closed(&log), expected);
}

#[test]
fn closes_of_records_that_are_not_kept_are_not_found() {
    let directory = tempfile::tempdir().unwrap();
    let (log, mut expected) = three_segments(directory.path());
    let last = log.history().last();
    log.close().unwrap();
    for keep in [last - 1, last - 2, 2, 1] {
        expected.retain(|_, seq| *seq > last - keep);
        let retention = Retention::forever().events(keep);
        let log = open_still(small(directory.path()), retention).unwrap();
        assert_eq!(closed(&log), expected, "{keep} of {last} are kept");
        log.close().unwrap();
    }
    assert_eq!(expected.len(), 1);
}

#[test]
fn a_damaged_segment_still_closes_what_it_can() {
    let directory = tempfile::tempdir().unwrap();
    let (log, expected) = three_segments(directory.path());
    log.close().unwrap();
    let sealed =
        files(directory.path()).into_iter().find(|path| path.to_str().unwrap().contains(".sealed"));
    let sealed = sealed.unwrap();
    fs::remove_file(&sealed).unwrap();
    fs::write(sealed.with_file_name("db"), "").unwrap();
    let log = open_still(small(directory.path()), Retention::forever()).unwrap();
    let found = closed(&log);
    assert!(
        found.len() >= 4 && found.iter().all(|(topic, seq)| expected[topic] == *seq),
        "{found:?}"
    );
}

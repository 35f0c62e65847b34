//! The floor is exact, and space is given back.

use super::*;
use std::thread::sleep;

fn fill(log: &OpenSledLog, numbers: std::ops::RangeInclusive<u64>) {
    for number in numbers {
        log.append(&[numbered(number)]).unwrap();
    }
}

#[test]
fn retention_by_count_is_exact_at_every_append_and_frees_directories() {
    let directory = tempfile::tempdir().unwrap();
    let log = open_still(small(directory.path()), Retention::forever().events(10)).unwrap();
    for number in 1..=100 {
        log.append(&[numbered(number)]).unwrap();
        assert_eq!(log.history().first(), number.saturating_sub(9).max(1));
    }
    let many = kinds(directory.path()).len();
    log.core.tend();
    assert!(kinds(directory.path()).len() < many.min(4), "{:?}", kinds(directory.path()));
    assert_eq!(read_all(&log)[0].seq, 91);
    log.close().unwrap();
    // The floor never goes down, and reopening keeps to it.
    let log = open_still(small(directory.path()), Retention::forever()).unwrap();
    assert_eq!(log.history().first(), 91);
    assert_eq!(read_all(&log).len(), 10);
}

#[test]
fn retention_by_bytes_is_exact_at_every_append_also_after_reopening() {
    let directory = tempfile::tempdir().unwrap();
    // 211 of payload, 8 of name, 8 of topic.
    let each = 227;
    let retention = Retention::forever().bytes(each * 20);
    for round in 0..3u64 {
        let log = open_still(small(directory.path()), retention).unwrap();
        for number in round * 70 + 1..=round * 70 + 70 {
            log.append(&[numbered(number)]).unwrap();
            let records = read_all(&log).len() as u64;
            assert_eq!(records, number.min(20), "at {number}");
            if number % 25 == 0 {
                log.core.tend();
            }
        }
        log.core.tend();
        assert!(kinds(directory.path()).len() < 5, "{:?}", kinds(directory.path()));
    }
}

#[test]
fn retention_by_age_is_exact_to_the_record() {
    let directory = tempfile::tempdir().unwrap();
    let age = Duration::from_secs(3600);
    let log = open_still(small(directory.path()), Retention::forever().age(age)).unwrap();
    fill(&log, 1..=40);
    sleep(Duration::from_millis(5));
    fill(&log, 41..=50);
    let times: Vec<u64> = read_all(&log).iter().map(|record| record.time_ms).collect();
    log.core.tend();
    assert_eq!(log.history().first(), 1);
    for now in times[0]..=times[49] + 1 {
        log.core.trim_at(now + 3_600_000);
        let kept = times.iter().filter(|&&time| time >= now).count() as u64;
        assert_eq!(log.history().first(), 51 - kept);
    }
    assert_eq!((log.history().first(), log.history().last()), (51, 50));
    log.core.tend();
    assert_eq!(kinds(directory.path()).len(), 1);
    log.close().unwrap();
    let log = open_still(small(directory.path()), Retention::forever().age(age)).unwrap();
    assert_eq!((log.history().first(), log.history().last()), (51, 50));
    fill(&log, 51..=51);
    assert_eq!(read_all(&log).len(), 1);
}

#[test]
fn the_thread_does_it_all_by_itself() {
    let directory = tempfile::tempdir().unwrap();
    let retention = Retention::forever().age(Duration::from_millis(300));
    let buffered = Durability::Buffered { sync_every: Duration::from_millis(20) };
    let log = Box::new(small(directory.path()).durability(buffered)).open(retention).unwrap();
    for number in 1..=100 {
        log.append(&[numbered(number)]).unwrap();
    }
    let patience = Instant::now();
    while log.history().first() < 101 || kinds(directory.path()).len() > 1 {
        assert!(patience.elapsed() < Duration::from_secs(20), "{:?}", kinds(directory.path()));
        sleep(Duration::from_millis(20));
    }
    let marked = mark::Mark::read(directory.path()).unwrap();
    assert_eq!(marked, (log.history().id(100).epoch(), 100));
}

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

/// What is left of a step that failed goes with its segment.
#[test]
fn nothing_is_left_of_a_segment_that_is_removed() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    let log = open_still(small(directory.path()), Retention::forever().events(25)).unwrap();
    fill(&log, 1..=20);
    std::fs::create_dir(at("state.new")).unwrap();
    // The state cannot say that it is sealed.
    log.core.tend();
    let of_first = || kinds(directory.path()).into_iter().filter(|name| name.starts_with("1 "));
    assert_eq!(of_first().collect::<Vec<_>>(), ["1 active", "1 sealed"]);
    std::fs::remove_dir(at("state.new")).unwrap();
    // Some of another removal.
    std::fs::create_dir_all(at("00000000000000000001.trash/blobs")).unwrap();
    fill(&log, 21..=80);
    log.core.tend();
    assert_eq!(of_first().collect::<Vec<_>>(), Vec::<String>::new());
    assert_eq!(read_all(&log).len(), 25);
}

/// Whoever reads an old segment may hold it for as long as the disk takes.
#[test]
fn an_append_does_not_wait_for_those_who_open_the_oldest_segment() {
    let directory = tempfile::tempdir().unwrap();
    let retention = Retention::forever().bytes(227 * 20);
    let log = open_still(small(directory.path()), retention).unwrap();
    fill(&log, 1..=40);
    let oldest = log.core.shelf.find(log.history().first()).unwrap();
    assert!(!oldest.is_active());
    let held = oldest.held();
    let (done, waiting) = std::sync::mpsc::channel();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            fill(&log, 41..=60);
            done.send(()).unwrap();
        });
        let appended = waiting.recv_timeout(Duration::from_secs(100));
        drop(held);
        appended.expect("an append waits");
    });
    assert_eq!(log.history().first(), 41);
}

#[test]
fn what_is_too_much_goes_when_its_sizes_have_been_read() {
    let directory = tempfile::tempdir().unwrap();
    // 1 of payload, 8 of name.
    let retention = Retention::forever().bytes(9 * 40_000);
    let log = open_still(SledLog::new(directory.path()), retention).unwrap();
    let many = |count| batch((0..count).map(|_| record(None, "1")));
    log.append(&[many(40_000)]).unwrap();
    log.append(&[many(30_000)]).unwrap();
    let first = log.history().first();
    assert!((10_000..30_001).contains(&first), "{first}: it was read for the append");
    log.core.trim();
    assert_eq!(log.history().first(), 30_001);
    log.append(&[many(5_000)]).unwrap();
    assert_eq!(log.history().first(), 35_001);
    for _ in 0..10 {
        log.append(&[many(6_000)]).unwrap();
        log.core.trim_ahead();
    }
    assert_eq!(log.history().first(), 95_001);
    assert_eq!(read_all(&log).len(), 40_000);
}

/// Counts the warnings of a module.
struct Warnings(&'static str, Arc<std::sync::atomic::AtomicUsize>);

impl tracing::Subscriber for Warnings {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        *metadata.level() == tracing::Level::WARN && metadata.target().ends_with(self.0)
    }

    fn event(&self, _: &tracing::Event<'_>) {
        self.1.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    }

    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}
    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}
    fn enter(&self, _: &tracing::span::Id) {}
    fn exit(&self, _: &tracing::span::Id) {}
}

#[test]
fn what_retention_cannot_read_is_told_once() {
    let directory = tempfile::tempdir().unwrap();
    let retention = Retention::forever().bytes(227 * 40);
    let log = open_still(small(directory.path()), retention).unwrap();
    fill(&log, 1..=60);
    log.core.tend();
    let oldest = log.core.shelf.find(log.history().first()).unwrap().path.join("db");
    log.close().unwrap();
    let length = std::fs::metadata(&oldest).unwrap().len();
    std::fs::write(&oldest, vec![0; length as usize]).unwrap();
    let told = Arc::default();
    tracing::subscriber::with_default(Warnings("retention", Arc::clone(&told)), || {
        let log = open_still(small(directory.path()), retention).unwrap();
        for number in 61..=64 {
            log.append(&[numbered(number)]).unwrap();
            log.core.tend();
        }
    });
    assert_eq!(told.load(std::sync::atomic::Ordering::Relaxed), 1);
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
        assert!(patience.elapsed() < Duration::from_secs(60), "{:?}", kinds(directory.path()));
        sleep(Duration::from_millis(20));
    }
    let last = (log.history().id(100).epoch(), 100);
    // It may just be being written.
    while mark::Mark::read(directory.path()) != Some(last) {
        assert!(patience.elapsed() < Duration::from_secs(60), "not synced");
        sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_clock_that_was_far_ahead_is_told_once() {
    let directory = tempfile::tempdir().unwrap();
    let told = Arc::default();
    tracing::subscriber::with_default(Warnings("maintenance", Arc::clone(&told)), || {
        let count = || told.load(std::sync::atomic::Ordering::Relaxed);
        let log = open_still(small(directory.path()), Retention::forever()).unwrap();
        locked(&log.core.writer).time_ms = crate::log::times::now_ms(0) + 1_800_000;
        fill(&log, 1..=1);
        log.core.check_clock();
        assert_eq!(count(), 0);
        locked(&log.core.writer).time_ms += 7_200_000;
        fill(&log, 2..=2);
        log.core.tend();
        log.core.check_clock();
        assert_eq!(count(), 1);
        log.close().unwrap();
        let log = open_still(small(directory.path()), Retention::forever()).unwrap();
        log.core.tend();
        assert_eq!(count(), 2);
    });
}

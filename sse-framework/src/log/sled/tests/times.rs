//! A time stands where a look at all records would find it, and no more is read for it than is needed.

use super::super::faults::FLUSH;
use super::*;
use proptest::prelude::*;
use std::fs;

/// So far from now that the clock has no say: a record's time is never before that of the record before.
const FUTURE: u64 = 1 << 50;

/// Appends records of one time, so much later than those before.
fn append(log: &OpenSledLog, later: u64, sizes: &[usize]) -> u64 {
    let mut writer = locked(&log.core.writer);
    writer.time_ms = writer.time_ms.max(FUTURE) + later;
    drop(writer);
    let records = sizes.iter().map(|&size| record(Some("t"), vec![b'x'; size]));
    log.append(&[batch(records)]).unwrap().time_ms
}

fn reopen(directory: &Path, retention: Retention) -> OpenSledLog {
    open_still(SledLog { open_segments: 2, ..small(directory) }, retention).unwrap()
}

/// Checks every time that there is, and those around.
fn check(log: &OpenSledLog, times: &[u64], may_not_know: bool) -> Result<(), TestCaseError> {
    let first = log.history().first();
    let end = times.last().map_or(FUTURE, |last| last + 1);
    for time in FUTURE..=end {
        let earlier = times.partition_point(|&other| other < time) as u64;
        let position = log.position_at(time).unwrap();
        if earlier + 1 < first
            || may_not_know && earlier + 1 == first && position == Position::Trimmed
        {
            prop_assert_eq!(position, Position::Trimmed, "{} of {:?} from {}", time, times, first);
        } else {
            prop_assert_eq!(
                position,
                Position::After(earlier),
                "{} of {:?} from {}",
                time,
                times,
                first
            );
        }
    }
    Ok(())
}

#[derive(Clone, Debug)]
enum Step {
    Append(u64, Vec<usize>),
    Tend,
    Close,
    /// Dropped without being closed.
    Drop,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let size = prop_oneof![20 => 0usize..600, 1 => 60_000usize..140_000];
    let step = prop_oneof![
        12 => (0u64..3, prop::collection::vec(size, 1..8)).prop_map(|(later, sizes)| Step::Append(later, sizes)),
        3 => Just(Step::Tend),
        1 => Just(Step::Close),
        1 => Just(Step::Drop),
    ];
    prop::collection::vec(step, 1..40)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_time_stands_where_a_look_at_all_records_finds_it(
        steps in steps(),
        events in prop::option::of(0u64..60),
    ) {
        let directory = tempfile::tempdir().unwrap();
        let retention = Retention { events, ..Retention::forever() };
        let mut log = reopen(directory.path(), retention);
        let mut times = Vec::new();
        for step in steps {
            match step {
                Step::Append(later, sizes) => {
                    let time = append(&log, later, &sizes);
                    times.extend(sizes.iter().map(|_| time));
                }
                Step::Tend => log.core.tend(),
                Step::Close => {
                    log.close().unwrap();
                    drop(log);
                    log = reopen(directory.path(), retention);
                }
                Step::Drop => {
                    drop(log);
                    log = reopen(directory.path(), retention);
                }
            }
        }
        check(&log, &times, true)?;
        log.core.tend();
        check(&log, &times, true)?;
    }
}

/// A log of many sealed segments, with a step of time at each append, and the times of its records.
fn sealed(directory: &Path, retention: Retention, records: u64) -> (OpenSledLog, Vec<u64>) {
    let log = reopen(directory, retention);
    let mut times = Vec::new();
    for n in 0..records {
        times.push(append(&log, n % 2, &[500]));
        if n % 20 == 0 {
            log.core.tend();
        }
    }
    log.core.tend();
    (log, times)
}

#[test]
fn what_is_before_the_oldest_record_is_known_also_when_its_segment_is_gone() {
    let directory = tempfile::tempdir().unwrap();
    let retention = Retention::forever().events(30);
    let (log, times) = sealed(directory.path(), retention, 200);
    assert!(log.core.shelf.with(|all| all[0].first) > 1);
    check(&log, &times, false).unwrap();
    drop(log);
    let log = reopen(directory.path(), retention);
    check(&log, &times, false).unwrap();
    // Nothing is below the floor any more but what is gone.
    let oldest = log.core.shelf.with(|all| all[1].first);
    log.core.raise_floor(oldest);
    log.core.tend();
    assert_eq!(log.core.shelf.with(|all| all[0].first), oldest);
    check(&log, &times, false).unwrap();
    drop(log);
    check(&reopen(directory.path(), retention), &times, false).unwrap();
}

#[test]
fn no_segment_is_read_that_cannot_hold_the_time() {
    let directory = tempfile::tempdir().unwrap();
    let (log, times) = sealed(directory.path(), Retention::forever(), 400);
    log.close().unwrap();
    drop(log);
    let log = reopen(directory.path(), Retention::forever());
    let segments = log.core.shelf.with(<[_]>::to_vec);
    assert!(segments.len() > 20);
    let wanted = &segments[9];
    for segment in
        segments.iter().filter(|segment| segment.sealed.is_some() && segment.first != wanted.first)
    {
        fs::remove_dir_all(&segment.path).unwrap();
    }
    for seq in wanted.first + 2..wanted.end() {
        let time = times[seq as usize - 1];
        let earlier = times.partition_point(|&other| other < time) as u64;
        assert_eq!(log.position_at(time).unwrap(), Position::After(earlier));
    }
}

#[test]
fn what_is_lost_comes_after_the_time_if_it_may_be_of_it() {
    let directory = tempfile::tempdir().unwrap();
    let (log, times) = sealed(directory.path(), Retention::forever(), 100);
    let (damaged, after) = log.core.shelf.with(|all| (all[2].clone(), all[3].first));
    log.close().unwrap();
    drop(log);
    let mut bytes = fs::read(damaged.path.join("db")).unwrap();
    bytes.fill(7);
    fs::write(damaged.path.join("db"), bytes).unwrap();
    let settings = small(directory.path()).on_damage(OnDamage::Salvage);
    let log = open_still(settings, Retention::forever()).unwrap();
    let before = times[damaged.first as usize - 2];
    for time in before + 1..=times[after as usize - 1] {
        assert_eq!(log.position_at(time).unwrap(), Position::After(damaged.first - 1));
    }
    let next = times[after as usize - 1] + 1;
    let earlier = times.partition_point(|&other| other < next) as u64;
    assert_eq!(log.position_at(next).unwrap(), Position::After(earlier));
}

#[test]
fn times_do_not_run_backwards_though_all_records_are_gone() {
    let directory = tempfile::tempdir().unwrap();
    let settings = small(directory.path());
    let faults = settings.faults.clone();
    let log = open_still(settings, Retention::forever()).unwrap();
    let last = append(&log, 5, &[10]);
    // What is written next comes into another segment, but there is nothing yet.
    faults.set(FLUSH);
    assert!(log.append(&[numbered(2)]).is_err());
    faults.set(0);
    log.core.tend();
    log.core.recover();
    log.core.raise_floor(2);
    log.core.tend();
    assert_eq!(log.core.shelf.with(|all| all[0].first), 2, "{:?}", kinds(directory.path()));
    log.close().unwrap();
    drop(log);
    let log = reopen(directory.path(), Retention::forever());
    let next = log.append(&[numbered(2)]).unwrap().time_ms;
    assert!(next >= last, "{next} after {last}");
}

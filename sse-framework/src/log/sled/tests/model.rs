//! The log in memory is the model of the log on disk.

use super::*;
use crate::log::MemoryLog;
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Step {
    Append(Vec<Vec<(Option<u8>, usize)>>),
    Tend,
    Close,
    /// Dropped without being closed.
    Drop,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let size = prop_oneof![20 => 0usize..300, 2 => 300usize..5_000, 1 => 60_000usize..140_000];
    let records = prop::collection::vec((prop::option::of(0u8..6), size), 0..12);
    let step = prop_oneof![
        12 => prop::collection::vec(records, 0..5).prop_map(Step::Append),
        3 => Just(Step::Tend),
        1 => Just(Step::Close),
        1 => Just(Step::Drop),
    ];
    prop::collection::vec(step, 1..25)
}

fn batches_of(records: &[Vec<(Option<u8>, usize)>]) -> Vec<Batch> {
    let record = |(topic, size): &(Option<u8>, usize)| {
        let topic = topic.map(|topic| format!("t/{topic}"));
        let data: Vec<u8> = (0..*size).map(|place| (place * 7 + size) as u8).collect();
        record(topic.as_deref(), data)
    };
    records.iter().map(|records| batch(records.iter().map(record))).collect()
}

/// What does not depend on the clock or on chance.
fn facts(seen: Vec<Seen>) -> Vec<(u64, Option<String>, Vec<u8>)> {
    seen.into_iter().map(|seen| (seen.seq, seen.topic, seen.data)).collect()
}

fn check(steps: Vec<Step>, retention: Retention) -> Result<(), TestCaseError> {
    let directory = tempfile::tempdir().unwrap();
    let settings = SledLog { open_segments: 2, ..small(directory.path()) };
    let model = Box::new(MemoryLog::new()).open(retention).unwrap();
    let mut log = open_still(settings.clone(), retention).unwrap();
    for step in steps {
        match step {
            Step::Append(records) => {
                let batches = batches_of(&records);
                let [expected, appended] =
                    [&*model, &log as &dyn EventLog].map(|log| log.append(&batches).unwrap());
                prop_assert_eq!(appended.first.seq(), expected.first.seq());
                prop_assert_eq!(appended.first, log.history().id(appended.first.seq().max(1)));
            }
            Step::Tend => log.core.tend(),
            Step::Close => {
                log.close().unwrap();
                drop(log);
                log = open_still(settings.clone(), retention).unwrap();
            }
            Step::Drop => {
                drop(log);
                log = open_still(settings.clone(), retention).unwrap();
            }
        }
        let [expected, history] = [&*model, &log as &dyn EventLog].map(EventLog::history);
        prop_assert_eq!(history.last(), expected.last());
        prop_assert_eq!(history.first(), expected.first());
    }
    prop_assert_eq!(facts(read_all(&log)), facts(read_all(&*model)));
    for topics in [only(&["t/1"]), only(&["t/0", "t/4", "t/9"]), only(&["t/*"]), only(&[])] {
        let [of_log, of_model] =
            [&log as &dyn EventLog, &*model].map(|log| facts(read(log, &topics).unwrap()));
        prop_assert_eq!(of_log, of_model);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_log_on_disk_does_what_the_log_in_memory_does(
        steps in steps(),
        events in prop::option::of(0u64..60),
        bytes in prop::option::of(0u64..60_000),
    ) {
        check(steps, Retention { events, bytes, ..Retention::forever() })?;
    }
}

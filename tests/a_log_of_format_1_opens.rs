//! A log that was written long ago opens, and every record of it is what it was.
//!
//! `fixtures/log_format_1.txt` is a log's directory as [`support::dump`] writes it, and
//! `fixtures/log_format_1_records.txt` what it holds. Neither is ever to be changed: a new format
//! gets new files. `SSE_WRITE_FIXTURE=directory` writes such files.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is a test")]

use sse_framework::{
    Batch, BatchKey, EventLog, LogError, NewRecord, OpenLog, Retention, SledLog, StoredKey,
    TopicSelection,
};
use std::fs;
use std::ops::ControlFlow;
use std::path::Path;
use support::dump;
use support::served::eventually;

const LOG: &str = include_str!("fixtures/log_format_1.txt");
const RECORDS: &str = include_str!("fixtures/log_format_1_records.txt");
const KEPT: u64 = 60;
/// This record closes its topic.
const CLOSING: u64 = 65;

fn open(directory: &Path) -> Result<Box<dyn EventLog>, LogError> {
    Box::new(SledLog::new(directory).segment_bytes(12_000)).open(Retention::forever().events(KEPT))
}

fn fixture() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    dump::read(LOG, directory.path());
    directory
}

/// A line for each record.
fn records(log: &dyn EventLog, topics: &TopicSelection) -> String {
    let mut lines = String::new();
    log.read(0, log.history().last(), topics, &mut |record| {
        let data = std::str::from_utf8(record.data).unwrap();
        let padding = data.bytes().filter(|byte| *byte == b'x').count();
        assert_eq!(data, payload(record.id.seq(), padding), "{}", record.id);
        let (topic, name) = (record.topic.unwrap_or("-"), record.name);
        let (id, time, version) = (record.id, record.time_ms, record.version);
        lines += &format!("{id} {time} {topic} {name} {version} {padding}\n");
        ControlFlow::Continue(())
    })
    .unwrap();
    lines
}

fn payload(seq: u64, padding: usize) -> String {
    format!(r#"{{"seq":{seq},"p":"{}"}}"#, "x".repeat(padding))
}

#[test]
fn every_record_is_what_it_was() {
    let directory = fixture();
    let log = open(directory.path()).unwrap();
    assert_eq!(records(&*log, &TopicSelection::everything()), RECORDS);
    for topic in ["a", "b/c"] {
        let of_topic = |line: &&str| line.split(' ').nth(2) == Some(topic);
        let expected: Vec<&str> = RECORDS.lines().filter(of_topic).collect();
        let topics = TopicSelection::of([topic.parse().unwrap()]);
        assert_eq!(records(&*log, &topics).lines().collect::<Vec<_>>(), expected, "{topic}");
    }
    let mut closed = Vec::new();
    log.closed_topics(&mut |topic, seq| closed.push((topic.to_owned(), seq))).unwrap();
    assert_eq!(closed, [("closed".to_owned(), CLOSING)]);
    let mut keys = Vec::new();
    log.keys(0, &mut |StoredKey { id, key, .. }| {
        assert_eq!(Some(key), key_of(id.seq()));
        assert_eq!(id, log.history().id(id.seq()));
        // Those of records that are not kept are removed when they are old.
        keys.extend(Some(id.seq()).filter(|seq| *seq >= log.history().first()));
        ControlFlow::Continue(())
    })
    .unwrap();
    assert_eq!(keys, [81, 71, 61, 51, 41, 31]);
    let last = RECORDS.lines().count() as u64 + log.history().first() - 1;
    let appended = log.append(&[batch(last + 1, &[0])]).unwrap().first;
    assert_eq!(appended.seq(), last + 1);
    assert!(!RECORDS.contains(&appended.epoch().to_string()), "it goes on in a new epoch");
    log.close().unwrap();
}

#[test]
fn the_fixture_has_all_that_a_log_can_have() {
    let directory = fixture();
    let state = fs::read_to_string(directory.path().join("state")).unwrap();
    let state: serde_json::Value = serde_json::from_str(state.split_once('\n').unwrap().1).unwrap();
    let segments = state["segments"].as_array().unwrap();
    let sealed = segments.iter().filter(|part| part["sealed"].is_object()).count();
    assert_eq!(sealed, segments.len() - 1, "{state:#}");
    assert!(segments.iter().any(|part| part["sealed"]["closes"] == 1), "{state:#}");
    assert!(segments.iter().any(|part| part["sealed"]["keys"].as_u64() > Some(1)), "{state:#}");
    let files = fs::read_dir(directory.path()).unwrap().flatten();
    let keys = |name: &std::ffi::OsStr| name.to_str().unwrap().ends_with(".keys");
    assert_eq!(files.filter(|file| keys(&file.file_name())).count(), 1, "of the removed segment");
    assert!(segments.last().unwrap()["sealed"].is_null(), "the last one is written to");
    assert_eq!(state["epochs"].as_array().unwrap().len(), 2);
    let (first, floor) = (segments[0]["first"].as_u64(), state["floor"].as_u64());
    assert!(Some(1) < first && first < floor, "retention removed one segment and cut another");
    let padding = |line: &str| line.rsplit_once(' ').unwrap().1.parse::<usize>().unwrap();
    assert!(RECORDS.lines().any(|line| padding(line) > 65_536), "one takes several blocks");
    assert!(LOG.len() + RECORDS.len() < 100 << 10, "it is small");
}

#[test]
fn a_log_of_a_newer_format_is_refused() {
    let directory = fixture();
    let path = directory.path().join("state");
    let state = fs::read_to_string(&path).unwrap();
    assert!(state.starts_with("sse-framework-log 1 "));
    fs::write(&path, state.replacen(" 1 ", " 2 ", 1)).unwrap();
    let Err(LogError::Format { path: told, reason }) = open(directory.path()) else {
        panic!("it was opened");
    };
    assert_eq!((told, reason.as_str()), (path.clone(), "its format is 2, this version knows 1"));
    assert_eq!(fs::read_to_string(&path).unwrap(), state.replacen(" 1 ", " 2 ", 1));
    // The log is as good as before.
    fs::write(&path, state).unwrap();
    assert_eq!(records(&*open(directory.path()).unwrap(), &TopicSelection::everything()), RECORDS);
}

/// The key of some batches, by their first record.
fn key_of(first: u64) -> Option<BatchKey> {
    let key = BatchKey::new(u128::from(first) << 100, first.into());
    Some(key).filter(|_| first % 10 == 1)
}

/// Records from `first` on, padded so far.
fn batch(first: u64, padding: &[usize]) -> Batch {
    let record = |(seq, padding): (u64, &usize)| {
        let (topic, name) = match seq {
            CLOSING => (Some("closed"), "sse-topic-close"),
            _ => (
                [None, Some("a"), Some("b/c")][seq as usize % 3],
                ["order-placed", "stock"][seq as usize % 2],
            ),
        };
        let (topic, version) = (topic.map(|topic| topic.parse().unwrap()), 1 + seq as u32 % 4);
        NewRecord::new(topic, name, version, payload(seq, *padding).into_bytes())
    };
    Batch::new((first..).zip(padding).map(record).collect(), key_of(first))
}

/// Writes what is kept for ever, if it is asked for.
#[test]
fn the_fixture_can_be_written() {
    let directory = tempfile::tempdir().unwrap();
    let mut next = 1;
    let mut append = |log: &dyn EventLog, padding: &[usize]| {
        log.append(&[batch(next, padding)]).unwrap();
        next += padding.len() as u64;
    };
    let log = open(directory.path()).unwrap();
    (0..60).for_each(|_| append(&*log, &[700]));
    // Large blocks.
    append(&*log, &[1_400; 10]);
    append(&*log, &[100_000]);
    eventually("all but the last segment are sealed", || sealed(directory.path()));
    log.close().unwrap();
    drop(log);
    let log = open(directory.path()).unwrap();
    (0..9).for_each(|n| append(&*log, &[n]));
    // A batch over several blocks.
    append(&*log, &[3, 30_000, 30_000, 30_000, 5]);
    append(&*log, &[0]);
    eventually("all but the last segment are sealed", || sealed(directory.path()));
    let lines = records(&*log, &TopicSelection::everything());
    log.close().unwrap();
    drop(log);
    let (text, copy) = (dump::write(directory.path()), tempfile::tempdir().unwrap());
    dump::read(&text, copy.path());
    assert_eq!(records(&*open(copy.path()).unwrap(), &TopicSelection::everything()), lines);
    if let Some(wanted) = std::env::var_os("SSE_WRITE_FIXTURE") {
        fs::write(Path::new(&wanted).join("log.txt"), text).unwrap();
        fs::write(Path::new(&wanted).join("log_records.txt"), lines).unwrap();
    }
}

fn sealed(directory: &Path) -> bool {
    let names = fs::read_dir(directory).unwrap().flatten();
    let names: Vec<_> = names.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    let state = fs::read_to_string(directory.join("state")).unwrap();
    let segments = state.matches("\"first\":").count() - state.matches("\"epoch\":").count();
    let done = state.matches("\"sealed\":").count() + 1 == segments;
    done && !names.iter().any(|name| name.ends_with("trash") || name.ends_with("sealing"))
}

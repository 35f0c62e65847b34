//! Each test is named by the promise that it keeps.

mod closes;
mod cut;
mod damage;
mod damages;
mod faults;
mod keys;
mod kill;
mod model;
mod overwritten;
mod retention;
mod sealing;
mod times;

use super::*;
use crate::log::{BatchKey, NewRecord};
use crate::topic::{Topic, TopicFilter};
use std::borrow::Cow;

/// What a test looks at of a record.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Seen {
    pub(super) id: String,
    pub(super) seq: u64,
    pub(super) time_ms: u64,
    pub(super) topic: Option<String>,
    pub(super) name: String,
    pub(super) version: u32,
    pub(super) data: Vec<u8>,
}

pub(super) fn record(topic: Option<&str>, data: impl Into<Vec<u8>>) -> NewRecord {
    NewRecord {
        topic: topic.map(|topic| topic.parse::<Topic>().unwrap()),
        name: Cow::Borrowed("an-event"),
        version: 7,
        data: data.into(),
    }
}

pub(super) fn batch(records: impl IntoIterator<Item = NewRecord>) -> Batch {
    Batch { records: records.into_iter().collect(), key: None }
}

/// A batch of one record whose payload is its number.
pub(super) fn numbered(number: u64) -> Batch {
    let topic = format!("topics/{}", number % 3);
    batch([record(Some(&topic), format!("{{\"number\":{number:0>200}}}"))])
}

pub(super) fn read(log: &dyn EventLog, topics: &TopicSelection) -> Result<Vec<Seen>, LogError> {
    let (mut seen, last) = (Vec::new(), log.history().last());
    let reached = log.read(0, last, topics, &mut |record| {
        seen.push(Seen {
            id: record.id.to_string(),
            seq: record.id.seq(),
            time_ms: record.time_ms,
            topic: record.topic.map(Into::into),
            name: record.name.into(),
            version: record.version,
            data: record.data.into(),
        });
        ControlFlow::Continue(())
    })?;
    assert_eq!(reached.until, last);
    Ok(seen)
}

pub(super) fn read_all(log: &dyn EventLog) -> Vec<Seen> {
    let seen = read(log, &TopicSelection::everything()).unwrap();
    let history = log.history();
    let seqs: Vec<u64> = seen.iter().map(|record| record.seq).collect();
    assert_eq!(seqs, (history.first()..=history.last()).collect::<Vec<_>>());
    for record in &seen {
        assert_eq!(record.id, history.id(record.seq).to_string());
    }
    assert!(seen.is_sorted_by_key(|record| record.time_ms));
    seen
}

pub(super) fn only(topics: &[&str]) -> TopicSelection {
    TopicSelection::of(topics.iter().map(|topic| topic.parse::<TopicFilter>().unwrap()))
}

/// A log whose maintenance runs only when a test says so.
pub(super) fn open_still(log: SledLog, retention: Retention) -> Result<OpenSledLog, LogError> {
    let core = open::open(log, retention)?;
    core.begin()?;
    Ok(OpenSledLog::still(core))
}

pub(super) fn small(directory: &Path) -> SledLog {
    SledLog::new(directory).segment_bytes(4096)
}

pub(super) fn kinds(directory: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter_map(|name| {
            name.split_once('.')
                .filter(|(d, _)| d.len() == 20)
                .map(|(digits, kind)| format!("{} {kind}", digits.parse::<u64>().unwrap()))
        })
        .collect();
    names.sort();
    names
}

#[test]
fn everything_is_there_after_reopening_with_the_same_ids_and_a_new_epoch() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a/b/log");
    let log = Box::new(SledLog::new(&path)).open(Retention::forever()).unwrap();
    assert_eq!((log.history().first(), log.history().last()), (1, 0));
    let empty = log.history().id(0);
    let first = log.append(&[numbered(1), batch([record(None, "2"), record(Some("t"), "3")])]);
    assert_eq!(first.unwrap().first, log.history().id(1));
    let before = read_all(&*log);
    assert_eq!(before.len(), 3);
    assert_eq!(
        (before[1].topic.clone(), &before[1].data[..], before[1].version),
        (None, &b"2"[..], 7)
    );
    log.close().unwrap();
    assert!(matches!(log.append(&[numbered(4)]), Err(AppendError::Refused(LogError::Closed))));
    assert!(matches!(read(&*log, &TopicSelection::everything()), Err(LogError::Closed)));
    assert!(matches!(log.id_key(), Err(LogError::Closed)));
    assert!(matches!(log.schemas(), Err(LogError::Closed)));

    for close in [true, false] {
        let log = Box::new(SledLog::new(&path)).open(Retention::forever()).unwrap();
        assert_eq!(read_all(&*log)[..3], before);
        let next = log.append(&[numbered(4)]).unwrap().first;
        assert_ne!(next.epoch(), log.history().id(1).epoch());
        if close {
            assert_eq!(log.history().find(empty), Position::After(0));
            log.close().unwrap();
        }
    }
    use std::os::unix::fs::PermissionsExt;
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
}

/// A directory that was there before, as a volume is, may be open to everybody.
#[test]
fn nobody_else_can_read_what_a_log_writes() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    let retention = Retention::forever().events(5);
    for _ in 0..2 {
        let log = open_still(small(path), retention).unwrap();
        log.id_key().unwrap();
        log.store_schemas(b"{}").unwrap();
        for n in 0..60u64 {
            let key = Some(BatchKey { key: n.into(), content: 1 });
            log.append(&[Batch { key, ..numbered(n) }]).unwrap();
            log.core.tend();
        }
        log.close().unwrap();
    }
    let mut seen = Vec::new();
    for entry in std::fs::read_dir(path).unwrap() {
        let entry = entry.unwrap();
        let (name, found) = (entry.file_name(), entry.metadata().unwrap());
        let expected = if found.is_dir() { 0o700 } else { 0o600 };
        assert_eq!(found.permissions().mode() & 0o777, expected, "{name:?}");
        seen.push(name.into_string().unwrap());
    }
    for name in ["lock", "mark", "schemas", "state", "state.copy", ".keys", ".active"] {
        assert!(seen.iter().any(|seen| seen.ends_with(name)), "no {name} among {seen:?}");
    }
}

#[test]
fn the_key_of_ids_is_made_when_it_is_asked_for_and_stays() {
    let directory = tempfile::tempdir().unwrap();
    let (path, state) = (directory.path(), directory.path().join("state"));
    let open = || {
        let log = SledLog::new(path).segment_bytes(1024).on_damage(OnDamage::Salvage);
        Box::new(log).open(Retention::forever()).unwrap()
    };
    open().close().unwrap();
    assert!(!std::fs::read_to_string(&state).unwrap().contains("id_key"), "nobody asked");
    let log = open();
    let key = log.id_key().unwrap();
    let other = tempfile::tempdir().unwrap();
    let other = Box::new(SledLog::new(other.path())).open(Retention::forever()).unwrap();
    assert_ne!(other.id_key().unwrap(), key);
    for n in 0..100 {
        log.append(&[numbered(n)]).unwrap();
    }
    assert_eq!(log.id_key().unwrap(), key);
    // As if it died.
    drop(log);
    assert_eq!(open().id_key().unwrap(), key);
    std::fs::write(&state, "damaged").unwrap();
    let log = open();
    assert_eq!(log.id_key().unwrap(), key);
    log.close().unwrap();
    assert_eq!(open().id_key().unwrap(), key);
}

#[test]
fn a_large_event_is_read_back() {
    let directory = tempfile::tempdir().unwrap();
    let large: Vec<u8> = (0..1u32 << 18).flat_map(u32::to_le_bytes).collect();
    let batches = [
        batch([record(Some("a"), "small"), record(Some("b"), large.clone()), record(None, "end")]),
        numbered(4),
        batch([record(Some("b"), large.clone())]),
        batch([record(Some("b"), vec![b'x'; 64 * 1024 - 100])]),
    ];
    let log = open_still(small(directory.path()), Retention::forever()).unwrap();
    log.append(&batches).unwrap();
    let check = |log: &OpenSledLog| {
        let seen = read_all(log);
        assert_eq!(seen.len(), 6);
        assert_eq!(seen[1].data, large);
        assert_eq!(seen[4].data, large);
        assert_eq!(seen[0].data, b"small");
        let of_b = read(log, &only(&["b"])).unwrap();
        assert_eq!(of_b, [&seen[1..2], &seen[4..]].concat());
    };
    check(&log);
    drop(log);
    let log = open_still(small(directory.path()), Retention::forever()).unwrap();
    check(&log);
    log.append(&[numbered(7)]).unwrap();
    log.core.tend();
    assert_eq!(kinds(directory.path()), ["1 sealed", "7 active"]);
    log.core
        .read(0, 6, &only(&["b"]), &mut |record| {
            assert!(record.data.len() > 60_000);
            ControlFlow::Continue(())
        })
        .unwrap();
    let huge = batch([record(Some("huge"), vec![b'h'; 16 << 20])]);
    log.append(std::slice::from_ref(&huge)).unwrap();
    assert_eq!(read(&log, &only(&["huge"])).unwrap()[0].data, huge.records[0].data);
}

/// A block that the engine puts into a file of its own would not be synced.
#[test]
fn whatever_is_appended_stays_in_the_file_that_is_synced() {
    let directory = tempfile::tempdir().unwrap();
    let log = open_still(SledLog::new(directory.path()), Retention::forever()).unwrap();
    let named = |bytes: usize| {
        let name = Cow::Owned("n".repeat(bytes));
        batch([NewRecord { name, ..record(Some("a"), vec![b'x'; 70_000]) }])
    };
    for _ in 0..40 {
        log.append(&[named(1024)]).unwrap();
    }
    let refused = log.append(&[named(1025)]);
    assert!(matches!(refused, Err(AppendError::Refused(_))), "{refused:?}");
    let blobs = active_path(directory.path(), 1).join("blobs");
    assert_eq!(std::fs::read_dir(blobs).unwrap().count(), 0);
    assert_eq!(read_all(&log).len(), 40);
}

#[test]
fn a_second_opener_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let log = open_still(SledLog::new(directory.path()), Retention::forever()).unwrap();
    let second = open_still(SledLog::new(directory.path()), Retention::forever());
    assert!(matches!(second, Err(LogError::Locked { path }) if path == directory.path()));
    log.close().unwrap();
    open_still(SledLog::new(directory.path()), Retention::forever()).unwrap();
}

#[test]
fn what_is_no_log_is_refused_and_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    std::fs::write(&file, "mine").unwrap();
    let refused = |path: &Path| {
        let opened = open_still(SledLog::new(path), Retention::forever());
        assert!(matches!(opened, Err(LogError::Format { .. })), "{opened:?}");
    };
    refused(&file);
    refused(directory.path());
    assert_eq!(std::fs::read(&file).unwrap(), b"mine");
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1, "something was left");
    let path = directory.path().join("log");
    let log = open_still(SledLog::new(&path), Retention::forever()).unwrap();
    log.append(&[numbered(1)]).unwrap();
    log.close().unwrap();
    let state = std::fs::read(path.join("state")).unwrap();
    std::fs::write(path.join("state"), &state[..state.len() - 3]).unwrap();
    refused(&path);
    std::fs::remove_file(path.join("state")).unwrap();
    refused(&path);
    std::fs::write(path.join("state"), &state).unwrap();
    assert_eq!(read_all(&open_still(SledLog::new(&path), Retention::forever()).unwrap()).len(), 1);
}

#[test]
fn a_log_of_a_newer_format_is_refused_and_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    three_then_close(directory.path());
    let path = directory.path().join("state");
    let state = std::fs::read_to_string(&path).unwrap();
    let newer = state.replacen("sse-framework-log 1 ", "sse-framework-log 2 ", 1);
    std::fs::write(&path, &newer).unwrap();
    for on_damage in [OnDamage::Refuse, OnDamage::Salvage] {
        let log = SledLog::new(directory.path()).on_damage(on_damage);
        match open_still(log, Retention::forever()) {
            Err(error @ LogError::Format { .. }) => {
                let text = error.to_string();
                assert!(text.contains("format is 2") && text.contains("state"), "{text}");
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(std::fs::read_to_string(&path).unwrap(), newer);
    }
}

fn three_then_close(path: &Path) {
    let log = open_still(SledLog::new(path), Retention::forever()).unwrap();
    for number in 1..=3 {
        log.append(&[numbered(number)]).unwrap();
    }
    log.close().unwrap();
}

/// Makes a directory read-only, also for root, until it is dropped.
struct ReadOnly<'a>(&'a Path, bool);

impl<'a> ReadOnly<'a> {
    fn new(path: &'a Path) -> Self {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(path, PermissionsExt::from_mode(0o555)).unwrap();
        let probe = path.join("probe");
        let is_root = std::fs::write(&probe, "").is_ok();
        if is_root {
            std::fs::remove_file(probe).unwrap();
            run("mount", &["--bind".as_ref(), path.as_ref(), path.as_ref()]);
            run("mount", &["-o".as_ref(), "remount,ro,bind".as_ref(), path.as_ref()]);
        }
        ReadOnly(path, is_root)
    }
}

impl Drop for ReadOnly<'_> {
    fn drop(&mut self) {
        use std::os::unix::fs::PermissionsExt;
        if self.1 {
            run("umount", &[self.0.as_ref()]);
        }
        std::fs::set_permissions(self.0, PermissionsExt::from_mode(0o700)).unwrap();
    }
}

fn run(program: &str, arguments: &[&std::ffi::OsStr]) {
    let status = std::process::Command::new(program).args(arguments).status().unwrap();
    assert!(status.success(), "{program} {arguments:?}");
}

#[test]
fn a_read_only_directory_is_an_error_that_names_it() {
    let directory = tempfile::tempdir().unwrap();
    let (empty, log) = (directory.path().join("empty"), directory.path().join("log"));
    std::fs::create_dir(&empty).unwrap();
    three_then_close(&log);
    for path in [empty, log] {
        let read_only = ReadOnly::new(&path);
        match open_still(SledLog::new(&path), Retention::forever()) {
            Err(LogError::Io { path: told, source, .. }) => {
                use std::io::ErrorKind::{PermissionDenied, ReadOnlyFilesystem};
                assert!(told.starts_with(&path), "{told:?}");
                assert!([PermissionDenied, ReadOnlyFilesystem].contains(&source.kind()));
            }
            other => panic!("{other:?}"),
        }
        drop(read_only);
        open_still(SledLog::new(&path), Retention::forever()).unwrap();
    }
}

#[test]
fn a_read_stops_where_it_is_told_to() {
    let directory = tempfile::tempdir().unwrap();
    let log = open_still(small(directory.path()), Retention::forever()).unwrap();
    for number in 1..=60 {
        log.append(&[numbered(number)]).unwrap();
    }
    log.core.tend();
    for topics in [TopicSelection::everything(), only(&["topics/1"]), only(&["topics/*"])] {
        for after in 0..=60 {
            for until in [after + 1, after + 10, 99] {
                let mut seen = Vec::new();
                let reached = log.read(after, until, &topics, &mut |record| {
                    seen.push(record.id.seq());
                    if seen.len() == 5 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
                });
                let wanted: Vec<u64> = (after + 1..=until.min(60))
                    .filter(|seq| topics.includes(Some(&format!("topics/{}", seq % 3))))
                    .take(5)
                    .collect();
                assert_eq!(seen, wanted);
                let end = if seen.len() == 5 { seen[4] } else { until.min(60) };
                assert_eq!(reached.unwrap().until, end);
            }
        }
    }
}

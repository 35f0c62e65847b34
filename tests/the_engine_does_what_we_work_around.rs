//! The facts of the engine, sled, that the log works around. If one of these tests fails after an
//! upgrade of the engine, the engine has changed: see what the log does about that fact, and
//! whether it is still right, or still needed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is a test")]

use std::fs;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use support::directory::Directory;

const SEGMENT: usize = 256 << 10;
const RECORDS: u64 = 2_000;
const CHILD: &str = "SSE_ENGINE_CHILD";

/// A database is closed on other threads than the one that drops it, so it may still be locked.
fn open(path: &Path) -> sled::Result<sled::Db> {
    let config = sled::Config::new().path(path).segment_size(SEGMENT).flush_every_ms(None);
    let begun = Instant::now();
    loop {
        match config.open() {
            Err(error) if is_locked(&error) && begun.elapsed() < Duration::from_secs(60) => {
                std::thread::sleep(Duration::from_millis(2));
            }
            opened => return opened,
        }
    }
}

fn is_locked(error: &sled::Error) -> bool {
    error.to_string().contains("could not acquire lock")
}

fn value(n: u64) -> Vec<u8> {
    n.to_be_bytes().repeat(100)
}

/// A database that was closed properly.
fn fill(path: &Path) {
    let engine = open(path).unwrap();
    for n in 0..RECORDS {
        engine.insert(n.to_be_bytes(), value(n)).unwrap();
    }
    engine.flush().unwrap();
}

/// How many records there are, all with the value that they had. An error or a panic is `None`.
fn intact(path: &Path) -> Option<u64> {
    let read = || {
        let rows = open(path)?.iter().collect::<sled::Result<Vec<_>>>()?;
        sled::Result::Ok(rows)
    };
    let rows = catch_unwind(AssertUnwindSafe(read)).ok()?.ok()?;
    for (key, found) in &rows {
        let n = u64::from_be_bytes(key[..].try_into().unwrap());
        assert_eq!(found[..], value(n), "another value for {n}");
    }
    Some(rows.len() as u64)
}

fn snapshots(path: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(path).unwrap().map(|file| file.unwrap().path());
    files.filter(|file| file.to_str().unwrap().contains("/snap.")).collect()
}

#[test]
fn an_unfinished_snapshot_locks_it_out() {
    let directory = Directory::new();
    let path = directory.path();
    fill(path);
    assert_eq!(intact(path), Some(RECORDS));
    let whole = snapshots(path).pop().expect("opening makes one");
    let unfinished = whole
        .with_extension(format!("{}.generating", whole.extension().unwrap().to_str().unwrap()));
    let bytes = fs::read(&whole).unwrap();
    fs::write(&unfinished, &bytes[..bytes.len() / 2]).unwrap();
    assert_eq!(intact(path), None);
    assert_eq!(intact(path), None, "it does not heal");
    fs::remove_file(&unfinished).unwrap();
    assert_eq!(intact(path), Some(RECORDS));
}

#[test]
fn snapshots_can_go() {
    let directory = Directory::new();
    fill(directory.path());
    assert_eq!(intact(directory.path()), Some(RECORDS));
    for snapshot in snapshots(directory.path()) {
        fs::remove_file(snapshot).unwrap();
    }
    assert_eq!(intact(directory.path()), Some(RECORDS));
}

#[test]
fn what_is_missing_is_made_anew_in_silence() {
    let directory = Directory::new();
    let path = directory.path();
    fill(path);
    fs::remove_file(path.join("conf")).unwrap();
    assert_eq!(intact(path), Some(RECORDS));
    assert!(path.join("conf").exists());
    fs::remove_file(path.join("db")).unwrap();
    for snapshot in snapshots(path) {
        fs::remove_file(snapshot).unwrap();
    }
    assert_eq!(intact(path), Some(0), "neither the records nor an error");
}

#[test]
fn a_flipped_bit_takes_intact_records_along() {
    let directory = Directory::new();
    let whole = directory.path().join("whole");
    fill(&whole);
    let db = fs::read(whole.join("db")).unwrap();
    let mut outcomes = Vec::new();
    for position in (1..16).map(|part| db.len() / 16 * part + 4_321) {
        let path = directory.path().join(position.to_string());
        fs::create_dir(&path).unwrap();
        fs::copy(whole.join("conf"), path.join("conf")).unwrap();
        let mut damaged = db.clone();
        damaged[position] ^= 0x10;
        fs::write(path.join("db"), damaged).unwrap();
        outcomes.push(intact(&path));
    }
    eprintln!("of {RECORDS} records in {} bytes: {outcomes:?}", db.len());
    // A flip spoils one record at most. Which of the two happens to the others is not the same each time.
    let is_worse = |intact: &Option<u64>| intact.is_none_or(|count| count + 1 < RECORDS);
    assert!(outcomes.iter().any(is_worse));
}

#[test]
fn a_flush_is_not_a_sync() {
    if let Some(path) = std::env::var_os(CHILD) {
        return insert_and_flush(Path::new(&path));
    }
    let directory = Directory::new();
    let (path, trace) = (directory.path().join("engine"), directory.path().join("trace"));
    let done = Command::new("strace")
        .args(["-f", "-y", "-e", "trace=pwrite64,write,sync_file_range,fsync,fdatasync", "-o"])
        .arg(&trace)
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "--nocapture", "a_flush_is_not_a_sync"])
        .env(CHILD, &path)
        .status()
        .expect("strace is needed: apt-get install -y strace");
    assert!(done.success());
    let calls = fs::read_to_string(trace).unwrap();
    let (_, calls) = calls.split_once("\"it inserts").expect("the child's first mark");
    let (calls, _) = calls.split_once("\"it has flushed").expect("the child's second mark");
    let is = |call: &str, file: &str| {
        calls.lines().any(|line| line.contains(call) && line.contains(file))
    };
    assert!(is(" pwrite64(", "/engine/db>"), "{calls}");
    assert!(is(" sync_file_range(", "/engine/db>"), "{calls}");
    assert!(is(" write(", "/engine/blobs/"), "a large value: {calls}");
    assert!(!is(" fsync(", "") && !is(" fdatasync(", ""), "{calls}");
}

fn insert_and_flush(path: &Path) {
    let engine = open(path).unwrap();
    std::io::stderr().write_all(b"it inserts").unwrap();
    engine.insert("small", value(1)).unwrap();
    engine.insert("large", vec![1; SEGMENT]).unwrap();
    engine.flush().unwrap();
    std::io::stderr().write_all(b"it has flushed").unwrap();
    // When it is dropped it does sync.
    std::process::exit(0);
}

#[test]
fn large_values_become_files() {
    let blobs = |bytes: usize| {
        let directory = Directory::new();
        let engine = open(directory.path()).unwrap();
        for n in 0..64_u64 {
            engine.insert(n.to_be_bytes(), vec![1; bytes]).unwrap();
            engine.flush().unwrap();
        }
        fs::read_dir(directory.path().join("blobs")).unwrap().count()
    };
    // Up to 17 values are written as one, which becomes a file if it takes over a quarter of a
    // segment. Keys and headers take a little.
    assert_eq!(blobs(SEGMENT / 68 - 64), 0);
    assert!(blobs(SEGMENT / 4) > 0);
}

//! How fast a log is opened after its process was killed, and how fast its history is read, beside a
//! plain file with the same records in the same run:
//!
//! ```sh
//! cargo bench -p sse-framework --bench history -- 10000000
//! ```
//!
//! The number is how many events of 200 bytes there are, by default a million. As root it empties
//! the page cache before it measures cold reads; otherwise it leaves them out.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use sse_framework::{
    Batch, EventLog, NewRecord, OpenLog, Retention, SledLog, TopicFilter, TopicSelection,
};
use std::fs::{self, File};
use std::io::{BufReader, BufWriter, Read, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

const CHILD: &str = "SSE_FRAMEWORK_BENCH_DIRECTORY";
/// Events of the last part of the log, which are published one by one.
const ONE_BY_ONE: u64 = 20_000;

fn main() {
    let events = std::env::args().filter_map(|word| word.parse().ok()).next().unwrap_or(1_000_000);
    if let Ok(directory) = std::env::var(CHILD) {
        write(Path::new(&directory), events);
        std::process::abort();
    }
    let kept = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("history");
    let _ = fs::remove_dir_all(&kept);
    fs::create_dir_all(&kept).unwrap();
    run(&kept, events);
    fs::remove_dir_all(&kept).unwrap();
}

fn payload(n: u64) -> Vec<u8> {
    format!("{{\"n\":{n:0>194}}}").into_bytes()
}

fn record(n: u64) -> Batch {
    let topic = Some(format!("topics/{}", n % 100).parse().unwrap());
    Batch { records: vec![NewRecord { topic, name: "load".into(), version: 1, data: payload(n) }] }
}

fn open(path: &Path) -> Box<dyn EventLog> {
    Box::new(SledLog::new(path)).open(Retention::forever()).unwrap()
}

/// Writes the log, and leaves it as a kill would.
fn write(path: &Path, events: u64) {
    let log = open(path);
    let grouped = events.saturating_sub(ONE_BY_ONE);
    for first in (1..=grouped).step_by(64) {
        let batches: Vec<_> = (first..=grouped.min(first + 63)).map(record).collect();
        log.append(&batches).unwrap();
    }
    for n in grouped + 1..=events {
        log.append(&[record(n)]).unwrap();
    }
    wait_for_sealing(path);
}

fn segments(path: &Path, kind: &str) -> usize {
    let names = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().file_name());
    names.filter(|name| name.to_str().unwrap().ends_with(kind)).count()
}

fn wait_for_sealing(path: &Path) {
    let state = || fs::read_to_string(path.join("state")).unwrap();
    while state().matches("\"first\":").count() > state().matches("\"sealed\":").count() + 3 {
        std::thread::sleep(Duration::from_millis(100));
        if segments(path, ".sealing") == 0 {
            std::thread::sleep(Duration::from_secs(2));
            if segments(path, ".sealing") == 0 {
                return;
            }
        }
    }
}

fn run(kept: &Path, events: u64) {
    let (path, plain) = (kept.join("log"), kept.join("plain"));
    let wrote = Instant::now();
    let child = Command::new(std::env::current_exe().unwrap())
        .arg(events.to_string())
        .env(CHILD, &path)
        .status()
        .unwrap();
    assert!(!child.success(), "it should have been killed");
    println!("{events} events of 200 B, written in {:.0} s", wrote.elapsed().as_secs_f64());
    write_plain(&plain, events);
    let is_root = drop_caches();

    let opening = Instant::now();
    let log = open(&path);
    let kind = if is_root { "cold" } else { "warm" };
    println!("opened after the kill, {kind}: {:.2} s", opening.elapsed().as_secs_f64());
    assert_eq!(log.history().last(), events);
    let idle = resident();
    if is_root {
        drop_caches();
        let log_rate = rate(events, || read_all(&*log, events));
        drop_caches();
        let floor = rate(events, || read_plain(&plain, events));
        tell("read cold", log_rate, floor);
    }
    read_all(&*log, events);
    read_plain(&plain, events);
    let log_rate = rate(events, || read_all(&*log, events));
    tell("read warm", log_rate, rate(events, || read_plain(&plain, events)));
    println!(
        "memory over idle after reading everything: {} MiB",
        resident().saturating_sub(idle) >> 20
    );
    seek(&*log, events);
    many(&*log, events);
}

fn tell(what: &str, log: f64, floor: f64) {
    let (log, floor, ratio) = (log / 1e6, floor / 1e6, log / floor);
    println!("{what}: {log:.2} M/s, the plain file {floor:.2} M/s, ratio {ratio:.2}");
}

fn rate(events: u64, work: impl FnOnce()) -> f64 {
    let started = Instant::now();
    work();
    events as f64 / started.elapsed().as_secs_f64()
}

fn read_all(log: &dyn EventLog, events: u64) {
    let (mut after, mut bytes) = (0, 0);
    while after < events {
        let everything = TopicSelection::everything();
        let read = log.read(after, events, &everything, &mut |record| {
            bytes += record.data.len();
            ControlFlow::Continue(())
        });
        after = read.unwrap().until;
    }
    assert_eq!(bytes as u64, events * 200);
}

fn write_plain(path: &Path, events: u64) {
    let mut file = BufWriter::with_capacity(1 << 20, File::create(path).unwrap());
    for n in 1..=events {
        let data = payload(n);
        file.write_all(&crc32fast::hash(&data).to_le_bytes()).unwrap();
        file.write_all(&(data.len() as u32).to_le_bytes()).unwrap();
        file.write_all(&data).unwrap();
    }
    file.into_inner().unwrap().sync_all().unwrap();
}

fn read_plain(path: &Path, events: u64) {
    let mut file = BufReader::with_capacity(1 << 20, File::open(path).unwrap());
    let (mut head, mut data) = ([0; 8], Vec::new());
    for _ in 0..events {
        file.read_exact(&mut head).unwrap();
        let [a, b, c, d, length @ ..] = head;
        data.resize(u32::from_le_bytes(length) as usize, 0);
        file.read_exact(&mut data).unwrap();
        assert_eq!(crc32fast::hash(&data), u32::from_le_bytes([a, b, c, d]));
    }
}

/// Reads up to 100 events from a place on.
fn hundred(log: &dyn EventLog, after: u64, topics: &TopicSelection) -> usize {
    let (mut seen, last) = (0, log.history().last());
    log.read(after, last, topics, &mut |_| {
        seen += 1;
        if seen < 100 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })
    .unwrap();
    seen
}

/// Places all over the log, in no order.
fn place(n: u64, events: u64) -> u64 {
    n.wrapping_mul(0x9e37_79b9_7f4a_7c15) % (events - 100)
}

fn seek(log: &dyn EventLog, events: u64) {
    let everything = TopicSelection::everything();
    let one = TopicSelection::of(["topics/7".parse::<TopicFilter>().unwrap()]);
    let oldest = events.min(100_000);
    for (what, from, span, topics) in [
        ("anywhere", 0, events, &everything),
        ("in the newest 100,000", events - oldest, oldest, &everything),
        ("of one topic of 100", 0, events, &one),
    ] {
        let mut times: Vec<Duration> = (1..=2000)
            .map(|n| {
                let started = Instant::now();
                hundred(log, from + place(n, span), topics);
                started.elapsed()
            })
            .collect();
        times.sort_unstable();
        println!("seek and 100 events, {what}: p50 {:?}, p99 {:?}", times[1000], times[1980]);
    }
}

fn many(log: &dyn EventLog, events: u64) {
    let started = Instant::now();
    std::thread::scope(|scope| {
        for half in 0..2 {
            scope.spawn(move || {
                let span = events.min(100_000);
                for n in 0..1000 {
                    let after = events - span + place(half * 1000 + n, span);
                    assert!(hundred(log, after, &TopicSelection::everything()) > 0);
                }
            });
        }
    });
    println!("2,000 clients, 100 events each, 2 threads: {:?}", started.elapsed());
}

fn resident() -> u64 {
    let statm = fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok());
    pages.unwrap_or(0) * 4096
}

/// Whether the page cache could be emptied.
fn drop_caches() -> bool {
    let _ = Command::new("sync").status();
    fs::write("/proc/sys/vm/drop_caches", "1").is_ok()
}

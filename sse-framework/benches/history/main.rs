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

mod plain;
mod through_hub;

use sse_framework::{
    Batch, EventLog, NewRecord, OpenLog, Position, Retention, SledLog, TopicFilter, TopicSelection,
};
use std::fs;
use std::hint::black_box;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

const CHILD: &str = "SSE_FRAMEWORK_BENCH_DIRECTORY";
/// Events of the last part of the log, which are published one by one.
const ONE_BY_ONE: u64 = 20_000;
/// How often both are read from end to end with a warm page cache.
const ROUNDS: usize = 5;
const CLIENTS: u64 = 2000;
const HUNDRED: usize = 100;

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

fn topic(n: u64) -> String {
    format!("topics/{}", n % 100)
}

fn record(n: u64) -> Batch {
    let topic = Some(topic(n).parse().unwrap());
    Batch::new(vec![NewRecord::new(topic, "load", 1, payload(n))], None)
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
    plain::write(&plain, events);
    let is_root = drop_caches();

    let opening = Instant::now();
    let log = open(&path);
    let kind = if is_root { "cold" } else { "warm" };
    println!("opened after the kill, {kind}: {:.2} s", opening.elapsed().as_secs_f64());
    assert_eq!(log.history().last(), events);
    let idle = resident();
    if is_root {
        compare("cold", 3, &*log, &plain, events);
    }
    read_all(&*log, events);
    plain::read(&plain, events);
    compare("warm", ROUNDS, &*log, &plain, events);
    println!(
        "memory over idle after reading everything: {} MiB",
        resident().saturating_sub(idle) >> 20
    );
    seek(&*log, events);
    at_a_time(&*log, events);
    many(&*log, events);
    log.close().unwrap();
    drop(log);
    through_hub::many(&path, events);
}

/// Reads the log and the file from end to end, in turn, and tells the medians.
fn compare(what: &str, rounds: usize, log: &dyn EventLog, plain: &Path, events: u64) {
    let before = || {
        if what == "cold" {
            drop_caches();
        }
    };
    let mut measured = [const { Vec::new() }; 6];
    for _ in 0..rounds {
        before();
        let [log, log_busy] = rates(events, || read_all(log, events));
        before();
        let [floor, floor_busy] = rates(events, || plain::read(plain, events));
        let both = [log, floor, log / floor, log_busy, floor_busy, log_busy / floor_busy];
        measured.iter_mut().zip(both).for_each(|(all, one)| all.push(one));
    }
    let [log, floor, ratio, log_busy, floor_busy, ratio_busy] = measured.map(median);
    let millions = |rate: f64| format!("{:.2} M/s", rate / 1e6);
    let tell = |by: &str, log, floor, ratio: f64| {
        let (log, floor) = (millions(log), millions(floor));
        println!("read {what}, by {by}: {log}, the plain file {floor}, ratio {ratio:.2}");
    };
    tell("the clock", log, floor, ratio);
    tell("processor time", log_busy, floor_busy, ratio_busy);
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Events per second that passes, and per second of the processor's time.
fn rates(events: u64, work: impl FnOnce()) -> [f64; 2] {
    let (started, busy) = (Instant::now(), busy());
    work();
    [started.elapsed(), self::busy() - busy]
        .map(|took| events as f64 / took.as_secs_f64().max(1e-9))
}

/// The time that the processor has spent on this thread, which does not depend on what else it does.
fn busy() -> Duration {
    let told = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos = told.split(' ').next().and_then(|nanos| nanos.parse().ok());
    Duration::from_nanos(nanos.unwrap_or(0))
}

/// Reads everything, in steps as a cursor does.
fn read_all(log: &dyn EventLog, events: u64) {
    let (mut after, mut bytes) = (0, 0);
    while after < events {
        let everything = TopicSelection::everything();
        let read = log.read(after, events.min(after + 65_536), &everything, &mut |record| {
            bytes += black_box(record).data.len();
            ControlFlow::Continue(())
        });
        after = read.unwrap().until;
    }
    assert_eq!(bytes as u64, events * 200);
}

/// Reads up to 100 events from a place on.
fn hundred(log: &dyn EventLog, after: u64, topics: &TopicSelection) -> usize {
    let (mut seen, last) = (0, log.history().last());
    log.read(after, last, topics, &mut |_| {
        seen += 1;
        if seen < HUNDRED { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
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
        println!("seek and 100 events, {what}: p50 {:.1?}, p99 {:.1?}", times[1000], times[1980]);
    }
}

/// Finds the times of events all over the log.
fn at_a_time(log: &dyn EventLog, events: u64) {
    let times: Vec<u64> = (1..=2000)
        .map(|n| {
            let (mut time, all) = (0, TopicSelection::everything());
            log.read(place(n, events), events, &all, &mut |record| {
                time = record.time_ms;
                ControlFlow::Break(())
            })
            .unwrap();
            time
        })
        .collect();
    let mut took: Vec<Duration> = times
        .into_iter()
        .map(|time| {
            let started = Instant::now();
            let found = log.position_at(time);
            assert!(matches!(found, Ok(Position::After(seq)) if seq < events));
            started.elapsed()
        })
        .collect();
    took.sort_unstable();
    println!("find a time: p50 {:.1?}, p99 {:.1?}", took[1000], took[1980]);
}

fn many(log: &dyn EventLog, events: u64) {
    let (span, everything) = (events.min(100_000), TopicSelection::everything());
    let half = &|half: u64| {
        for n in 0..CLIENTS / 2 {
            let after = events - span + place(half * CLIENTS / 2 + n, span);
            assert_eq!(hundred(log, after, &everything), HUNDRED);
        }
    };
    let mut times: Vec<_> = (0..ROUNDS)
        .map(|_| {
            let started = Instant::now();
            std::thread::scope(|scope| [0, 1].map(|n| drop(scope.spawn(move || half(n)))));
            started.elapsed()
        })
        .collect();
    times.sort_unstable();
    println!("{CLIENTS} clients, 100 events each, 2 threads: {:.1?}", times[ROUNDS / 2]);
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

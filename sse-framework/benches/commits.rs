//! How fast events are appended and synced, beside a plain file to which the same records are written
//! and synced by the same commits, in turn:
//!
//! ```sh
//! cargo bench -p sse-framework --bench commits
//! ```
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use sse_framework::{Batch, EventLog, NewRecord, OpenLog, Retention, SledLog};
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How often both are measured, and for how long.
const ROUNDS: usize = 7;
const ROUND: Duration = Duration::from_millis(500);

fn main() {
    let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("commits");
    println!(
        "bytes, publishers: log, file (events/s), ratio; p50 of a commit in the log, in the file"
    );
    for bytes in [200, 1024] {
        for publishers in [1, 64, 1024] {
            let _ = fs::remove_dir_all(&directory);
            fs::create_dir_all(&directory).unwrap();
            compare(&directory, bytes, publishers);
        }
    }
    fs::remove_dir_all(&directory).unwrap();
}

fn compare(directory: &Path, bytes: usize, publishers: usize) {
    let settings = Box::new(SledLog::new(directory.join("log")));
    let log: Box<dyn EventLog> = settings.open(Retention::forever()).unwrap();
    let batches: Vec<_> = (0..publishers).map(|n| batch(n, bytes)).collect();
    let mut file = File::create(directory.join("plain")).unwrap();
    let record = encode(&vec![b'x'; bytes]);
    let commit = record.repeat(publishers);
    let mut measured = [const { Vec::new() }; 5];
    for _ in 0..ROUNDS {
        let (ours, ours_p50) = measure(publishers, || {
            log.append(&batches).unwrap();
        });
        let (floor, floor_p50) = measure(publishers, || {
            file.write_all(&commit).unwrap();
            file.sync_data().unwrap();
        });
        let both = [ours, floor, ours / floor, ours_p50, floor_p50];
        measured.iter_mut().zip(both).for_each(|(all, one)| all.push(one));
    }
    log.close().unwrap();
    let [ours, floor, ratio, ours_p50, floor_p50] = measured.map(median);
    println!(
        "{bytes:>4} B, {publishers:>4}: {ours:>7.0}, {floor:>7.0}, {ratio:.2}; \
         {ours_p50:.0} µs, {floor_p50:.0} µs"
    );
}

fn batch(n: usize, bytes: usize) -> Batch {
    let topic = Some(format!("topics/{}", n % 100).parse().unwrap());
    let data = vec![b'x'; bytes];
    Batch::new(vec![NewRecord::new(topic, "load", 1, data)], None)
}

fn encode(data: &[u8]) -> Vec<u8> {
    let mut record = crc32fast::hash(data).to_le_bytes().to_vec();
    record.extend((data.len() as u32).to_le_bytes());
    record.extend_from_slice(data);
    record
}

/// Events per second, and the median of a commit in microseconds.
fn measure(publishers: usize, mut commit: impl FnMut()) -> (f64, f64) {
    let (started, mut times) = (Instant::now(), Vec::new());
    while started.elapsed() < ROUND {
        let before = Instant::now();
        commit();
        times.push(before.elapsed().as_secs_f64() * 1e6);
    }
    let rate = (times.len() * publishers) as f64 / started.elapsed().as_secs_f64();
    (rate, median(times))
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values[values.len() / 2]
}

//! Reading the log on disk: all of it, and the one topic in a hundred that a client wants.
#![allow(dead_code, clippy::unwrap_used, reason = "this is a benchmark")]

mod support;

use criterion::{BatchSize, Criterion, Throughput};
use sse_framework::{EventLog, TopicFilter, TopicSelection};
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;
use support::{batch, directory, open, record};

const RECORDS: u64 = 50_000;
const SHOPS: u64 = 100;

fn fill(path: &Path) {
    let log = open(path);
    for thousand in 0..RECORDS / 1000 {
        let records = (0..1000).map(|n| record((thousand * 1000 + n) % SHOPS));
        log.append(&[batch(records)]).unwrap();
    }
    log.close().unwrap();
}

/// How many bytes of payload are read.
fn read(log: &dyn EventLog, topics: &TopicSelection) -> usize {
    let mut bytes = 0;
    let read = log.read(0, RECORDS, topics, &mut |record| {
        bytes += record.data.len();
        ControlFlow::Continue(())
    });
    assert_eq!(read.unwrap().until, RECORDS);
    bytes
}

fn replay(criterion: &mut Criterion) {
    let directory = directory();
    let path = directory.path().join("log");
    fill(&path);
    let shop = TopicSelection::of([TopicFilter::under(["shops", "7"])]);
    let topics = [
        ("everything", TopicSelection::everything(), RECORDS),
        ("one-topic-of-100", shop, RECORDS / SHOPS),
    ];
    let mut group = criterion.benchmark_group("replay");
    group.sample_size(10).measurement_time(Duration::from_secs(3));
    for (name, topics, count) in &topics {
        group.throughput(Throughput::Elements(*count));
        // The log has just been opened, so its own caches are empty; the kernel's are not.
        group.bench_function(format!("{name}/opened"), |bencher| {
            bencher.iter_batched(
                || open(&path),
                |log| (read(&*log, topics), log),
                BatchSize::PerIteration,
            );
        });
        let log = open(&path);
        group
            .bench_function(format!("{name}/warm"), |bencher| bencher.iter(|| read(&*log, topics)));
    }
}

fn main() {
    support::run(&[replay]);
}

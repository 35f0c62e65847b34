//! From a publish to the disk, with 1, 64 and 1,024 events under way at once, beside what the disk
//! takes for the same bytes: a write to a file and fdatasync. Where the disk is not the same from one
//! minute to the next, `commits` says more, since there log and file take turns.
#![allow(dead_code, clippy::unwrap_used, reason = "this is a benchmark")]

mod support;

use criterion::{BenchmarkId, Criterion, Throughput};
use sse_framework::{EventLog, Hub, SledLog};
use std::fs::File;
use std::io::Write;
use std::time::Duration;
use support::{OrderPlaced, batch, directory, open, record};
use tokio::runtime::Runtime;

const UNDER_WAY: [usize; 3] = [1, 64, 1024];

/// As if so many publishers were in one group: each its batch.
fn append(log: &dyn EventLog, count: usize) {
    let batches: Vec<_> = (0..count).map(|_| batch([record(7)])).collect();
    log.append(&batches).unwrap();
}

/// The same payloads.
fn write_and_sync(file: &mut File, count: usize) {
    let bytes: Vec<u8> = (0..count).flat_map(|_| record(7).data).collect();
    file.write_all(&bytes).unwrap();
    file.sync_data().unwrap();
}

async fn publish(hub: &Hub<OrderPlaced>, count: usize) {
    let receipts: Vec<_> = (0..count)
        .map(|_| hub.try_publish(OrderPlaced::new(7)).map_err(|error| error.error).unwrap())
        .collect();
    for receipt in receipts {
        receipt.await.unwrap();
    }
}

fn appending(criterion: &mut Criterion) {
    let (directory, runtime) = (directory(), Runtime::new().unwrap());
    let log = open(&directory.path().join("log"));
    let mut file = File::create(directory.path().join("file")).unwrap();
    let hub = Hub::<OrderPlaced>::builder(SledLog::new(directory.path().join("hub"))).start();
    let hub = runtime.block_on(hub).unwrap();
    let mut group = criterion.benchmark_group("append");
    group.sample_size(20).measurement_time(Duration::from_secs(3));
    for count in UNDER_WAY {
        group.throughput(Throughput::Elements(count as u64));
        group.bench_function(BenchmarkId::new("file", count), |bencher| {
            bencher.iter(|| write_and_sync(&mut file, count));
        });
        group.bench_function(BenchmarkId::new("log", count), |bencher| {
            bencher.iter(|| append(&*log, count));
        });
        group.bench_function(BenchmarkId::new("hub", count), |bencher| {
            bencher.iter(|| runtime.block_on(publish(&hub, count)));
        });
    }
}

fn main() {
    support::run(&[appending]);
}

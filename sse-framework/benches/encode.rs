//! From a value to the bytes that go out: its payload, its topic, its frame.
#![allow(dead_code, clippy::unwrap_used, reason = "this is a benchmark")]

mod support;

use criterion::{Criterion, Throughput};
use sse_framework::{Epoch, EventId, Hub, IdStyle, MemoryLog, RawEvent, SseEvent, wire};
use std::hint::black_box;
use support::{OrderPlaced, record};

fn encode(criterion: &mut Criterion) {
    let (order, record) = (OrderPlaced::new(7), record(7));
    let id = EventId::new("0000000000001".parse::<Epoch>().unwrap(), 4711);
    let event = RawEvent::new("order-placed", 1, &record.data);
    let mut group = criterion.benchmark_group("encode");
    group.throughput(Throughput::Bytes(record.data.len() as u64));
    group.bench_function("payload", |bencher| {
        let mut out = Vec::with_capacity(1024);
        bencher.iter(|| {
            out.clear();
            black_box(&order).encode(&mut out).unwrap();
        });
    });
    group.bench_function("topic", |bencher| bencher.iter(|| black_box(&order).topic().unwrap()));
    group.bench_function("frame", |bencher| {
        let mut out = Vec::with_capacity(1024);
        bencher.iter(|| {
            out.clear();
            wire::write_event(&mut out, id, black_box(event)).unwrap()
        });
    });
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    for (name, style) in [("id/plain", IdStyle::Plain), ("id/opaque", IdStyle::Opaque)] {
        let hub = Hub::<OrderPlaced>::builder(MemoryLog::new()).ids(style);
        let hub = runtime.block_on(hub.start()).unwrap();
        group.bench_function(name, |bencher| bencher.iter(|| hub.encode_id(black_box(id))));
    }
}

fn main() {
    support::run(&[encode]);
}

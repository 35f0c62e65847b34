//! From a publish to those who wait: waking them, and what each then reads from memory.
#![allow(dead_code, clippy::unwrap_used, clippy::panic, reason = "this is a benchmark")]

mod support;

use axum::body::Body;
use axum::response::IntoResponse;
use criterion::{BatchSize, BenchmarkId, Criterion, Throughput};
use http_body::Body as _;
use sse_framework::{Hub, MemoryLog, Received, Start, Subscribe, Subscription, TopicFilter};
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};
use support::OrderPlaced;
use tokio::runtime::Runtime;

/// How often it has been woken.
#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Release);
    }
}

/// A hub in memory, and how often its subscribers have been woken.
struct Bench {
    runtime: Runtime,
    hub: Hub<OrderPlaced>,
    woken: Arc<Count>,
    waker: Waker,
}

impl Bench {
    fn new() -> Self {
        let woken = Arc::new(Count::default());
        let (runtime, hub) = (Runtime::new().unwrap(), Hub::in_memory().unwrap());
        Bench { runtime, hub, waker: woken.clone().into(), woken }
    }

    fn everything(&self, count: usize) -> Vec<Subscription<OrderPlaced>> {
        (0..count).map(|_| self.hub.subscribe(Subscribe::default()).everything()).collect()
    }

    /// One topic each.
    fn topics(&self, count: usize) -> Vec<Subscription<OrderPlaced>> {
        let topic = |shop: usize| TopicFilter::under(["shops".to_owned(), shop.to_string()]);
        let subscribe = || self.hub.subscribe(Subscribe::default());
        (0..count).map(|shop| subscribe().topics([topic(shop)])).collect()
    }

    /// From publishing an event of shop 7 until so many have been woken.
    fn publish(&self, wakes: usize) -> Duration {
        self.woken.0.store(0, Ordering::Relaxed);
        let begun = Instant::now();
        let _receipt = self.hub.try_publish(OrderPlaced::new(7)).map_err(|e| e.error).unwrap();
        while self.woken.0.load(Ordering::Acquire) < wakes {
            std::hint::spin_loop();
        }
        begun.elapsed()
    }

    fn next(&self, stream: &mut Subscription<OrderPlaced>) -> Poll<Option<Received<OrderPlaced>>> {
        pin!(stream.next()).poll(&mut Context::from_waker(&self.waker))
    }

    fn frames(&self, body: &mut Body) -> bool {
        let polled = Pin::new(body).poll_frame(&mut Context::from_waker(&self.waker));
        matches!(polled, Poll::Ready(Some(Ok(_))))
    }
}

/// How long a step takes, after everybody has read what there is and waits.
fn streams(
    bench: &Bench,
    streams: &mut [Subscription<OrderPlaced>],
    rounds: u64,
    mut step: impl FnMut(&mut [Subscription<OrderPlaced>]) -> Duration,
) -> Duration {
    let mut taken = Duration::ZERO;
    for _ in 0..rounds {
        streams.iter_mut().for_each(|stream| while bench.next(stream).is_ready() {});
        taken += step(streams);
    }
    taken
}

fn wake(criterion: &mut Criterion) {
    let bench = Bench::new();
    let mut group = criterion.benchmark_group("wake");
    for count in [1_000, 10_000] {
        let mut all = bench.everything(count);
        group.throughput(Throughput::Elements(count as u64));
        group.bench_function(BenchmarkId::new("everything", count), |bencher| {
            bencher
                .iter_custom(|rounds| streams(&bench, &mut all, rounds, |_| bench.publish(count)));
        });
    }
    // Whoever waits for other topics should cost nothing.
    for count in [100, 10_000] {
        let mut all = bench.topics(count);
        group.throughput(Throughput::Elements(1));
        group.bench_function(BenchmarkId::new("one-of-topics", count), |bencher| {
            bencher.iter_custom(|rounds| streams(&bench, &mut all, rounds, |_| bench.publish(1)));
        });
    }
}

fn read(criterion: &mut Criterion) {
    let bench = Bench::new();
    let _entered = bench.runtime.enter();
    let mut group = criterion.benchmark_group("read");
    for count in [1_000, 10_000] {
        group.throughput(Throughput::Elements(count as u64));
        let mut all = bench.everything(count);
        group.bench_function(BenchmarkId::new("events", count), |bencher| {
            bencher.iter_custom(|rounds| {
                streams(&bench, &mut all, rounds, |streams| {
                    bench.publish(count);
                    let begun = Instant::now();
                    streams.iter_mut().for_each(|stream| assert!(bench.next(stream).is_ready()));
                    begun.elapsed()
                })
            });
        });
        drop(all);
        let bodies = bench.everything(count).into_iter().map(|stream| stream.into_response());
        let mut bodies: Vec<Body> = bodies.map(|response| response.into_body()).collect();
        group.bench_function(BenchmarkId::new("frames", count), |bencher| {
            bencher.iter_custom(|rounds| {
                let mut taken = Duration::ZERO;
                for _ in 0..rounds {
                    bodies.iter_mut().for_each(|body| while bench.frames(body) {});
                    bench.publish(count);
                    let begun = Instant::now();
                    bodies.iter_mut().for_each(|body| assert!(bench.frames(body)));
                    taken += begun.elapsed();
                }
                taken
            });
        });
    }
}

/// A reader from the beginning of a full tail, of which it selects nothing: one poll, in which others
/// wait, and all of them.
fn scan(criterion: &mut Criterion) {
    const RECORDS: usize = 65_536;
    let runtime = Runtime::new().unwrap();
    let _entered = runtime.enter();
    let hub = runtime.block_on(async {
        let builder =
            Hub::<OrderPlaced>::builder(MemoryLog::new()).tail_bytes(64 << 20).tail_events(RECORDS);
        let hub = builder.start().await.unwrap();
        for _ in 0..RECORDS {
            hub.publish(OrderPlaced::new(7)).await.unwrap();
        }
        hub
    });
    let woken = Arc::new(Count::default());
    let waker = Waker::from(woken.clone());
    // Whether there is more to look at.
    let goes_on = |body: &mut Body| {
        let before = woken.0.load(Ordering::Relaxed);
        let polled = Pin::new(body).poll_frame(&mut Context::from_waker(&waker));
        polled.is_ready() || woken.0.load(Ordering::Relaxed) > before
    };
    let ways = |n: usize| {
        let segments = ["shops", "7", "orders"].into_iter().enumerate();
        let ways = segments.map(|(place, own)| if n >> place & 1 == 1 { "*" } else { own });
        ways.chain([format!("x{n}").as_str()]).collect::<Vec<_>>().join("/")
    };
    let patterns: [(&str, Vec<String>); 3] = [
        ("under", vec!["shops/rome/**".into()]),
        ("100-patterns", (0..100).map(|n| format!("*/*/a{n}")).collect()),
        ("100-ways", (0..100).map(ways).collect()),
    ];
    let mut group = criterion.benchmark_group("scan");
    for (name, patterns) in &patterns {
        let opened = || {
            let topics = patterns.iter().map(|pattern| pattern.parse::<TopicFilter>().unwrap());
            let from_start = hub.subscribe(Subscribe::default()).start(Start::Oldest);
            let mut body = from_start.topics(topics).into_response().into_body();
            assert!(goes_on(&mut body), "it opens");
            body
        };
        group.bench_function(format!("{name}/poll"), |bencher| {
            bencher.iter_batched_ref(opened, goes_on, BatchSize::SmallInput);
        });
        group.bench_function(format!("{name}/all"), |bencher| {
            let all = |body: &mut Body| while goes_on(body) {};
            bencher.iter_batched_ref(opened, all, BatchSize::SmallInput);
        });
    }
}

fn main() {
    support::run(&[wake, read, scan]);
}

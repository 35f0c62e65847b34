//! Growth with the number of topics, each of which has a subscriber. They are subscribers within
//! the process: there are more of them than a process may have sockets.

use crate::Failure;
use crate::load::scatter;
use crate::meter::Meter;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sse_framework::{Durability, Hub, SledLog, SseEvent, Subscribe, Subscription, TopicFilter};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Which topic it was sent to.
#[derive(Serialize, Deserialize, JsonSchema, SseEvent)]
struct Entry {
    topic: u64,
    p: String,
}

/// What subscribers have seen: events of their topics, and of others.
#[derive(Debug, Default)]
struct Seen {
    own: AtomicU64,
    foreign: AtomicU64,
}

pub(super) const HEAD: [&str; 5] =
    ["topics", "CPU µs/publish", "µs/publish", "µs/subscription", "KiB/subscription"];

pub(super) async fn row(path: &Path, topics: u64, quick: bool) -> Result<Vec<f64>, Failure> {
    let publishes = if quick { 200 } else { 20_000 };
    let durability = Durability::Buffered { sync_every: Duration::from_millis(200) };
    let log = SledLog::new(path).durability(durability);
    let hub = Hub::<Entry>::builder(log).start().await?;
    let (meter, seen) = (Meter::of(std::process::id()), Arc::new(Seen::default()));
    let (resident, begun) = (meter.resident_kib()?, Instant::now());
    for topic in 0..topics {
        let filter: TopicFilter = format!("t/{topic}").parse()?;
        let subscription = hub.subscribe(Subscribe::default()).topics([filter]);
        tokio::spawn(listen(subscription, topic, seen.clone()));
    }
    let subscribing = begun.elapsed();
    // All have been polled, and wait.
    tokio::time::sleep(Duration::from_millis(500)).await;
    let grown = meter.resident_kib()?.saturating_sub(resident);

    let (cpu, begun) = (meter.cpu_times()?, Instant::now());
    for number in 0..publishes {
        let topic = scatter(number) % topics;
        let entry = Entry { topic, p: "x".repeat(180) };
        hub.publish(entry).topic(format!("t/{topic}")).await?;
    }
    let publishing = begun.elapsed();
    seen.wait_for(publishes).await?;
    let cpu = meter.cpu_since(&cpu)?;
    hub.shutdown().await?;
    let micros = |time: Duration, count| time.as_secs_f64() * 1e6 / count as f64;
    let kib_each = grown as f64 / topics as f64;
    let (cpu, publishing) = (micros(cpu, publishes), micros(publishing, publishes));
    Ok(vec![cpu, publishing, micros(subscribing, topics), kib_each])
}

async fn listen(mut subscription: Subscription<Entry>, topic: u64, seen: Arc<Seen>) {
    while let Some(received) = subscription.next().await {
        match received.event() {
            Some(entry) if entry.topic == topic => seen.own.fetch_add(1, Ordering::Relaxed),
            Some(_) => seen.foreign.fetch_add(1, Ordering::Relaxed),
            None => 0,
        };
    }
}

impl Seen {
    async fn wait_for(&self, publishes: u64) -> Result<(), Failure> {
        let begun = Instant::now();
        while self.own.load(Ordering::Relaxed) < publishes {
            if begun.elapsed() > Duration::from_secs(20) {
                return Err(format!("{publishes} events were published: {self:?}").into());
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        match self.foreign.load(Ordering::Relaxed) {
            0 => Ok(()),
            _ => Err(format!("events came to subscribers of other topics: {self:?}").into()),
        }
    }
}

//! Growth with the length of the history.

use crate::Failure;
use crate::load::{Audience, Publisher, scatter};
use crate::meter::Meter;
use crate::server::Server;
use crate::servers::Load;
use crate::system::System;
use sse_framework::{Durability, EventId, Hub, Received, SledLog, Start, Subscribe};
use std::path::Path;
use std::time::{Duration, Instant};

const BATCH: u64 = 1_000;
/// Events that a client is behind, and how many such clients are tried.
const BEHIND: u64 = 100;
const CLIENTS: u64 = 300;

pub(super) const HEAD: [&str; 9] = [
    "events",
    "disk MiB",
    "open ms",
    "open after a crash ms",
    "100 events: p50 ms",
    "p90 ms",
    "most ms",
    "RSS MiB, written",
    "RSS MiB, read",
];

pub(super) async fn row(path: &Path, count: u64) -> Result<Vec<f64>, Failure> {
    let meter = Meter::of(std::process::id());
    let first = fill(path, count).await?;
    let written = meter.resident_kib()? as f64 / 1024.0;
    let (hub, opening) = open(path).await?;
    let mut times = Vec::new();
    for client in 0..CLIENTS {
        let after = first.seq() + scatter(client) % (count - BEHIND);
        let time = catch_up(&hub, EventId::new(first.epoch(), after)).await?;
        times.push(time.as_secs_f64() * 1e3);
    }
    let read = meter.resident_kib()? as f64 / 1024.0;
    hub.shutdown().await?;
    crash(path)?;
    let (hub, opening_again) = open(path).await?;
    hub.shutdown().await?;
    times.sort_by(f64::total_cmp);
    let (p50, p90) = (times[times.len() / 2], times[times.len() * 9 / 10]);
    let most = times[times.len() - 1];
    let milliseconds = |time: Duration| time.as_secs_f64() * 1e3;
    let (opening, opening_again) = (milliseconds(opening), milliseconds(opening_again));
    Ok(vec![disk_mib(path)?, opening, opening_again, p50, p90, most, written, read])
}

async fn open(path: &Path) -> Result<(Hub<Load>, Duration), Failure> {
    let begun = Instant::now();
    let hub = Hub::open(path).await?;
    Ok((hub, begun.elapsed()))
}

/// Writes a history; the id of its first event.
async fn fill(path: &Path, count: u64) -> Result<EventId, Failure> {
    let durability = Durability::Buffered { sync_every: Duration::from_secs(1) };
    let log = SledLog::new(path).durability(durability);
    let hub = Hub::<Load>::builder(log).start().await?;
    let mut first = None;
    for begin in (0..count).step_by(BATCH as usize) {
        let numbers = begin..(begin + BATCH).min(count);
        // 200 bytes of JSON, and a type that the server reads that is to crash.
        let events = numbers.map(|n| Load { n, t: 0, p: "x".repeat(174) });
        let ids = hub.publish_all(events.collect::<Vec<_>>()).await?;
        first = first.or(ids.first().copied());
    }
    hub.shutdown().await?;
    Ok(first.ok_or("an empty history")?)
}

/// How long it takes from the subscription to the last event that was missed.
async fn catch_up(hub: &Hub<Load>, id: EventId) -> Result<Duration, Failure> {
    let begun = Instant::now();
    let start = Start::After(id);
    let mut subscription = hub.subscribe(Subscribe::default()).start(start).everything();
    for missed in 1..=BEHIND {
        match subscription.next().await {
            Some(Received::Event(event)) if event.id.seq() == id.seq() + missed => {}
            other => return Err(format!("event {missed} after {id} is {other:?}").into()),
        }
    }
    Ok(begun.elapsed())
}

/// Leaves the log as a killed server does.
fn crash(path: &Path) -> Result<(), Failure> {
    let server = Server::start(System::Framework, path)?;
    Publisher::connect(server.address(), Audience::All)?.publish(1, 200)?;
    Ok(())
}

fn disk_mib(path: &Path) -> Result<f64, Failure> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(path)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        bytes += match metadata.is_dir() {
            true => (disk_mib(&entry.path())? * 1048576.0) as u64,
            false => metadata.len(),
        };
    }
    Ok(bytes as f64 / 1048576.0)
}

//! T3: what was acknowledged survives the loss of power; what was not synced yet may be lost, and
//! whoever saw it is told.
//!
//! The log lies on a file system of its own whose power is cut while a server works on it: what the
//! kernel had not written is gone. The ledger lies elsewhere. `SSE_POWER_ROUNDS` says how often,
//! `SSE_SEED` repeats a run. It needs root, to mount: where that is not to be had it says so, and
//! fails if `SSE_NEED_MOUNTS` is set.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is a test")]

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sse_framework::{Durability, Hub, Received, SledLog, SseEvent, Start, StartError, Subscribe};
use std::cell::Cell;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use support::directory::Directory;
use support::disk::{self, Disk};
use support::ledger::{Ledger, Loss};
use support::planted;
use support::random::{self, Random};
use support::server::Server;
use support::torture::{Doing, Torture, Verdict};

/// For each kind of log.
const LOSSES: u64 = 20;
/// After so many, it is judged, and begins again on an empty disk.
const ROUND: u64 = 10;
/// A file with holes: it takes what is written to it.
const DISK: u64 = 4 << 30;
/// How often the target syncs what is only buffered, and how much later that may be done on a busy
/// machine.
const SYNC_EVERY: Duration = Duration::from_millis(100);
const LATE: Duration = Duration::from_millis(400);

const SYNCED: Log =
    Log { options: &["--segment-bytes", "16384"], trims: false, doing: |n| Doing::of(n, false) };
const TRIMMED: Log = Log {
    options: &["--segment-bytes", "16384", "--keep-events", "300"],
    trims: true,
    doing: |n| Doing::of(n, true),
};
const BUFFERED: Log = Log {
    options: &["--segment-bytes", "65536", "--durability", "buffered"],
    trims: false,
    doing: |n| Doing::of(n, false),
};
/// Its segments are so large, and so little is published, that only time makes it sync.
const BY_TIME: Log =
    Log { options: &["--durability", "buffered"], trims: false, doing: |_| Doing::SinglePublish };

#[test]
fn an_acked_event_survives_power_loss() {
    if disk::may_mount("an_acked_event_survives_power_loss") {
        let mut verdict = lose_power(&SYNCED, |_, _| ());
        verdict.add(lose_power(&TRIMMED, |_, _| ()));
        verdict.demand_no_fault("lost power");
    }
}

#[test]
fn of_what_was_buffered_little_is_lost_and_who_saw_it_is_told() {
    if !disk::may_mount("of_what_was_buffered_little_is_lost_and_who_saw_it_is_told") {
        return;
    }
    for log in [&BUFFERED, &BY_TIME] {
        let (mut total, mut losses, mut late) = (Loss::default(), 0, 0);
        let verdict = lose_power(log, |torture, at| {
            let loss = torture.settle(at);
            total.acknowledged += loss.acknowledged;
            total.earliest = total.earliest.max(loss.earliest);
            losses += 1;
            late += u64::from(loss.earliest > SYNC_EVERY + LATE);
        });
        verdict.demand_no_fault("lost power, with buffered records");
        let Loss { acknowledged, earliest } = total;
        eprintln!(
            "{acknowledged} were lost, acknowledged at most {earliest:?} before; {late} of {losses} \
             times too long before"
        );
        // Now and then a disk takes longer. A log that does not sync is late in half of its lives:
        // they take up to a second and a half.
        assert!(late <= losses / 10, "{late} of {losses}, at most {earliest:?} before");
        assert!(acknowledged > 0 && verdict.gaps > 0, "nothing was lost: the test shows nothing");
    }
}

/// Much is written between two syncs, into segments of the usual size: the engine uses parts of its
/// file again.
#[tokio::test]
async fn what_was_synced_survives_also_when_much_is_published() {
    if !disk::may_mount("what_was_synced_survives_also_when_much_is_published") {
        return;
    }
    let mut random = Random::new(random::seed());
    let (mut published, mut kept, mut sure) = (0, 0, 0);
    for _ in 0..random::power_losses(LOSSES) / 4 {
        let directory = Directory::new();
        let mut disk = Disk::new(directory.path(), DISK);
        let data = disk.path().join("data");
        let (mut child, acknowledged) = publish_in_bulk(&data);
        std::thread::sleep(Duration::from_millis(3000 + random.below(2000) as u64));
        let lost_at = Instant::now();
        disk.lose_power();
        child.kill().unwrap();
        child.wait().unwrap();
        let acknowledged = acknowledged.join().unwrap();
        disk.start_again();
        // While a disk is slow, a sync takes as long as nothing is acknowledged.
        let slack = LATE + 2 * longest_pause(&acknowledged, lost_at);
        let is_safe = |(at, _): &&(Instant, u64)| *at + BULK_SYNC_EVERY + slack < lost_at;
        let safe = acknowledged.iter().rev().find(is_safe).map_or(0, |(_, seq)| *seq);
        published += acknowledged.last().map_or(0, |(_, seq)| *seq);
        let hub = open_bulk(&data, Durability::Synced).await.unwrap();
        let last = hub.last_event_id().seq();
        assert!(last >= safe, "{safe} were safe, {last} are there");
        let mut all = hub.subscribe(Subscribe::default()).start(Start::Oldest).everything();
        for seq in 1..=last {
            match all.next().await {
                Some(Received::Event(event)) => assert_eq!(event.id.seq(), seq),
                other => panic!("{other:?} in place of {seq}"),
            }
        }
        (kept, sure) = (kept + last, sure + safe);
        hub.shutdown().await.unwrap();
    }
    eprintln!("of {published} large events {kept} are there, and all {sure} that were safe");
    assert!(sure > 0, "nothing was due to be synced: the test shows nothing");
}

/// Between two acknowledgements before this, or between the last of them and this.
fn longest_pause(acknowledged: &[(Instant, u64)], until: Instant) -> Duration {
    let times = acknowledged.iter().map(|(at, _)| *at).filter(|at| *at < until);
    let times: Vec<Instant> = times.chain([until]).collect();
    let pauses = times.windows(2).map(|pair| pair[1] - pair[0]);
    pauses.max().unwrap_or_default()
}

/// The child of that test: it publishes as fast as it can, until it is killed.
#[tokio::test]
async fn publishes_in_bulk() {
    let Some(path) = std::env::var_os(CHILD) else { return };
    let durability = Durability::Buffered { sync_every: BULK_SYNC_EVERY };
    let hub = open_bulk(path.as_ref(), durability).await.unwrap();
    while let Ok(id) = hub.publish(Bulk { text: "x".repeat(60_000) }).await {
        println!("\nacked {}", id.seq());
    }
}

const CHILD: &str = "SSE_BULK_CHILD";
const BULK_SYNC_EVERY: Duration = Duration::from_millis(800);

#[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema, SseEvent)]
struct Bulk {
    text: String,
}

async fn open_bulk(path: &Path, durability: Durability) -> Result<Hub<Bulk>, StartError> {
    Hub::builder(SledLog::new(path).durability(durability)).start().await
}

/// What is acknowledged, and when.
fn publish_in_bulk(data: &Path) -> (Child, JoinHandle<Vec<(Instant, u64)>>) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "--nocapture", "publishes_in_bulk"])
        .env(CHILD, data)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let output = BufReader::new(child.stdout.take().unwrap());
    let acknowledged = std::thread::spawn(move || {
        let lines = output.lines().map_while(Result::ok);
        let seq = |line: String| line.strip_prefix("acked ")?.parse().ok();
        lines.filter_map(|line| Some((Instant::now(), seq(line)?))).collect()
    });
    (child, acknowledged)
}

#[test]
fn every_planted_fault_is_caught() {
    if disk::may_mount("every_planted_fault_is_caught") {
        let synced = "an_acked_event_survives_power_loss";
        let buffered = "of_what_was_buffered_little_is_lost_and_who_saw_it_is_told";
        for (fault, test) in [("ack-before-sync", synced), ("epoch-reused", buffered)] {
            let caught = planted::is_caught(fault, test, &[("SSE_POWER_ROUNDS", "20")]);
            assert!(caught, "{fault}");
        }
    }
}

struct Log {
    options: &'static [&'static str],
    trims: bool,
    /// What it is struck in.
    doing: fn(u64) -> Doing,
}

/// As often as is asked for; `after` is called when the disk has power again.
fn lose_power(log: &Log, mut after: impl FnMut(&mut Torture, Instant)) -> Verdict {
    let (losses, mut random) = (random::power_losses(LOSSES), Random::new(random::seed()));
    let mut verdict = Verdict::default();
    for first in (0..losses).step_by(ROUND as usize) {
        let directory = Directory::new();
        let mut disk = Disk::new(directory.path(), DISK);
        let (data, seed) = (disk.path().join("data"), random.bits());
        let ledger = if log.trims { Ledger::of_a_log_that_trims() } else { Ledger::default() };
        let torture = Torture::new(data, directory.path(), ledger, log.options, seed);
        let mut torture = torture.whose_disk_fails();
        for loss in first..losses.min(first + ROUND) {
            let at = strike(&mut torture, (log.doing)(loss), &mut disk);
            after(&mut torture, at);
        }
        verdict.add(torture.judge());
        drop(disk);
        directory.keep_if(!verdict.faults.is_empty());
    }
    verdict
}

/// Loses power, and starts the machine again. When that was.
fn strike(torture: &mut Torture, doing: Doing, disk: &mut Disk) -> Instant {
    let lost_at = Cell::new(Instant::now());
    torture.strike(doing, &mut |server: Server| {
        let log = server.log();
        lost_at.set(Instant::now());
        disk.lose_power();
        server.kill();
        log
    });
    disk.start_again();
    lost_at.get()
}

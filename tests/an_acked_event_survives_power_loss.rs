//! T3: what was acknowledged survives the loss of power; what was not synced yet may be lost, and
//! whoever saw it is told.
//!
//! The log lies on a file system of its own whose power is cut while a server works on it: what the
//! kernel had not written is gone. The ledger lies elsewhere. `SSE_POWER_ROUNDS` says how often,
//! `SSE_SEED` repeats a run. It needs root, to mount: where that is not to be had it says so, and
//! fails if `SSE_NEED_MOUNTS` is set.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is a test")]

use std::cell::Cell;
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

const SYNCED: Log = Log { options: &["--segment-bytes", "16384"], trims: false };
const TRIMMED: Log =
    Log { options: &["--segment-bytes", "16384", "--keep-events", "300"], trims: true };
const BUFFERED: Log =
    Log { options: &["--segment-bytes", "65536", "--durability", "buffered"], trims: false };

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
    let mut total = Loss::default();
    let verdict = lose_power(&BUFFERED, |torture, at| {
        let loss = torture.settle(at);
        total.acknowledged += loss.acknowledged;
        total.earliest = total.earliest.max(loss.earliest);
    });
    verdict.demand_no_fault("lost power, with buffered records");
    let Loss { acknowledged, earliest } = total;
    eprintln!("{acknowledged} were lost, acknowledged at most {earliest:?} before");
    assert!(earliest <= SYNC_EVERY + LATE);
    assert!(acknowledged > 0 && verdict.gaps > 0, "nothing was lost: the test shows nothing");
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
            let at = strike(&mut torture, Doing::of(loss, log.trims), &mut disk);
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

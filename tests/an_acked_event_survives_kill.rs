//! T2: what was acknowledged survives `kill -9`, and no client is shown anything else.
//!
//! A server in a process of its own is killed again and again, while it works and while it starts,
//! and started again on the same directory. `SSE_KILLS` says how often, `SSE_SEED` repeats a run.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is a test")]

use support::directory::Directory;
use support::ledger::Ledger;
use support::planted;
use support::random::{self, Random};
use support::server::Server;
use support::torture::{Doing, Torture, Verdict};

const KILLS: u64 = 50;
/// After so many, it is judged, and begins again with an empty log.
const ROUND: u64 = 25;

#[test]
fn an_acked_event_survives_kill() {
    let verdict = kill(&["--segment-bytes", "65536"], Ledger::default, false);
    verdict.demand_no_fault("killed");
}

#[test]
fn who_was_away_too_long_is_told_and_nobody_else_misses_anything() {
    let options = ["--segment-bytes", "16384", "--keep-events", "300"];
    let verdict = kill(&options, Ledger::of_a_log_that_trims, true);
    verdict.demand_no_fault("killed, with retention");
    assert!(verdict.gaps > 0, "nobody was away long enough: the test shows nothing");
}

#[test]
fn every_planted_fault_is_caught() {
    for fault in ["cursor-off-by-one", "replay-without-filter"] {
        let caught =
            planted::is_caught(fault, "an_acked_event_survives_kill", &[("SSE_KILLS", "10")]);
        assert!(caught, "{fault}");
    }
}

/// In every other round, records are synced only now and then, since the system outlives the process,
/// and the server is axum's.
fn kill(options: &[&str], ledger: fn() -> Ledger, trims: bool) -> Verdict {
    let (kills, mut random) = (random::kills(KILLS), Random::new(random::seed()));
    let mut verdict = Verdict::default();
    for round in 0..kills.div_ceil(ROUND) {
        let directory = Directory::new();
        let (durability, server) =
            [("synced", "framework"), ("buffered", "axum")][round as usize % 2];
        let options = [options, &["--durability", durability, "--server", server]].concat();
        let (data, seed) = (directory.path().join("data"), random.bits());
        let mut torture = Torture::new(data, directory.path(), ledger(), &options, seed);
        for kill in round * ROUND..kills.min((round + 1) * ROUND) {
            torture.strike(Doing::of(kill, trims), &mut Server::kill);
        }
        verdict.add(torture.judge());
        directory.keep_if(!verdict.faults.is_empty());
    }
    verdict
}

//! T2: what was acknowledged survives `kill -9`, and no client is shown anything else.
//!
//! A server in a process of its own is killed again and again, while it works and while it starts,
//! and started again on the same directory. `SSE_KILLS` says how often, `SSE_SEED` repeats a run.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is a test")]

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use support::client::Client;
use support::directory::Directory;
use support::http::{self, Request};
use support::ledger::Ledger;
use support::planted;
use support::random::{self, Random};
use support::server::{Server, loadtarget};
use support::torture::{Doing, Torture, Verdict};

const KILLS: u64 = 50;
/// After so many, it is judged, and begins again with an empty log.
const ROUND: u64 = 25;

#[test]
fn an_acked_event_survives_kill() {
    let verdict = kill(&["--segment-bytes", "65536"], Ledger::default, false);
    verdict.demand_no_fault("killed");
    assert!(verdict.closed > 0, "no topic was closed: the test shows less than it should");
}

#[test]
fn who_was_away_too_long_is_told_and_nobody_else_misses_anything() {
    let options = ["--segment-bytes", "16384", "--keep-events", "300"];
    let verdict = kill(&options, Ledger::of_a_log_that_trims, true);
    verdict.demand_no_fault("killed, with retention");
    assert!(verdict.gaps > 0, "nobody was away long enough: the test shows nothing");
}

/// Opaque ids, whose order nobody can see: what a client was shown is a part of the history without a
/// hole, and what was acknowledged has the id there that it was acknowledged with.
#[test]
fn opaque_ids_mean_the_same_after_a_kill() {
    let (kills, mut random) = (random::kills(KILLS).min(ROUND), Random::new(random::seed()));
    let directory = Directory::new();
    let data = directory.path().join("data").display().to_string();
    let options = ["--data", &data, "--segment-bytes", "65536", "--ids", "opaque"];
    let start = || Server::start(loadtarget(), &options, &directory.path().join("server.log"));
    let (mut acked, mut shown, mut last_event_id) = (Vec::new(), Vec::new(), String::new());
    for _ in 0..kills {
        let server = start();
        let address = server.address();
        let client = Client::connect(address, "/events", &last_event_id);
        client.wait("sse-open", |seen| !seen.events.is_empty());
        let life = Duration::from_millis(20 + random.below(300) as u64);
        std::thread::scope(|scope| {
            scope.spawn(|| while publish(address, &mut acked).is_ok() {});
            std::thread::sleep(life);
            server.kill();
        });
        let seen = client.ended();
        let open: serde_json::Value = serde_json::from_str(&seen.events[0].data).unwrap();
        assert_eq!(open["resumed"], !last_event_id.is_empty(), "{:?}", seen.events[0]);
        assert!(seen.named("sse-gap").is_empty(), "{:?}", seen.named("sse-gap"));
        shown.extend(seen.ordinary().map(|event| (event.id.clone(), event.data.clone())));
        last_event_id = seen.last_event_id;
    }
    let server = start();
    publish(server.address(), &mut acked).unwrap();
    let (newest, _) = acked.last().unwrap().clone();
    let rest = Client::connect(server.address(), "/events", &last_event_id);
    let rest = rest.wait("the rest", |seen| seen.last_event_id == newest);
    shown.extend(rest.ordinary().map(|event| (event.id.clone(), event.data.clone())));
    let all = Client::connect(server.address(), "/events?last_event_id=earliest", "");
    let all = all.wait("the history", |seen| seen.last_event_id == newest);
    let history: Vec<_> =
        all.ordinary().map(|event| (event.id.clone(), event.data.clone())).collect();
    assert_eq!(shown, history);
    let ids: BTreeMap<_, _> = history.iter().cloned().collect();
    assert_eq!(ids.len(), history.len(), "an id for two events");
    assert!(acked.iter().all(|(id, data)| ids.get(id) == Some(data)));
    eprintln!("{kills} kills, {} acknowledged, {} shown", acked.len(), shown.len());
}

/// Publishes an event that was never published before, and notes its id.
fn publish(address: SocketAddr, acked: &mut Vec<(String, String)>) -> std::io::Result<()> {
    static NUMBERS: AtomicU64 = AtomicU64::new(0);
    let n = NUMBERS.fetch_add(1, Ordering::Relaxed);
    let data = format!(r#"{{"n":{n},"t":0,"p":"{}"}}"#, "x".repeat(n as usize % 500));
    let answer = http::send(address, &Request::new("POST", "/publish").body(data.clone()))?;
    assert_eq!(answer.head.status, 200, "{}", answer.text());
    acked.push((answer.text().trim_end().to_owned(), data));
    Ok(())
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
        if !trims {
            torture = torture.that_closes_topics();
        }
        for kill in round * ROUND..kills.min((round + 1) * ROUND) {
            torture.strike(Doing::of(kill, trims), &mut Server::kill);
        }
        verdict.add(torture.judge());
        directory.keep_if(!verdict.faults.is_empty());
    }
    verdict
}

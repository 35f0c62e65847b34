//! T2: what was acknowledged survives `kill -9`, and no client is shown anything else.
//!
//! A server in a process of its own is killed again and again, while it works and while it starts,
//! and started again on the same directory. `SSE_KILLS` says how often, `SSE_SEED` repeats a run.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is a test")]

use std::collections::{BTreeMap, HashMap};
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

/// Who gets no answer tries again with the same key, and does not know whether the first attempt was
/// stored: it is in the log once, and has one id for as long as anybody asks. In every other round the log
/// keeps little, so that the segments are gone in which many keys were stored.
#[test]
fn a_publish_that_is_tried_again_is_stored_once() {
    let (kills, mut random) = (random::kills(KILLS), Random::new(random::seed()));
    for round in 0..kills.div_ceil(ROUND) {
        let directory = Directory::new();
        let data = directory.path().join("data").display().to_string();
        let (durability, kept) = [("synced", "1000000"), ("buffered", "200")][round as usize % 2];
        let options = ["--data", &data, "--segment-bytes", "16384", "--keep-events", kept];
        let options = [&options[..], &["--durability", durability]].concat();
        let start = || Server::start(loadtarget(), &options, &directory.path().join("server.log"));
        let mut insistent: Vec<_> = (0..4).map(|n| Insistent::new(n + 1, random.bits())).collect();
        for kill in round * ROUND..kills.min((round + 1) * ROUND) {
            let server = start();
            let address = server.address();
            if kill == round * ROUND {
                // However short its life is: there is something to ask for again.
                insistent.iter_mut().for_each(|publisher| publisher.go_on(address).unwrap());
            }
            let life = Duration::from_millis(20 + random.below(400) as u64);
            std::thread::scope(|scope| {
                for publisher in &mut insistent {
                    scope.spawn(move || while publisher.go_on(address).is_ok() {});
                }
                std::thread::sleep(life);
                server.kill();
            });
        }
        let server = start();
        let address = server.address();
        insistent.iter_mut().for_each(|publisher| publisher.finish(address));
        let mut end = Vec::new();
        publish(address, &mut end).unwrap();
        let (newest, end) = end.remove(0);
        let all = Client::connect(address, "/events?last_event_id=earliest", "");
        let all = all.wait("the history", |seen| seen.last_event_id == newest);
        let mut times: HashMap<String, Vec<String>> = HashMap::new();
        for event in all.ordinary().filter(|event| event.data != end) {
            times.entry(event.data.clone()).or_default().push(event.id.clone());
        }
        let twice: Vec<_> = times.iter().filter(|(_, ids)| ids.len() > 1).collect();
        assert!(twice.is_empty(), "stored twice: {twice:#?}");
        let mut found = 0;
        for (payload, id) in insistent.iter().flat_map(|publisher| &publisher.acked) {
            if let Some(ids) = times.get(payload) {
                assert_eq!(ids, std::slice::from_ref(id));
                found += 1;
            }
        }
        assert_eq!(found, times.len(), "nothing is there that nobody published");
        let acked: usize = insistent.iter().map(|publisher| publisher.acked.len()).sum();
        assert!(kept == "200" || found == acked, "{found} of {acked}");
        let again: u64 = insistent.iter().map(|publisher| publisher.again).sum();
        let in_doubt: u64 = insistent.iter().map(|publisher| publisher.in_doubt).sum();
        eprintln!("{acked} acknowledged, {found} kept, {again} asked again, {in_doubt} in doubt");
        assert!(again > 0 && in_doubt > 0, "the test shows nothing");
    }
}

/// Publishes one event after the other, each with a key, until it is acknowledged.
struct Insistent {
    number: u64,
    random: Random,
    /// Payloads and ids; the key of each is its place.
    acked: Vec<(String, String)>,
    /// How often something was published again that had been acknowledged.
    again: u64,
    /// How often there was no answer.
    in_doubt: u64,
}

impl Insistent {
    fn new(number: u64, seed: u64) -> Self {
        Insistent { number, random: Random::new(seed), acked: Vec::new(), again: 0, in_doubt: 0 }
    }

    /// Publishes the next event, or one that has been acknowledged before.
    fn go_on(&mut self, address: SocketAddr) -> std::io::Result<()> {
        if self.random.below(4) == 0 && !self.acked.is_empty() {
            let old = self.random.below(self.acked.len());
            return self.ask_again(old, address);
        }
        // The same each time that it is tried.
        let n = self.acked.len();
        let padding = "x".repeat(n * 7919 % 500);
        let payload = format!(r#"{{"n":{n},"t":{},"p":"{padding}"}}"#, self.number);
        let answer = self.publish(n, &payload, address);
        self.in_doubt += u64::from(answer.is_err());
        self.acked.push((payload, answer?));
        Ok(())
    }

    fn ask_again(&mut self, old: usize, address: SocketAddr) -> std::io::Result<()> {
        let (payload, id) = self.acked[old].clone();
        assert_eq!(self.publish(old, &payload, address)?, id, "another id than the first time");
        self.again += 1;
        Ok(())
    }

    fn publish(&self, n: usize, payload: &str, address: SocketAddr) -> std::io::Result<String> {
        let key = format!("\"{}-{n}\"", self.number);
        let request = Request::new("POST", "/publish").header("Idempotency-Key", key);
        let answer = http::send(address, &request.body(payload))?;
        assert_eq!(answer.head.status, 200, "{}", answer.text());
        Ok(answer.text().trim_end().to_owned())
    }

    /// Asks for everything again, and publishes once more.
    fn finish(&mut self, address: SocketAddr) {
        (0..self.acked.len()).for_each(|old| self.ask_again(old, address).unwrap());
        let before = self.acked.len();
        while self.acked.len() == before {
            self.go_on(address).unwrap();
        }
    }
}

#[test]
fn every_planted_fault_is_caught() {
    for (fault, test) in [
        ("cursor-off-by-one", "an_acked_event_survives_kill"),
        ("replay-without-filter", "an_acked_event_survives_kill"),
        ("key-not-kept", "a_publish_that_is_tried_again_is_stored_once"),
    ] {
        let caught = planted::is_caught(fault, test, &[("SSE_KILLS", "10")]);
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

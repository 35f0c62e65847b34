//! T7: clients that read slowly, or not at all, or break off in the middle, or vanish, cost the
//! others nothing.
//!
//! `SSE_BAD_CLIENTS` says how many there are of them, and `SSE_SECONDS` for how long.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is a test")]

use std::time::Duration;
use support::bad::BadClients;
use support::load::{self, Publisher, Watcher, quantiles};
use support::random::figure;
use support::served::Server;

support::by_every_server!(bad_clients_cost_the_others_nothing);

const HEALTHY: usize = 100;
const MINUTE: Duration = Duration::from_secs(60);
const EVENT_BYTES: usize = 20_000;
const INTERVAL: Duration = Duration::from_millis(100);
/// So much is in memory; who is further behind reads from the log.
const TAIL_EVENTS: usize = 100;
/// What the system takes for a client that takes nothing. Of its own accord it takes megabytes, for all
/// together more than it gives to TCP, and then lets everybody wait.
const SEND_BUFFER: usize = 64 << 10;
/// With fewer latencies there is nothing to compare.
const ENOUGH: u64 = 20;

fn bad_clients_cost_the_others_nothing(by: Server) {
    let count = usize::try_from(figure("SSE_BAD_CLIENTS", 1000)).unwrap();
    let time = Duration::from_secs(figure("SSE_SECONDS", 20));
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let (tail, buffer) = (TAIL_EVENTS.to_string(), SEND_BUFFER.to_string());
    let options = ["--data", data.to_str().unwrap(), "--tail-events", &tail];
    let options = [&options[..], &["--send-buffer", &buffer]].concat();
    let server = load::start(by, &options, &directory.path().join("log"));

    let healthy: Vec<_> = (0..HEALTHY).map(|_| Watcher::connect(server.address(), 0)).collect();
    let publishing = Publisher::new(server.address(), EVENT_BYTES).every(INTERVAL);
    std::thread::sleep(time / 5);
    publishing.reach(ENOUGH);
    healthy.iter().for_each(|client| client.reach(ENOUGH));
    let alone = latencies(&healthy);
    let memory = server.resident();

    let mut bad = BadClients::connect(server.address(), count);
    healthy.iter().for_each(Watcher::restart);
    publishing.restart();
    let began = publishing.published();
    std::thread::sleep(time);
    publishing.reach(began + ENOUGH);
    healthy.iter().for_each(|client| client.reach(began + ENOUGH));
    let beside = latencies(&healthy);
    let growth = server.resident().saturating_sub(memory);
    bad.rest();
    let publisher = publishing.stop();
    let (published, longest) = (publisher.published(), publisher.longest());
    healthy.iter().for_each(|client| client.reach(published));

    println!(
        "{}: {HEALTHY} clients, {published} events of {EVENT_BYTES} bytes; latency (50 %, 99 %, \
         longest) alone {alone:?}, beside {count} bad ones {beside:?}, ratio of the 99 % {:.1}; \
         slowest answer to a publish {longest:?}; memory {memory} + {growth} KiB; {} resets",
        by.name(),
        beside[1].as_secs_f64() / alone[1].as_secs_f64(),
        bad.resets(),
    );
    let most = Duration::from_secs(1).max(alone[1] * 10);
    assert!(beside[0] < most, "{beside:?}, {alone:?}");
    // An event that waits for the disk is late for everybody.
    assert!(beside[1] < most + longest, "{beside:?}, {alone:?}, {longest:?}");
    // What is in memory anyway, the pages of all together, and for each an event and what a connection
    // costs.
    let most = TAIL_EVENTS * EVENT_BYTES + (32 << 20) + count * (EVENT_BYTES + (28 << 10));
    assert!(growth << 10 < most, "{growth} KiB for {count} clients");

    let during = (published - began) as usize * EVENT_BYTES;
    let stalled = server.queued().into_iter().filter(|queued| *queued > 0);
    let stalled: Vec<usize> = stalled.collect();
    let most = stalled.iter().max().copied().unwrap_or(0);
    println!("{} do not take what is there: {most} of {during} bytes at most", stalled.len());
    // After a minute, those that take nothing may be let go.
    assert!(stalled.len() >= count / 4 || time > MINUTE, "{} stalled", stalled.len());
    assert!(most < during / 4 * 3, "{most} of {during}: nobody was slow, the test shows nothing");
}

fn latencies(clients: &[Watcher]) -> [Duration; 3] {
    quantiles(clients.iter().flat_map(|client| client.seen().latencies))
}

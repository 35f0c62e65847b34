//! A soak, on demand: clients that stay, that are killed and come back, that stall, that come and
//! go, while segments are rolled and trimmed. Nothing is lost, and nothing grows.
//!
//! ```sh
//! SSE_SECONDS=600 cargo nextest run -p sse-framework-tests --all-features \
//!     --run-ignored only --no-capture it_goes_on_and_on
//! ```
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is a test")]

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use support::bad::BadClients;
use support::load::{self, Publisher, Watched, Watcher, quantiles};
use support::random::{Random, figure, seed};
use support::raw::Raw;
use support::served::Server;

support::by_every_server!(
    #[ignore = "it takes minutes"]
    it_goes_on_and_on,
);

const STAY: usize = 20;
const COME_BACK: usize = 20;
const BAD: usize = 100;
const PADDING: usize = 1000;
const INTERVAL: Duration = Duration::from_millis(4);
/// Segments of 1 MiB, some of which are kept: each is rolled and trimmed within a minute.
const LOG: [&str; 6] =
    ["--segment-bytes", "1048576", "--keep-events", "5000", "--tail-events", "1000"];
const KEPT: u64 = 5000;

fn it_goes_on_and_on(by: Server) {
    let time = Duration::from_secs(figure("SSE_SECONDS", 600));
    let seed = seed();
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let options = [&["--data", data.to_str().unwrap()], &LOG[..]].concat();
    let server = load::start(by, &options, &directory.path().join("log"));
    let address = server.address();
    let stay: Vec<_> = (0..STAY).map(|_| Watcher::connect(address, 0)).collect();
    let publishing = Publisher::new(address, PADDING).every(INTERVAL);
    let mut bad = BadClients::connect(address, BAD);
    let (over, came) = (AtomicBool::new(false), AtomicU64::new(0));
    let mut figures = Vec::new();
    std::thread::scope(|scope| {
        for n in 0..COME_BACK {
            let random = Random::new(seed + n as u64);
            let (over, came) = (&over, &came);
            scope.spawn(move || come_back(address, over, came, random));
        }
        scope.spawn(|| come_and_go(address, &over, &came, Random::new(seed + 1000)));
        let began = Instant::now();
        // Before that, what is kept is not full, and memory grows as it should.
        while began.elapsed() < time || publishing.published() < 4 * KEPT {
            std::thread::sleep(time / 12);
            let latencies = quantiles(stay.iter().flat_map(|client| client.seen().latencies));
            stay.iter().for_each(Watcher::restart);
            let (memory, descriptors) = (server.resident(), server.descriptors());
            println!(
                "{}, {:?}: {} events, {} connections, {} resets; memory {memory} KiB, \
                 {descriptors} descriptors; latency (50 %, 99 %, longest) {latencies:?}",
                by.name(),
                began.elapsed(),
                publishing.published(),
                came.load(Ordering::Relaxed),
                bad.resets(),
            );
            figures.push((memory, descriptors));
        }
        over.store(true, Ordering::Relaxed);
    });
    bad.rest();
    let published = publishing.stop().published();
    stay.iter().for_each(|client| client.reach(published));
    let log = std::fs::read_dir(&data).unwrap().count();
    println!("{}: {published} events, all seen in order; {log} entries in the log", by.name());
    // By then all that comes has come once, and what is kept is full.
    let half = figures.len() / 2;
    let most = |part: &[(usize, usize)]| {
        let memory = part.iter().map(|(memory, _)| *memory).max().unwrap();
        (memory, part.iter().map(|(_, descriptors)| *descriptors).max().unwrap())
    };
    let (first, second) = (most(&figures[1..half]), most(&figures[half..]));
    assert!(second.0 < first.0 + first.0 / 5, "memory grows: {figures:?}");
    assert!(second.1 < first.1 + 50, "descriptors grow: {figures:?}");
}

/// Stays for a while, is killed, and goes on where it was.
fn come_back(address: SocketAddr, over: &AtomicBool, came: &AtomicU64, mut random: Random) {
    let mut seen = Watched { last_event_id: "earliest".to_owned(), ..Watched::default() };
    while !over.load(Ordering::Relaxed) {
        let client = Watcher::resume(address, seen);
        came.fetch_add(1, Ordering::Relaxed);
        std::thread::sleep(Duration::from_millis(random.below(2000) as u64));
        seen = Watched { latencies: Vec::new(), ..client.leave() };
        // Not for longer than what is kept lasts.
        std::thread::sleep(Duration::from_millis(random.below(1500) as u64));
    }
}

fn come_and_go(address: SocketAddr, over: &AtomicBool, came: &AtomicU64, mut random: Random) {
    while !over.load(Ordering::Relaxed) {
        let mut client = Raw::open(address);
        client.get("/events");
        client.exactly(1 + random.below(2000));
        came.fetch_add(1, Ordering::Relaxed);
        if random.below(2) == 0 {
            client.reset();
        }
    }
}

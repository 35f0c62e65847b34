//! T8: connections come and go, and the server is afterwards as it was before.
//!
//! `SSE_CONNECTIONS` says how many there are, for each server.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is a test")]

use std::net::SocketAddr;
use std::time::{Duration, Instant};
use support::load::{self, Publisher, Watcher};
use support::random::{Random, figure, seed};
use support::raw::Raw;
use support::served::{Server, eventually};

support::by_every_server!(clients_that_go_leave_nothing);

const AT_ONCE: u64 = 8;

fn clients_that_go_leave_nothing(by: Server) {
    let connections = figure("SSE_CONNECTIONS", 15_000);
    let seed = seed();
    let directory = tempfile::tempdir().unwrap();
    let server =
        load::start(by, &["--memory", "--keep-events", "1000"], &directory.path().join("log"));
    let address = server.address();
    let watcher = Watcher::connect(address, 0);
    let publishing = Publisher::new(address, 100).every(Duration::from_millis(2));

    // The first ones bring the server to its working size.
    come_and_go(address, connections / 3, seed);
    std::thread::sleep(Duration::from_secs(1));
    let (memory, descriptors) = (server.resident(), server.descriptors());
    let began = Instant::now();
    come_and_go(address, connections, seed + AT_ONCE);
    let took = began.elapsed();
    eventually("descriptors are closed", || server.descriptors() <= descriptors);
    let growth = server.resident().saturating_sub(memory);
    let publisher = publishing.stop();
    watcher.reach(publisher.published());
    println!(
        "{}: {connections} connections in {took:?} beside {} events; memory {memory} + {growth} \
         KiB, {descriptors} descriptors before and after",
        by.name(),
        publisher.published(),
    );
    assert!(growth < 4096 + memory / 5, "{growth} KiB more than {memory}");
}

fn come_and_go(address: SocketAddr, connections: u64, seed: u64) {
    std::thread::scope(|scope| {
        for visitor in 0..AT_ONCE {
            let random = Random::new(seed + visitor);
            scope.spawn(move || visit(address, connections / AT_ONCE, random));
        }
    });
}

/// Comes, reads more or less, and goes in one way or another.
fn visit(address: SocketAddr, times: u64, mut random: Random) {
    for _ in 0..times {
        let mut client = Raw::open(address);
        match random.below(8) {
            0 => {}
            1 => client.send("GET /events HTT"),
            2 => client.get("/events"),
            _ => {
                client.get("/events");
                // Into the head, or into an event: these come all the time.
                client.exactly(1 + random.below(1000));
            }
        }
        if random.below(2) == 0 {
            client.reset();
        }
    }
}

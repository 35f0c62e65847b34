//! Growth with the number of subscribers.

use crate::Failure;
use crate::figure::Figure::{CpuPerDelivery, DeliveriesPerS, P50, P99, PerConnection};
use crate::figure::Outcome;
use crate::load::Pace;
use crate::options::Options;
use crate::report::{Table, number};
use crate::run::{idle, run_flow};
use crate::scenario::Flow;
use crate::server::Server;
use crate::system::System;
use std::fs;
use std::time::Duration;

/// Deliveries in a second, for every number of subscribers.
const DELIVERIES: f64 = 50_000.0;

pub(super) fn measure(options: &Options) -> Result<(Table, bool), Failure> {
    let mut table = Table::new(
        "Subscribers",
        &[
            "subscribers",
            "user KiB each",
            "kernel KiB each",
            "paced: CPU µs/delivery",
            "of the floor",
            "paced: p50 ms",
            "paced: p99 ms",
            "closed: deliveries/s",
            "closed: CPU µs/delivery",
        ],
    );
    let counts: &[usize] = if options.quick { &[10, 50] } else { &[100, 1_000, 5_000, 15_000] };
    let mut right = true;
    for count in counts {
        eprintln!("{count} subscribers");
        let (idle, kernel) = memory(options, *count)?;
        let rate = Some(DELIVERIES / *count as f64);
        let paced = flow(options, System::Framework, *count, rate)?;
        let floor = flow(options, System::Floor, *count, rate)?;
        let closed = flow(options, System::Framework, *count, None)?;
        right &= ![&idle, &paced, &closed].iter().any(|outcome| outcome.faults.any());
        let figure = |outcome: &Outcome, figure| {
            outcome.figures.get(&figure).map_or("-".to_owned(), |value| number(*value))
        };
        let limit = if closed.load_was_the_limit() { " ★" } else { "" };
        table.row([
            number(*count as f64),
            figure(&idle, PerConnection),
            // Fewer are lost in what the kernel does besides.
            if *count < 1_000 { "-".to_owned() } else { number(kernel) },
            figure(&paced, CpuPerDelivery),
            figure(&floor, CpuPerDelivery),
            figure(&paced, P50),
            figure(&paced, P99),
            figure(&closed, DeliveriesPerS) + limit,
            figure(&closed, CpuPerDelivery),
        ]);
    }
    Ok((table, right))
}

fn flow(
    options: &Options,
    system: System,
    subscribers: usize,
    rate: Option<f64>,
) -> Result<Outcome, Failure> {
    let window = if rate.is_some() { None } else { Some(32) };
    let pace = Pace { rate, window, batch: 1, least: 0, payload: 200 };
    let time = Duration::from_secs_f64(if options.quick { 0.3 } else { 4.0 });
    let flow = Flow { subscribers, pace, time, topics: false, stall: false };
    on_fresh_server(options, system, |server| run_flow(server, flow))
}

/// What a connection takes that waits: of the server, and of the kernel for one end of it.
fn memory(options: &Options, connections: usize) -> Result<(Outcome, f64), Failure> {
    on_fresh_server(options, System::Framework, |server| {
        let before = kernel_kib()?;
        let (outcome, after) = idle(server, connections, kernel_kib)?;
        // The client's end of each connection is on this machine, too.
        Ok((outcome, (after? - before) / connections as f64 / 2.0))
    })
}

fn on_fresh_server<T>(
    options: &Options,
    system: System,
    run: impl FnOnce(&Server) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let directory = tempfile::Builder::new().prefix("growth-").tempdir_in(&options.data)?;
    run(&Server::start(system, directory.path())?)
}

/// What the kernel's own structures take, of which sockets and their files are a part.
fn kernel_kib() -> Result<f64, Failure> {
    let memory = fs::read_to_string("/proc/meminfo")?;
    let line = memory.lines().find_map(|line| line.strip_prefix("Slab:"));
    let value = line.and_then(|line| line.split_whitespace().next());
    Ok(value.ok_or("/proc/meminfo has no Slab")?.parse()?)
}

//! One run: a system, a load, and what came of it.

use crate::Failure;
use crate::direct;
use crate::figure::{Faults, Figure, Outcome};
use crate::load::{Audience, Crowd, Publisher, Publishing, now_ns};
use crate::meter::own_cpu;
use crate::scenario::{Flow, Plan};
use crate::server::Server;
use crate::system::System;
use std::path::Path;
use std::time::{Duration, Instant};

/// With nothing received for so long, what has not come is lost.
const SILENCE: Duration = Duration::from_secs(3);
/// What a server may take to calm down after thousands have connected.
const CALM: Duration = Duration::from_millis(300);

/// Runs a fresh server, with its log in a fresh directory under `data`.
pub(crate) fn run(system: System, plan: Plan, data: &Path) -> Result<Outcome, Failure> {
    let directory = tempfile::Builder::new().prefix("bench-").tempdir_in(data)?;
    let data = directory.path();
    match plan {
        Plan::Flow(flow) if system == System::Disk => direct::latency(flow, data),
        Plan::Flow(flow) => run_flow(&Server::start(system, data)?, flow),
        Plan::Idle { connections } => {
            Ok(idle(&Server::start(system, data)?, connections, || ())?.0)
        }
        Plan::Storm { clients, behind, restarted } => {
            let mut server = Server::start(system, data)?;
            let mut publisher = Publisher::connect(server.address(), Audience::All)?;
            let first = publisher.publish(1, 200)?;
            for _ in 0..behind {
                publisher.publish(1, 200)?;
            }
            // What is kept in memory only would not be there.
            if restarted && system.is_ours() {
                drop(publisher);
                server.stop()?;
                server = Server::start(system, data)?;
            }
            storm(&server, clients, behind, first.trim())
        }
    }
}

/// Publishes to subscribers, and waits until all have everything.
pub(crate) fn run_flow(server: &Server, flow: Flow) -> Result<Outcome, Failure> {
    let audience = match flow.topics {
        true => Audience::OneOf(flow.subscribers),
        false => Audience::All,
    };
    let (mut crowd, meter) = (Crowd::new(audience)?, server.meter());
    crowd.open(server.address(), flow.subscribers, None)?;
    let publisher = Publisher::connect(server.address(), audience)?;
    crowd.rest(CALM)?;
    if flow.stall {
        crowd.stall()?;
    }
    let (cpu, own, begun) = (meter.cpu_times()?, own_cpu()?, Instant::now());
    let began_ns = now_ns();
    let publishing = Publishing::start(publisher, flow.pace, flow.time);
    while !publishing.is_finished() {
        crowd.turn(Duration::from_millis(10))?;
        if flow.pace.window.is_some() {
            publishing.complete(crowd.least());
        }
    }
    let published = publishing.published();
    publishing.finish()?;
    if flow.stall {
        crowd.resume()?;
    }
    let expected = published * if flow.topics { 1 } else { flow.subscribers as u64 };
    wait_for(&mut crowd, expected)?;
    let cpu = meter.cpu_since(&cpu)?;

    let tally = crowd.tally();
    let mut outcome = Outcome { faults: Faults::of(tally, expected), ..Outcome::default() };
    outcome.load = (own_cpu()? - own).as_secs_f64() / begun.elapsed().as_secs_f64();
    outcome.set_latency(&tally.latency);
    outcome.set_cpu(Figure::CpuPerDelivery, cpu, tally.received);
    outcome.set_cpu(Figure::CpuPerPublish, cpu, published);
    let seconds = tally.latest_ns.saturating_sub(began_ns) as f64 / 1e9;
    outcome.set(Figure::DeliveriesPerS, tally.received as f64 / seconds.max(1e-9));
    outcome.set(Figure::Resident, meter.resident_kib()? as f64 / 1024.0);
    if let Some(received) = crowd.stalled_received() {
        outcome.set(Figure::LostByStalled, published.saturating_sub(received) as f64);
    }
    Ok(outcome)
}

/// Opens connections, lets them wait, and has a look at them.
pub(crate) fn idle<T>(
    server: &Server,
    connections: usize,
    look: impl FnOnce() -> T,
) -> Result<(Outcome, T), Failure> {
    let (mut crowd, meter) = (Crowd::new(Audience::All)?, server.meter());
    // What the first connection needs is not what each of them needs.
    crowd.open(server.address(), 1, None)?;
    crowd.rest(CALM)?;
    let (cpu, before) = (meter.cpu_times()?, meter.resident_kib()?);
    crowd.open(server.address(), connections, None)?;
    crowd.rest(CALM * 3)?;
    let grown = meter.resident_kib()?.saturating_sub(before);
    let faults = Faults::of(crowd.tally(), 0);
    let mut outcome = Outcome { faults, ..Outcome::default() };
    outcome.set(Figure::PerConnection, grown as f64 / connections as f64);
    outcome.set_cpu(Figure::CpuPerClient, meter.cpu_since(&cpu)?, connections as u64);
    Ok((outcome, look()))
}

/// Clients come at once and want what they have missed.
fn storm(server: &Server, clients: usize, behind: u64, id: &str) -> Result<Outcome, Failure> {
    let (mut crowd, meter) = (Crowd::new(Audience::All)?, server.meter());
    let (cpu, own, begun, began_ns) = (meter.cpu_times()?, own_cpu()?, Instant::now(), now_ns());
    crowd.open(server.address(), clients, Some(id))?;
    let expected = clients as u64 * behind;
    wait_for(&mut crowd, expected)?;
    let (busy, elapsed) = (own_cpu()? - own, begun.elapsed());
    let cpu = meter.cpu_since(&cpu)?;
    let tally = crowd.tally();
    let mut outcome = Outcome { faults: Faults::of(tally, expected), ..Outcome::default() };
    outcome.load = busy.as_secs_f64() / elapsed.as_secs_f64();
    outcome.set(Figure::CaughtUp, tally.latest_ns.saturating_sub(began_ns) as f64 / 1e6);
    outcome.set_cpu(Figure::CpuPerClient, cpu, clients as u64);
    outcome.set(Figure::Resident, meter.resident_kib()? as f64 / 1024.0);
    Ok(outcome)
}

/// Waits until so many deliveries have come, or for a silence; and a moment for what must not come.
fn wait_for(crowd: &mut Crowd, expected: u64) -> Result<(), Failure> {
    let (mut received, mut since) = (0, Instant::now());
    while crowd.tally().received < expected && since.elapsed() < SILENCE {
        crowd.turn(Duration::from_millis(10))?;
        if crowd.tally().received != received {
            (received, since) = (crowd.tally().received, Instant::now());
        }
    }
    Ok(crowd.rest(Duration::from_millis(20))?)
}

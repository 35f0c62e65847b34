//! What the latency of a durable event cannot be less than.

use crate::Failure;
use crate::figure::Outcome;
use crate::load::{Histogram, now_ns};
use crate::scenario::Flow;
use std::fs::File;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::time::Duration;

/// Writes and syncs a file, and sends the bytes to an echo and back, at the pace of a flow.
pub(crate) fn latency(flow: Flow, data: &Path) -> Result<Outcome, Failure> {
    let mut file = File::create(data.join("file"))?;
    let mut socket = echo()?;
    let (mut bytes, mut latency) = (vec![b'x'; flow.pace.payload], Histogram::default());
    let rate = flow.pace.rate.unwrap_or(50.0);
    for _ in 0..(flow.time.as_secs_f64() * rate) as u64 {
        let begun = now_ns();
        file.write_all(&bytes)?;
        file.sync_data()?;
        socket.write_all(&bytes)?;
        socket.read_exact(&mut bytes)?;
        latency.add(now_ns() - begun);
        std::thread::sleep(Duration::from_secs_f64(1.0 / rate));
    }
    let mut outcome = Outcome::default();
    outcome.set_latency(&latency);
    Ok(outcome)
}

/// A connection that sends everything back.
fn echo() -> Result<TcpStream, Failure> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let socket = TcpStream::connect(listener.local_addr()?)?;
    let mut echoing = listener.accept()?.0;
    socket.set_nodelay(true)?;
    echoing.set_nodelay(true)?;
    std::thread::spawn(move || std::io::copy(&mut echoing.try_clone()?, &mut echoing));
    Ok(socket)
}

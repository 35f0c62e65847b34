//! The programs behind the systems. Each prints its port, and ends when its input does.

mod by_hand;
mod floor;
mod framework;

pub(crate) use framework::Load;

use crate::Failure;
use crate::system::System;
use sse_framework::Durability;
use std::io::{Read, Write};
use std::path::Path;
use std::time::Duration;
use tokio::net::{TcpListener, TcpSocket};

/// Serves until it is told to stop.
pub(crate) fn run(system: System, data: &Path) -> Result<(), Failure> {
    let synced = Durability::Synced;
    let buffered = Durability::Buffered { sync_every: Duration::from_millis(200) };
    match system {
        System::Disk => Err("there is no server to this system".into()),
        System::Floor => floor::run(),
        System::ByHand => on_tokio(by_hand::run()),
        System::Framework => on_tokio(framework::run(data, synced, false)),
        System::UnderAxum => on_tokio(framework::run(data, synced, true)),
        System::Buffered => on_tokio(framework::run(data, buffered, false)),
    }
}

fn on_tokio(server: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(server)
}

/// A free port of the loopback, where thousands may connect at once.
fn listen() -> Result<TcpListener, Failure> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(([127, 0, 0, 1], 0).into())?;
    let listener = socket.listen(4096)?;
    announce(listener.local_addr()?.port())?;
    Ok(listener)
}

fn announce(port: u16) -> Result<(), Failure> {
    println!("{port}");
    Ok(std::io::stdout().flush()?)
}

/// Returns when whoever has started this process wants its end, or is no more.
fn wait_for_the_end() {
    let mut input = std::io::stdin().lock();
    while matches!(input.read(&mut [0; 64]), Ok(1..)) {}
}

/// The same without blocking.
async fn the_end() {
    let (end, ended) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        wait_for_the_end();
        end.send(())
    });
    let _ = ended.await;
}

//! Bad clients: a quarter never reads, a quarter reads a byte a second, a quarter vanishes, and a
//! quarter breaks off in the middle of an event and comes back.

use crate::random::{Random, seed};
use crate::raw::Raw;
use std::io::Read;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Bad clients at work.
#[derive(Debug)]
pub struct BadClients {
    _deaf: Vec<Raw>,
    _vanished: Vec<Raw>,
    stop: Arc<AtomicBool>,
    resets: Arc<AtomicUsize>,
    threads: Vec<JoinHandle<()>>,
}

impl BadClients {
    /// Connects so many.
    pub fn connect(address: SocketAddr, count: usize) -> Self {
        let quarter = count / 4;
        let some = || (0..quarter).map(|_| stream(address)).collect::<Vec<_>>();
        let vanished = some();
        vanished.iter().for_each(Raw::vanish);
        let (stop, resets) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let (slow, stopped) = (some(), stop.clone());
        let slow = std::thread::spawn(move || read_a_byte_a_second(&slow, &stopped));
        let (breaking, stopped, count) = (some(), stop.clone(), resets.clone());
        let breaking = std::thread::spawn(move || break_off(breaking, address, &stopped, &count));
        let threads = vec![slow, breaking];
        BadClients { _deaf: some(), _vanished: vanished, stop, resets, threads }
    }

    /// How often a connection was broken off.
    pub fn resets(&self) -> usize {
        self.resets.load(Ordering::Relaxed)
    }

    /// Ends what they do; they stay connected. To be done while events
    /// still come.
    pub fn rest(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            thread.join().expect("the server goes on");
        }
    }
}

impl Drop for BadClients {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

fn stream(address: SocketAddr) -> Raw {
    let mut client = Raw::open_narrow(address);
    client.get("/events");
    client.until("\n\n\r\n");
    client
}

fn read_a_byte_a_second(clients: &[Raw], stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        let began = Instant::now();
        for client in clients {
            // There is more than enough after the first seconds; before that, it takes its time.
            let _ = client.socket().set_read_timeout(Some(Duration::from_millis(1)));
            let _ = client.socket().read(&mut [0]);
        }
        std::thread::sleep(Duration::from_secs(1).saturating_sub(began.elapsed()));
    }
}

fn break_off(mut clients: Vec<Raw>, address: SocketAddr, stop: &AtomicBool, resets: &AtomicUsize) {
    let mut random = Random::new(seed());
    while !stop.load(Ordering::Relaxed) {
        let which = random.below(clients.len());
        let mut client = clients.swap_remove(which);
        // Events come all the time, and are longer.
        client.exactly(1 + random.below(9000));
        client.reset();
        resets.fetch_add(1, Ordering::Relaxed);
        clients.push(stream(address));
        std::thread::sleep(Duration::from_millis(5));
    }
}

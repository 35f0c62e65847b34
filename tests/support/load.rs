//! Load on the load target, in a process of its own, and figures of it.

use crate::http::{Body, Connection, Request};
use crate::parser;
use crate::served;
use crate::server::{Server, loadtarget};
use serde::Deserialize;
use std::io;
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Starts the load target under this server.
pub fn start(by: served::Server, options: &[&str], log: &Path) -> Server {
    let server = ["--server", by.name()];
    Server::start(loadtarget(), &[&server, options].concat(), log)
}

/// Publishes events that are numbered from 1, and carry their time and this much padding.
#[derive(Debug)]
pub struct Publisher {
    connection: Connection,
    published: u64,
    padding: String,
    /// In microseconds.
    longest: Arc<AtomicU64>,
}

impl Publisher {
    /// Nothing is published yet.
    pub fn new(address: SocketAddr, padding: usize) -> Self {
        let connection = Connection::open(address).expect("a connection");
        let padding = "x".repeat(padding);
        Publisher { connection, published: 0, padding, longest: Arc::default() }
    }

    /// Publishes so many events at once; their ids.
    pub fn publish(&mut self, count: u64) -> Vec<String> {
        let first = self.published + 1;
        let (now, padding) = (now(), &self.padding);
        let event = |n| format!(r#"{{"n":{n},"t":{now},"p":"{padding}"}}"#);
        let events: Vec<String> = (first..first + count).map(event).collect();
        let request = Request::new("POST", "/publish").body(events.join("\n"));
        let began = Instant::now();
        let answer = self.connection.send(&request).expect("an answer");
        assert_eq!(answer.head.status, 200, "{}", answer.text());
        let took = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.longest.fetch_max(took, Ordering::Relaxed);
        self.published += count;
        answer.text().lines().map(str::to_owned).collect()
    }

    /// How many it has published.
    pub fn published(&self) -> u64 {
        self.published
    }

    /// How long the slowest answer took: as long may an event have waited for the disk before anybody
    /// could be shown it.
    pub fn longest(&self) -> Duration {
        Duration::from_micros(self.longest.load(Ordering::Relaxed))
    }

    /// Publishes one after the other, at this distance, in a thread of its own.
    pub fn every(mut self, interval: Duration) -> Publishing {
        let (stop, published) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (stopped, count, longest) = (stop.clone(), published.clone(), self.longest.clone());
        let thread = std::thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                self.publish(1);
                count.store(self.published, Ordering::Relaxed);
                std::thread::sleep(interval);
            }
            self
        });
        Publishing { stop, published, longest, thread }
    }
}

/// A publisher at work.
#[derive(Debug)]
pub struct Publishing {
    stop: Arc<AtomicBool>,
    published: Arc<AtomicU64>,
    longest: Arc<AtomicU64>,
    thread: JoinHandle<Publisher>,
}

impl Publishing {
    /// How many it has published by now.
    pub fn published(&self) -> u64 {
        self.published.load(Ordering::Relaxed)
    }

    /// Waits until it has published so many.
    #[track_caller]
    pub fn reach(&self, count: u64) {
        served::eventually("so many are published", || self.published() >= count);
    }

    /// Forgets how long answers took so far.
    pub fn restart(&self) {
        self.longest.store(0, Ordering::Relaxed);
    }

    /// Ends it.
    pub fn stop(self) -> Publisher {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().expect("everything is acknowledged")
    }
}

/// Microseconds.
fn now() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_micros()).unwrap_or(u64::MAX)
}

#[derive(Deserialize)]
struct Load {
    n: u64,
    t: u64,
}

/// A client that reads as fast as it can, and checks that nothing is missing.
#[derive(Debug)]
pub struct Watcher {
    seen: Arc<Mutex<Watched>>,
    socket: TcpStream,
}

/// What a watcher has seen.
#[derive(Clone, Debug, Default)]
pub struct Watched {
    /// The number of the newest event; those before it have come in order.
    pub last: u64,
    /// What it would send as `Last-Event-ID`.
    pub last_event_id: String,
    /// How long each was on its way.
    pub latencies: Vec<Duration>,
    /// What went wrong.
    pub fault: Option<String>,
}

impl Watcher {
    /// Connects; the first event must be the one after this.
    pub fn connect(address: SocketAddr, after: u64) -> Self {
        Watcher::resume(address, Watched { last: after, ..Watched::default() })
    }

    /// Comes back, and goes on after what it has seen.
    pub fn resume(address: SocketAddr, seen: Watched) -> Self {
        let connection = Connection::open(address).expect("a connection");
        let stream = connection.into_stream(&Request::stream("/events", &seen.last_event_id));
        let (head, mut body) = stream.expect("a stream");
        assert_eq!(head.status, 200);
        let socket = body.socket().expect("a socket can be cloned");
        let seen = Arc::new(Mutex::new(seen));
        let watching = seen.clone();
        std::thread::spawn(move || {
            if let Err(error) = watch(&mut body, &watching) {
                let mut seen = watching.lock().unwrap_or_else(PoisonError::into_inner);
                seen.fault.get_or_insert(error.to_string());
            }
        });
        Watcher { seen, socket }
    }

    /// What it has seen by now.
    pub fn seen(&self) -> Watched {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Breaks off; what it had seen.
    pub fn leave(self) -> Watched {
        let seen = self.seen();
        assert!(seen.fault.is_none(), "{:?} after {}", seen.fault, seen.last);
        seen
    }

    /// Forgets the latencies so far.
    pub fn restart(&self) {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).latencies.clear();
    }

    /// Waits until it has seen this event, and all before it.
    #[track_caller]
    pub fn reach(&self, last: u64) {
        served::eventually("all events arrive", || {
            let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            assert!(seen.fault.is_none(), "{:?} after {}", seen.fault, seen.last);
            seen.last >= last
        });
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        let _ = self.socket.shutdown(Shutdown::Both);
    }
}

fn watch(body: &mut Body, seen: &Mutex<Watched>) -> io::Result<()> {
    let mut unread = Vec::new();
    while let Some(piece) = body.piece()? {
        unread.extend_from_slice(&piece);
        let end = unread.windows(2).rposition(|pair| pair == b"\n\n").map_or(0, |at| at + 2);
        let now = now();
        let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        for event in parser::read(&unread[..end]).events {
            match &*event.name {
                "load" => {
                    let load: Load = serde_json::from_str(&event.data)?;
                    if load.n != seen.last + 1 {
                        let fault = format!("{} came after {}", load.n, seen.last);
                        return Err(io::Error::other(fault));
                    }
                    (seen.last, seen.last_event_id) = (load.n, event.id);
                    seen.latencies.push(Duration::from_micros(now.saturating_sub(load.t)));
                }
                "sse-open" | "sse-cursor" => seen.last_event_id = event.id,
                _ => return Err(io::Error::other(format!("{event:?}"))),
            }
        }
        unread.drain(..end);
    }
    Err(io::Error::other("the stream ended"))
}

/// The median, the 99th of a hundred, and the longest.
pub fn quantiles(latencies: impl IntoIterator<Item = Duration>) -> [Duration; 3] {
    let mut all: Vec<Duration> = latencies.into_iter().collect();
    all.sort_unstable();
    assert!(!all.is_empty(), "nothing was measured");
    [0.5, 0.99, 1.0].map(|part| all[((all.len() - 1) as f64 * part) as usize])
}

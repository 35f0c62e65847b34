//! Who publishes: one connection, one POST after the other.

use super::{Audience, payload};
use crate::Failure;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// When the next POST is due, and what is in it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// Events in a second; none is as fast as the rest allows.
    pub(crate) rate: Option<f64>,
    /// How many events some subscriber may lack at most; none is no limit.
    pub(crate) window: Option<u64>,
    /// Events in one POST.
    pub(crate) batch: u64,
    /// Events that are published however long it takes.
    pub(crate) least: u64,
    /// Bytes of one event's JSON.
    pub(crate) payload: usize,
}

pub(crate) struct Publisher {
    socket: TcpStream,
    server: SocketAddr,
    audience: Audience,
    published: u64,
}

impl Publisher {
    pub(crate) fn connect(server: SocketAddr, audience: Audience) -> Result<Self, Failure> {
        let socket = TcpStream::connect(server)?;
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(Duration::from_secs(30)))?;
        Ok(Publisher { socket, server, audience, published: 0 })
    }

    /// Publishes the next events, and waits for the answer, whose body it returns.
    pub(crate) fn publish(&mut self, count: u64, bytes: usize) -> Result<String, Failure> {
        let mut body = String::with_capacity((bytes + 1) * count as usize);
        for number in self.published..self.published + count {
            payload::write(&mut body, number, bytes);
            body.push('\n');
        }
        let path = self.audience.path("publish", self.audience.only(self.published));
        let (server, length) = (self.server, body.len());
        let head = format!("POST {path} HTTP/1.1\r\nHost: {server}\r\nContent-Length: {length}");
        self.socket.write_all(format!("{head}\r\n\r\n{body}").as_bytes())?;
        self.published += count;
        self.answer()
    }

    fn answer(&mut self) -> Result<String, Failure> {
        let (mut answer, mut buffer) = (Vec::new(), [0; 16 << 10]);
        loop {
            let count = self.socket.read(&mut buffer)?;
            answer.extend_from_slice(&buffer[..count]);
            let text = String::from_utf8_lossy(&answer);
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                if !head.starts_with("HTTP/1.1 200") {
                    return Err(format!("a publish was answered with {text}").into());
                }
                if body.len() >= content_length(head) {
                    return Ok(body.to_owned());
                }
            }
            if count == 0 {
                return Err("the server closed the connection that publishes".into());
            }
        }
    }
}

fn content_length(head: &str) -> usize {
    let lines = head.lines().filter_map(|line| line.split_once(": "));
    let mut lengths = lines.filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    lengths.next().and_then(|(_, length)| length.parse().ok()).unwrap_or(0)
}

/// A thread that publishes.
pub(crate) struct Publishing {
    progress: Arc<Progress>,
    thread: JoinHandle<Result<(), Failure>>,
}

#[derive(Default)]
struct Progress {
    counts: Mutex<Counts>,
    moved: Condvar,
}

#[derive(Clone, Copy, Default)]
struct Counts {
    published: u64,
    /// What every subscriber has.
    complete: u64,
}

impl Publishing {
    /// Publishes for so long, or until the least that the pace asks for has been published.
    pub(crate) fn start(mut publisher: Publisher, pace: Pace, time: Duration) -> Self {
        let progress = Arc::new(Progress::default());
        let shared = progress.clone();
        let thread = std::thread::spawn(move || shared.publish(&mut publisher, pace, time));
        Publishing { progress, thread }
    }

    /// Tells how many events every subscriber has.
    pub(crate) fn complete(&self, complete: u64) {
        let mut counts = self.progress.counts();
        if counts.complete != complete {
            counts.complete = complete;
            self.progress.moved.notify_one();
        }
    }

    pub(crate) fn published(&self) -> u64 {
        self.progress.counts().published
    }

    pub(crate) fn is_finished(&self) -> bool {
        self.thread.is_finished()
    }

    pub(crate) fn finish(self) -> Result<(), Failure> {
        self.thread.join().map_err(|_| "the thread that publishes panicked")?
    }
}

impl Progress {
    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn publish(
        &self,
        publisher: &mut Publisher,
        pace: Pace,
        time: Duration,
    ) -> Result<(), Failure> {
        let begun = Instant::now();
        while publisher.published < pace.least
            || self.may_publish(pace, time.saturating_sub(begun.elapsed()))
        {
            publisher.publish(pace.batch, pace.payload)?;
            self.counts().published = publisher.published;
            if let Some(rate) = pace.rate {
                let due = Duration::from_secs_f64(publisher.published as f64 / rate);
                std::thread::sleep(due.saturating_sub(begun.elapsed()));
            }
        }
        Ok(())
    }

    /// Waits until the window is open; false when that takes longer than the time left.
    fn may_publish(&self, pace: Pace, left: Duration) -> bool {
        let window = pace.window.unwrap_or(u64::MAX);
        let is_closed =
            |counts: &mut Counts| counts.published - counts.complete + pace.batch > window;
        let waited = self.moved.wait_timeout_while(self.counts(), left, is_closed);
        let (counts, waited) = waited.unwrap_or_else(PoisonError::into_inner);
        drop(counts);
        !left.is_zero() && !waited.timed_out()
    }
}

//! A client of a stream: a thread that reads, and what it has seen so far.

use crate::http::{self, Body, Head, PATIENCE, Protocol, Request};
use crate::parser::{self, Event};
use std::io;
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// What a client has seen of one stream.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// The events, in order, those whose names begin with `sse-` too.
    pub events: Vec<Event>,
    /// How many comments.
    pub comments: usize,
    /// What it would send as `Last-Event-ID`.
    pub last_event_id: String,
    /// The reconnection time in milliseconds.
    pub retry: Option<u64>,
    /// How many bytes the body has had.
    pub bytes: usize,
    /// How the stream ended, if it has.
    pub end: Option<End>,
}

/// How a stream ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The body was complete.
    Whole,
    /// The connection broke, or nothing came for too long.
    Broken,
}

impl Seen {
    /// Events that are not the framework's own.
    pub fn ordinary(&self) -> impl Iterator<Item = &Event> {
        self.events.iter().filter(|event| !event.name.starts_with("sse-"))
    }

    /// The events of this name.
    pub fn named(&self, name: &str) -> Vec<&Event> {
        self.events.iter().filter(|event| event.name == name).collect()
    }

    /// Checks that the stream ended politely, for this reason.
    #[track_caller]
    pub fn closed_for(&self, reason: &str) {
        let last = self.events.last().map(|last| (last.name.as_str(), last.data.as_str()));
        let data = format!(r#"{{"reason":"{reason}"}}"#);
        assert_eq!(last, Some(("sse-close", data.as_str())));
        assert_eq!(self.end, Some(End::Whole), "the body is complete");
    }

    fn read(&mut self, stream: &[u8]) {
        let seen = parser::read_after(&self.last_event_id, stream);
        self.events.extend(seen.events);
        self.comments += seen.comments.len();
        self.last_event_id = seen.last_event_id;
        self.retry = seen.retry.and_then(|retry| retry.parse().ok()).or(self.retry);
    }
}

/// A stream that is open and is not read yet.
#[derive(Debug)]
pub struct Opened {
    /// Status and headers of the answer.
    pub head: Head,
    last_event_id: String,
    body: Body,
}

/// Asks for a stream as `EventSource` does, with this last event id if it is not empty.
pub fn open(address: SocketAddr, target: &str, last_event_id: &str) -> io::Result<Opened> {
    let opened = open_with(address, &Request::stream(target, last_event_id))?;
    Ok(Opened { last_event_id: last_event_id.to_owned(), ..opened })
}

/// Asks for a stream with any request.
pub fn open_with(address: SocketAddr, request: &Request) -> io::Result<Opened> {
    open_over(Protocol::Http1, address, request)
}

/// The same, by either protocol.
pub fn open_over(protocol: Protocol, address: SocketAddr, request: &Request) -> io::Result<Opened> {
    let (head, body) = http::stream_over(protocol, address, request)?;
    Ok(Opened { head, last_event_id: String::new(), body })
}

impl Opened {
    /// Begins to read.
    pub fn read(self) -> Client {
        let seen = Seen { last_event_id: self.last_event_id, ..Seen::default() };
        let shared = Arc::new(Shared { seen: Mutex::new(seen), more: Condvar::new() });
        let socket = self.body.socket().expect("a socket can be cloned");
        let (mut body, reading) = (self.body, shared.clone());
        let reader = std::thread::spawn(move || reading.run(&mut body));
        Client { head: self.head, shared, socket, reader: Some(reader) }
    }
}

/// A client that reads.
#[derive(Debug)]
pub struct Client {
    /// Status and headers of the answer.
    pub head: Head,
    shared: Arc<Shared>,
    socket: TcpStream,
    reader: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    seen: Mutex<Seen>,
    more: Condvar,
}

impl Shared {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self, body: &mut Body) {
        let mut unread = Vec::new();
        let end = loop {
            match body.piece() {
                Ok(Some(piece)) => {
                    unread.extend_from_slice(&piece);
                    let mut seen = self.seen();
                    seen.bytes += piece.len();
                    let whole = whole_lines(&unread);
                    seen.read(&unread[..whole]);
                    unread.drain(..whole);
                    drop(seen);
                    self.more.notify_all();
                }
                Ok(None) => break End::Whole,
                Err(_) => break End::Broken,
            }
        };
        self.seen().end = Some(end);
        self.more.notify_all();
    }
}

/// Up to where blocks are complete. A comment between blocks needs no blank line.
fn whole_lines(bytes: &[u8]) -> usize {
    let block = bytes.windows(2).rposition(|pair| pair == b"\n\n").map_or(0, |at| at + 2);
    match &bytes[block..] {
        b":\n" => block + 2,
        _ => block,
    }
}

impl Client {
    /// Connects and begins to read; the answer must be a stream.
    pub fn connect(address: SocketAddr, target: &str, last_event_id: &str) -> Self {
        let opened = open(address, target, last_event_id).expect("a connection");
        assert_eq!(opened.head.status, 200, "{:?}", opened.head);
        opened.read()
    }

    /// What it has seen so far.
    pub fn seen(&self) -> Seen {
        self.shared.seen().clone()
    }

    /// Waits until what it has seen is enough. As long as events come it goes on, though not for ever.
    ///
    /// # Panics
    ///
    /// If it never is, with what was seen.
    #[track_caller]
    pub fn wait(&self, what: &str, enough: impl Fn(&Seen) -> bool) -> Seen {
        let began = Instant::now();
        let mut seen = self.shared.seen();
        let (mut count, mut deadline) = (seen.events.len(), began + PATIENCE);
        while !enough(&seen) {
            if seen.events.len() > count {
                count = seen.events.len();
                deadline = (Instant::now() + PATIENCE).min(began + 10 * PATIENCE);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            let over = seen.end.is_some() || left == Duration::ZERO;
            assert!(!over, "{what} did not come: {}", summary(&seen));
            let waiting = self.shared.more.wait_timeout(seen, left);
            seen = waiting.unwrap_or_else(PoisonError::into_inner).0;
        }
        seen.clone()
    }

    /// Waits for this many ordinary events and gives their data.
    #[track_caller]
    pub fn data(&self, count: usize) -> Vec<String> {
        let seen = self.wait("an event", |seen| seen.ordinary().count() >= count);
        seen.ordinary().map(|event| event.data.clone()).collect()
    }

    /// Waits for the end of the stream.
    #[track_caller]
    pub fn ended(&self) -> Seen {
        self.wait("the end", |seen| seen.end.is_some())
    }

    /// Breaks the connection; what it had seen.
    pub fn leave(mut self) -> Seen {
        self.stop();
        self.seen()
    }

    fn stop(&mut self) {
        // The peer may have closed it already.
        let _ = self.socket.shutdown(Shutdown::Both);
        if let Some(reader) = self.reader.take() {
            reader.join().expect("the reader does not panic");
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let _ = self.socket.shutdown(Shutdown::Both);
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
    }
}

fn summary(seen: &Seen) -> String {
    let last = seen.events.iter().rev().take(3).collect::<Vec<_>>();
    format!("{} events, the last {last:?}, end {:?}", seen.events.len(), seen.end)
}

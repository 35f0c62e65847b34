//! T15: all clients come back at once, each far behind; each gets all that it has missed, while
//! those who stayed are served as before.
//!
//! `SSE_CLIENTS` says how many come, and `SSE_BEHIND` how many events each has missed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is a test")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use support::load::{self, Publisher, Publishing, Watcher, quantiles};
use support::parser;
use support::random::figure;
use support::raw::Raw;
use support::served::Server;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

support::by_every_server!(a_storm_is_served_from_memory, a_storm_is_served_from_the_log);

/// What is in memory is shared, wherever a client stands.
fn a_storm_is_served_from_memory(by: Server) {
    storm(by, "100000", 0);
}

/// The pages of all together are 32 MiB at most.
fn a_storm_is_served_from_the_log(by: Server) {
    storm(by, "20", 32 << 10);
}

/// What a connection costs, and the shortest page.
fn kib_each(by: Server) -> usize {
    match by {
        Server::Framework => 12,
        Server::Axum => 48,
    }
}

const EVENT_BYTES: usize = 200;
const STAY: usize = 10;
/// So many events are measured before the storm, and in it.
const BEFORE: u64 = 50;
const DURING: u64 = 20;

fn storm(by: Server, tail_events: &str, pages_kib: usize) {
    let clients = usize::try_from(figure("SSE_CLIENTS", 1000)).unwrap();
    let behind = figure("SSE_BEHIND", 1000);
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let options = ["--data", data.to_str().unwrap(), "--tail-events", tail_events];
    let server = load::start(by, &options, &directory.path().join("log"));
    let address = server.address();

    let mut publisher = Publisher::new(address, EVENT_BYTES);
    let last_seen = publisher.publish(1).remove(0);
    let missed: Vec<String> = (0..behind / 100).flat_map(|_| publisher.publish(100)).collect();
    let expected = Arc::new(what_was_missed(address, &last_seen, &missed));
    let published = publisher.published();
    let stay: Vec<_> = (0..STAY).map(|_| Watcher::connect(address, published)).collect();
    let publishing = publisher.every(Duration::from_millis(20));
    reach(&publishing, &stay, published + BEFORE);
    let before = latencies(&stay);
    stay.iter().for_each(Watcher::restart);
    publishing.restart();
    let published = publishing.published();
    let memory = server.resident();

    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.unwrap();
    let began = Instant::now();
    let mut returned: Vec<Duration> = runtime.block_on(async {
        let returning: Vec<_> = (0..clients)
            .map(|_| tokio::spawn(come_back(address, last_seen.clone(), expected.clone(), began)))
            .collect();
        let mut returned = Vec::new();
        for client in returning {
            returned.push(client.await.expect("every client gets what it has missed"));
        }
        returned
    });
    returned.sort_unstable();
    let growth = server.most_resident().saturating_sub(memory);
    // However short it was, one of these was under way in it.
    publishing.reach(published + DURING);
    let publisher = publishing.stop();
    let (published, longest) = (publisher.published(), publisher.longest());
    stay.iter().for_each(|client| client.reach(published));
    let during = latencies(&stay);
    println!(
        "{}, tail of {tail_events}: {clients} clients, {behind} events behind: half had all after \
         {:?}, the last after {:?}; latency of those who stayed (50 %, 99 %, longest) before \
         {before:?}, during {during:?}; \
         slowest answer to a publish {longest:?}; memory {memory} KiB, at most {growth} more",
        by.name(),
        returned[clients / 2],
        returned[clients - 1],
    );
    let most = Duration::from_secs(3);
    // An event that waits for the disk is late for everybody.
    assert!(during[0] < most && during[1] < most + longest, "{during:?}, {longest:?}");
    assert!(growth < pages_kib + clients * kib_each(by), "{growth} KiB for {clients} clients");
}

/// Waits until so many are published, and all that stay have seen them.
fn reach(publishing: &Publishing, stay: &[Watcher], count: u64) {
    publishing.reach(count);
    stay.iter().for_each(|client| client.reach(count));
}

fn latencies(clients: &[Watcher]) -> [Duration; 3] {
    quantiles(clients.iter().flat_map(|client| client.seen().latencies))
}

/// The bytes of the events after `last_seen`, as one client gets them, when they are found right.
fn what_was_missed(address: SocketAddr, last_seen: &str, missed: &[String]) -> Vec<u8> {
    let mut client = Raw::open(address);
    client.send(request(last_seen));
    let newest = format!("id: {}\n", missed.last().unwrap());
    let mut answer = client.until(&newest).into_bytes();
    answer.extend(client.until("\n\n\r\n").into_bytes());
    let mut body = Vec::new();
    Chunks::default().read(&after_head(&answer).unwrap(), &mut body);
    let opening = body.windows(2).position(|pair| pair == b"\n\n").unwrap() + 2;
    let events = body.split_off(opening);
    let seen = parser::read(&events);
    let ids: Vec<&str> = seen.events.iter().map(|event| event.id.as_str()).collect();
    assert_eq!(ids, missed);
    for (event, n) in seen.events.iter().zip(2_u64..) {
        assert!(event.data.starts_with(&format!("{{\"n\":{n},")), "{event:?}");
    }
    events
}

fn request(last_seen: &str) -> String {
    format!("GET /events HTTP/1.1\r\nHost: test\r\nLast-Event-ID: {last_seen}\r\n\r\n")
}

fn after_head(answer: &[u8]) -> Option<Vec<u8>> {
    let end = answer.windows(4).position(|at| at == b"\r\n\r\n")?;
    Some(answer[end + 4..].to_vec())
}

/// Reads until all that is expected has come, and nothing else; when.
async fn come_back(
    address: SocketAddr,
    last_seen: String,
    expected: Arc<Vec<u8>>,
    began: Instant,
) -> Duration {
    let mut socket = TcpStream::connect(address).await.unwrap();
    socket.write_all(request(&last_seen).as_bytes()).await.unwrap();
    let (mut head, mut buffer) = (Vec::new(), vec![0; 16 << 10]);
    let mut unread = loop {
        let count = socket.read(&mut buffer).await.unwrap();
        assert_ne!(count, 0, "the stream ended");
        head.extend_from_slice(&buffer[..count]);
        if let Some(rest) = after_head(&head) {
            break rest;
        }
    };
    let (mut chunks, mut body, mut opened, mut at) = (Chunks::default(), Vec::new(), false, 0);
    loop {
        chunks.read(&unread, &mut body);
        if !opened && let Some(end) = body.windows(2).position(|pair| pair == b"\n\n") {
            body.drain(..end + 2);
            opened = true;
        }
        if opened {
            let count = body.len().min(expected.len() - at);
            assert!(body[..count] == expected[at..at + count], "not what was missed");
            at += count;
            body.clear();
        }
        if at == expected.len() {
            return began.elapsed();
        }
        let count = socket.read(&mut buffer).await.unwrap();
        assert_ne!(count, 0, "the stream ended");
        unread = buffer[..count].to_vec();
    }
}

/// Takes chunks apart, however they come.
#[derive(Default)]
struct Chunks {
    line: Vec<u8>,
    left: usize,
}

impl Chunks {
    fn read(&mut self, mut bytes: &[u8], body: &mut Vec<u8>) {
        while let Some(&byte) = bytes.first() {
            if self.left > 0 {
                let (data, rest) = bytes.split_at(self.left.min(bytes.len()));
                body.extend_from_slice(data);
                (bytes, self.left) = (rest, self.left - data.len());
                continue;
            }
            bytes = &bytes[1..];
            self.line.push(byte);
            if self.line.ends_with(b"\r\n") {
                // Empty, it is the end of the chunk before.
                let size = std::str::from_utf8(&self.line).unwrap().trim_end();
                self.left = usize::from_str_radix(size, 16).unwrap_or(0);
                self.line.clear();
            }
        }
    }
}

//! Many connections that listen, on one thread.

use super::subscriber::{Line, Subscriber};
use super::{Audience, Histogram, now_ns};
use crate::Failure;
use mio::{Events, Interest, Poll, Token};
use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::time::{Duration, Instant};

/// Subscribers of one server.
pub(crate) struct Crowd {
    poll: Poll,
    events: Events,
    subscribers: Vec<Subscriber>,
    audience: Audience,
    buffer: Vec<u8>,
    stalled: Option<usize>,
    tally: Tally,
}

/// What all of them have seen.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    /// Events that came to a subscriber they were for, for the first time.
    pub(crate) received: u64,
    /// Events that came again, or after a later one.
    pub(crate) repeated: u64,
    /// Events for another subscriber.
    pub(crate) foreign: u64,
    /// Streams that the server has ended, or not begun.
    pub(crate) closed: u64,
    /// From just before the POST until it was read, without the reader that stalls.
    pub(crate) latency: Histogram,
    /// When the last event came, as [`now_ns`] has it.
    pub(crate) latest_ns: u64,
    /// Streams whose head has come.
    pub(crate) opened: usize,
}

/// Connections from one address: fewer than the ports that the system gives out.
const PER_ADDRESS: usize = 20_000;
/// Connections that are opened without looking at those that are.
const AT_ONCE: usize = 64;
const OPEN_WITHIN: Duration = Duration::from_secs(60);

impl Crowd {
    pub(crate) fn new(audience: Audience) -> io::Result<Self> {
        let (poll, events) = (Poll::new()?, Events::with_capacity(4096));
        let (subscribers, buffer) = (Vec::new(), vec![0; 256 << 10]);
        let tally = Tally::default();
        Ok(Crowd { poll, events, subscribers, audience, buffer, stalled: None, tally })
    }

    /// Adds so many subscribers, which go on after the event of this id, and waits until all have
    /// the head of their response.
    pub(crate) fn open(
        &mut self,
        server: SocketAddr,
        count: usize,
        last_event_id: Option<&str>,
    ) -> Result<(), Failure> {
        for _ in 0..count {
            self.add(server, last_event_id)?;
            if self.subscribers.len().is_multiple_of(AT_ONCE) {
                self.turn(Duration::ZERO)?;
            }
        }
        let deadline = Instant::now() + OPEN_WITHIN;
        while self.tally.opened < self.subscribers.len() {
            self.turn(Duration::from_millis(50))?;
            if self.tally.closed > 0 || Instant::now() > deadline {
                let (opened, all) = (self.tally.opened, self.subscribers.len());
                return Err(format!("{opened} of {all} streams could be opened").into());
            }
        }
        Ok(())
    }

    fn add(&mut self, server: SocketAddr, last_event_id: Option<&str>) -> io::Result<()> {
        let index = self.subscribers.len();
        let mut socket = connect(server, index / PER_ADDRESS)?;
        let path = self.audience.path("events", Some(index));
        let resume = last_event_id.map(|id| format!("Last-Event-ID: {id}\r\n")).unwrap_or_default();
        write!(
            socket,
            "GET {path} HTTP/1.1\r\nHost: {server}\r\nAccept: text/event-stream\r\n{resume}\r\n"
        )?;
        socket.set_nonblocking(true)?;
        self.subscribers.push(Subscriber::new(mio::net::TcpStream::from_std(socket.into())));
        self.listen(index)
    }

    fn listen(&mut self, index: usize) -> io::Result<()> {
        let socket = &mut self.subscribers[index].socket;
        self.poll.registry().register(socket, Token(index), Interest::READABLE)
    }

    /// Waits for something to read, at most so long, and reads it.
    pub(crate) fn turn(&mut self, timeout: Duration) -> io::Result<()> {
        match self.poll.poll(&mut self.events, Some(timeout)) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
            _ => {}
        }
        for event in &self.events {
            let index = event.token().0;
            let subscriber = &mut self.subscribers[index];
            let (now, counts) = (now_ns(), self.stalled != Some(index));
            let (tally, audience) = (&mut self.tally, self.audience);
            let open = subscriber.read(&mut self.buffer, |subscriber, line| match line {
                Line::Event(number, sent) => {
                    let foreign = audience.only(number).is_some_and(|only| only != index);
                    tally.count(subscriber, number, foreign);
                    if counts {
                        tally.latency.add(now.saturating_sub(sent));
                    }
                    tally.latest_ns = now;
                }
                Line::Status(200) if !subscriber.opened => {
                    subscriber.opened = true;
                    tally.opened += 1;
                }
                Line::Status(_) => tally.closed += 1,
            });
            if !matches!(open, Ok(true)) {
                tally.closed += 1;
                drop(self.poll.registry().deregister(&mut subscriber.socket));
            }
        }
        Ok(())
    }

    /// Turns for so long.
    pub(crate) fn rest(&mut self, time: Duration) -> io::Result<()> {
        let until = Instant::now() + time;
        while let Some(left) = until.checked_duration_since(Instant::now()) {
            self.turn(left.min(Duration::from_millis(50)))?;
        }
        Ok(())
    }

    /// Stops reading what comes for the first subscriber.
    pub(crate) fn stall(&mut self) -> io::Result<()> {
        self.stalled = Some(0);
        self.poll.registry().deregister(&mut self.subscribers[0].socket)
    }

    /// Reads it again.
    pub(crate) fn resume(&mut self) -> io::Result<()> {
        self.listen(0)
    }

    pub(crate) fn tally(&self) -> &Tally {
        &self.tally
    }

    /// How many events every subscriber has, at least.
    pub(crate) fn least(&self) -> u64 {
        self.subscribers.iter().map(|subscriber| subscriber.received).min().unwrap_or(0)
    }

    /// How many events have come to the subscriber that stalls.
    pub(crate) fn stalled_received(&self) -> Option<u64> {
        Some(self.subscribers[self.stalled?].received)
    }
}

impl Tally {
    fn count(&mut self, subscriber: &mut Subscriber, number: u64, foreign: bool) {
        if foreign {
            self.foreign += 1;
        } else if subscriber.newest.is_some_and(|newest| number <= newest) {
            self.repeated += 1;
        } else {
            subscriber.newest = Some(number);
            subscriber.received += 1;
            self.received += 1;
        }
    }
}

fn connect(server: SocketAddr, address: usize) -> io::Result<Socket> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
    if address > 0 {
        let host = Ipv4Addr::new(127, 0, 0, 1 + address as u8);
        socket.bind(&SockAddr::from(SocketAddrV4::new(host, 0)))?;
    }
    // A port must not stay in use when its connection is no longer needed.
    socket.set_linger(Some(Duration::ZERO))?;
    socket.connect(&server.into())?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_repeated_or_foreign_is_not_received() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let socket = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let mut subscriber = Subscriber::new(mio::net::TcpStream::from_std(socket));
        let mut tally = Tally::default();
        for (number, foreign) in [(1, false), (2, false), (2, false), (5, true), (4, false)] {
            tally.count(&mut subscriber, number, foreign);
        }
        tally.count(&mut subscriber, 3, false);
        assert_eq!((tally.received, tally.repeated, tally.foreign), (3, 2, 1));
    }
}

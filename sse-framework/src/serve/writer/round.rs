//! The writer's rounds.

use super::bell::BELL;
use super::chunk::Framer;
use super::stream::{Fate, Stream};
use super::{Adoption, Orders};
use mio::{Events, Poll};
use slab::Slab;
use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// All that the writer's thread has.
pub(super) struct Rounds {
    poll: Poll,
    orders: Arc<Orders>,
    streams: Slab<Stream>,
    framer: Framer,
    write_timeout: Duration,
    /// Those that have rung.
    rung: Vec<usize>,
    /// Those that had more to write than a turn takes, or have more to look for, and those that are new.
    going_on: VecDeque<usize>,
    /// The next look at the clocks of some streams, and where it begins.
    look_at: Instant,
    look_from: usize,
    stop_at: Option<Instant>,
    abandoned: bool,
}

/// How often the clocks of some streams are looked at, and in how many looks all are: no more
/// heartbeats than these come at once, and none is later than a second.
const LOOK_EVERY: Duration = Duration::from_millis(100);
const LOOKS: usize = 10;
/// Streams with a backlog that are served in one round: those with news do not wait for all of them.
const CATCH_UP: usize = 64;

impl Rounds {
    pub(super) fn new(poll: Poll, orders: Arc<Orders>, write_timeout: Duration) -> Self {
        Rounds {
            poll,
            orders,
            streams: Slab::new(),
            framer: Framer::default(),
            write_timeout,
            rung: Vec::new(),
            going_on: VecDeque::new(),
            look_at: Instant::now() + LOOK_EVERY,
            look_from: 0,
            stop_at: None,
            abandoned: false,
        }
    }

    /// Runs until there is neither a handle nor a stream.
    pub(super) fn run(mut self) {
        let mut events = Events::with_capacity(1024);
        while !(self.abandoned && self.streams.is_empty()) {
            if let Err(error) = self.wait(&mut events) {
                tracing::error!(%error, "the writer ends, and all its streams");
                break;
            }
            let now = Instant::now();
            self.serve_sockets(&events, now);
            if self.orders.bell.awake(&mut self.rung) {
                self.follow_orders();
            }
            self.serve_streams(now);
            self.look_at_clocks(now);
        }
    }

    fn wait(&mut self, events: &mut Events) -> io::Result<()> {
        let may_sleep = self.going_on.is_empty() && self.orders.bell.falls_asleep();
        if may_sleep {
            self.framer.rest();
        }
        let timeout = match (may_sleep, self.streams.is_empty()) {
            (false, _) => Some(Duration::ZERO),
            (true, false) => Some(self.look_at.saturating_duration_since(Instant::now())),
            (true, true) => None,
        };
        match self.poll.poll(events, timeout) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
            polled => polled,
        }
    }

    fn serve_sockets(&mut self, events: &Events, now: Instant) {
        for event in events.iter().filter(|event| event.token() != BELL) {
            let key = event.token().0;
            let Some(stream) = self.streams.get_mut(key) else { continue };
            // The end may lie behind requests that are left in the socket.
            let is_gone = event.is_error() || event.is_read_closed();
            if is_gone || (event.is_readable() && stream.read() == Fate::Gone) {
                self.streams.remove(key);
            } else if event.is_writable() && stream.unblock(now) {
                self.goes_on(key);
            }
        }
    }

    fn follow_orders(&mut self) {
        let mut waiting = self.orders.waiting();
        self.abandoned = waiting.abandoned;
        self.stop_at = waiting.stop_at;
        let adoptions = std::mem::take(&mut waiting.adoptions);
        drop(waiting);
        for adoption in adoptions {
            if let Err(error) = self.adopt(adoption) {
                tracing::warn!(%error, "a stream could not be taken over");
            }
        }
    }

    fn adopt(&mut self, adoption: Adoption) -> io::Result<()> {
        let entry = self.streams.vacant_entry();
        let (key, bell) = (entry.key(), self.orders.bell.clone());
        let stream = Stream::adopt(adoption, self.poll.registry(), key, bell, self.write_timeout)?;
        entry.insert(stream);
        self.goes_on(key);
        Ok(())
    }

    fn serve_streams(&mut self, now: Instant) {
        let mut rung = std::mem::take(&mut self.rung);
        rung.drain(..).for_each(|key| self.serve(key, now));
        self.rung = rung;
        for _ in 0..self.going_on.len().min(CATCH_UP) {
            let Some(key) = self.going_on.pop_front() else { break };
            if let Some(stream) = self.streams.get_mut(key) {
                stream.goes_on = false;
                self.serve(key, now);
            }
        }
    }

    fn goes_on(&mut self, key: usize) {
        if let Some(stream) = self.streams.get_mut(key)
            && !std::mem::replace(&mut stream.goes_on, true)
        {
            self.going_on.push_back(key);
        }
    }

    fn serve(&mut self, key: usize, now: Instant) {
        let Some(stream) = self.streams.get_mut(key) else { return };
        match stream.advance(now, &mut self.framer) {
            Fate::Waits => {}
            Fate::GoesOn => self.goes_on(key),
            Fate::Gone => drop(self.streams.remove(key)),
            Fate::Ended => self.streams.remove(key).give_back(self.poll.registry()),
        }
    }

    /// Heartbeats, and clients that take nothing.
    fn look_at_clocks(&mut self, now: Instant) {
        if self.stop_at.is_some_and(|stop_at| stop_at <= now) {
            self.streams.drain().for_each(|stream| stream.cut_off(now));
        }
        if now < self.look_at {
            return;
        }
        self.look_at = now + LOOK_EVERY;
        // Keys are places in the slab, of which some may be vacant.
        let end = self.look_from + self.streams.capacity().div_ceil(LOOKS);
        for key in self.look_from..end {
            let Some(stream) = self.streams.get_mut(key) else { continue };
            match stream.check(now, self.write_timeout) {
                Fate::GoesOn => self.serve(key, now),
                Fate::Gone => drop(self.streams.remove(key)),
                Fate::Waits | Fate::Ended => {}
            }
        }
        self.look_from = if end < self.streams.capacity() { end } else { 0 };
    }
}

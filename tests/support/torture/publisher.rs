//! Publishes until the server dies, and notes what was acknowledged.

use super::reader::locked;
use crate::http::{Connection, Request};
use crate::ledger::{Entry, Id, Ledger};
use crate::random::Random;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

#[derive(Debug)]
pub(super) struct Publisher {
    number: u64,
    count: u64,
    last: u64,
    ledger: Arc<Mutex<Ledger>>,
    random: Random,
    /// The disk below the log may fail: the server refuses to store then.
    pub(super) disk_fails: bool,
    /// It closes topics, too.
    pub(super) closes_topics: bool,
    /// What it has asked to be closed, and has not been answered.
    closing: Option<(String, Entry)>,
    closed: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    /// One event at a time.
    Single,
    /// Batches, too.
    Mixed,
}

impl Publisher {
    pub(super) fn new(number: u64, ledger: &Arc<Mutex<Ledger>>, seed: u64) -> Self {
        let random = Random::new(seed);
        let ledger = ledger.clone();
        Publisher {
            number,
            count: 0,
            last: 0,
            ledger,
            random,
            disk_fails: false,
            closes_topics: false,
            closing: None,
            closed: Vec::new(),
        }
    }

    /// Publishes one batch after the other until the connection breaks, or the server cannot store
    /// any more.
    pub(super) fn publish(&mut self, address: SocketAddr, manner: Manner) {
        let Ok(mut connection) = Connection::open(address) else { return };
        if self.go_on_closing(&mut connection).is_err() {
            return;
        }
        loop {
            let closes = self.closes_topics && self.random.below(20) == 0;
            if closes && self.close_a_topic(&mut connection).is_err() {
                return;
            }
            let count = match manner {
                Manner::Single => 1,
                Manner::Mixed => self.random.pick(&[1, 1, 1, 1, 2, 7, 30]),
            };
            let topic = self.random.pick(&[None, None, Some("a"), Some("b"), Some("a/below")]);
            if self.batch(&mut connection, topic, count).is_err() {
                // In flight: it may have been stored, or not.
                return;
            }
        }
    }

    /// Publishes one event that must be acknowledged.
    pub(super) fn publish_one(&mut self, address: SocketAddr, topic: &str) -> Id {
        let mut connection = Connection::open(address).expect("a connection");
        self.batch(&mut connection, Some(topic), 1).expect("an acknowledgement").remove(0)
    }

    fn batch(
        &mut self,
        connection: &mut Connection,
        topic: Option<&str>,
        count: usize,
    ) -> io::Result<Vec<Id>> {
        let payloads: Vec<String> = (0..count).map(|_| self.payload()).collect();
        let entry = locked(&self.ledger).sending(topic, &payloads);
        let target = topic.map_or("/publish".into(), |topic| format!("/publish?topic={topic}"));
        let answer = connection.send(&Request::new("POST", &target).body(payloads.join("\n")))?;
        if answer.head.status == 503 && self.disk_fails {
            return Err(io::Error::other(answer.text().to_owned()));
        }
        assert_eq!(answer.head.status, 200, "{}", answer.text());
        let ids = answer.text().lines().map(|line| Id::read(line).expect("an id"));
        let ids: Vec<Id> = ids.collect();
        self.check(&ids, count);
        locked(&self.ledger).acked(entry, ids.clone());
        Ok(ids)
    }

    /// One that nobody else uses. The close is an event like any other, which clients see.
    fn close_a_topic(&mut self, connection: &mut Connection) -> io::Result<()> {
        let topic = format!("closing/{}-{}", self.number, self.count);
        self.batch(connection, Some(&topic), 2)?;
        let close = format!(r#"{{"topic":"{topic}"}}"#);
        let entry = locked(&self.ledger).sending(Some(&topic), &[close]);
        self.closing = Some((topic, entry));
        self.go_on_closing(connection)
    }

    /// A topic that was being closed when the server died may be closed, or not: now it is.
    fn go_on_closing(&mut self, connection: &mut Connection) -> io::Result<()> {
        if let Some((topic, entry)) = &self.closing {
            let answer =
                connection.send(&Request::new("POST", &format!("/close?topic={topic}")))?;
            assert_eq!(answer.head.status, 200, "{}", answer.text());
            let id = Id::read(answer.text()).expect("an id");
            self.last = self.last.max(id.seq());
            locked(&self.ledger).acked(*entry, vec![id]);
            self.closed.extend(self.closing.take().map(|(topic, _)| topic));
        }
        match self.closed.len() {
            0 => Ok(()),
            some => {
                let any = self.random.below(some);
                self.is_refused(connection, any)
            }
        }
    }

    /// Nothing is ever published to a topic that is closed.
    fn is_refused(&mut self, connection: &mut Connection, closed: usize) -> io::Result<()> {
        let (topic, payload) = (self.closed[closed].clone(), self.payload());
        let entry = locked(&self.ledger).sending(Some(&topic), &[&payload]);
        locked(&self.ledger).refused(entry);
        let target = format!("/publish?topic={topic}");
        let answer = connection.send(&Request::new("POST", &target).body(payload))?;
        assert_eq!(answer.head.status, 409, "{topic} is closed: {}", answer.text());
        Ok(())
    }

    /// Asserts that all topics that it has closed are closed; how many there are.
    pub(super) fn all_are_closed(&mut self, address: SocketAddr) -> usize {
        let mut connection = Connection::open(address).expect("a connection");
        for closed in 0..self.closed.len() {
            self.is_refused(&mut connection, closed).expect("an answer");
        }
        self.closed.len()
    }

    /// A batch gets consecutive ids; what is published later comes later.
    fn check(&mut self, ids: &[Id], count: usize) {
        let seqs: Vec<u64> = ids.iter().map(Id::seq).collect();
        let expected: Vec<u64> = (seqs[0]..).take(count).collect();
        assert_eq!(seqs, expected);
        assert!(seqs[0] > self.last, "{} was followed by {}", self.last, seqs[0]);
        self.last = seqs[count - 1];
    }

    /// After a loss of power positions come again, in another epoch.
    pub(super) fn forget(&mut self) {
        self.last = 0;
    }

    /// One that was never published before.
    fn payload(&mut self) -> String {
        self.count += 1;
        let length = match self.random.below(100) {
            0 => 20_000,
            _ => self.random.below(200),
        };
        let (publisher, count, padding) = (self.number, self.count, "x".repeat(length));
        format!(r#"{{"n":{count},"t":{publisher},"p":"{padding}"}}"#)
    }
}

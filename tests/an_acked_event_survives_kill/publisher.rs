//! Publishes until the server dies, and notes what was acknowledged.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use support::http::{Connection, Request};
use support::ledger::{Id, Ledger};
use support::random::Random;

pub(crate) struct Publisher {
    number: u64,
    count: u64,
    last: u64,
    ledger: Arc<Mutex<Ledger>>,
    random: Random,
}

impl Publisher {
    pub(crate) fn new(number: u64, ledger: &Arc<Mutex<Ledger>>, seed: u64) -> Self {
        let random = Random::new(seed);
        Publisher { number, count: 0, last: 0, ledger: ledger.clone(), random }
    }

    /// Publishes one batch after the other until the connection breaks.
    pub(crate) fn publish(&mut self, address: SocketAddr) {
        let Ok(mut connection) = Connection::open(address) else { return };
        loop {
            let count = self.random.pick(&[1, 1, 1, 1, 2, 7, 30]);
            let topic = self.random.pick(&[None, None, Some("a"), Some("b"), Some("a/below")]);
            if self.batch(&mut connection, topic, count).is_err() {
                // In flight: it may have been stored, or not.
                return;
            }
        }
    }

    /// Publishes one event that must be acknowledged.
    pub(crate) fn publish_one(&mut self, address: SocketAddr, topic: &str) -> Id {
        let mut connection = Connection::open(address).unwrap();
        self.batch(&mut connection, Some(topic), 1).unwrap().remove(0)
    }

    fn batch(
        &mut self,
        connection: &mut Connection,
        topic: Option<&str>,
        count: usize,
    ) -> std::io::Result<Vec<Id>> {
        let payloads: Vec<String> = (0..count).map(|_| self.payload()).collect();
        let entry = self.ledger.lock().unwrap().sending(topic, &payloads);
        let target = topic.map_or("/publish".into(), |topic| format!("/publish?topic={topic}"));
        let answer = connection.send(&Request::new("POST", &target).body(payloads.join("\n")))?;
        assert_eq!(answer.head.status, 200, "{}", answer.text());
        let ids: Vec<Id> = answer.text().lines().map(|line| Id::read(line).unwrap()).collect();
        self.check(&ids, count);
        self.ledger.lock().unwrap().acked(entry, ids.clone());
        Ok(ids)
    }

    /// A batch gets consecutive ids; what is published later comes later.
    fn check(&mut self, ids: &[Id], count: usize) {
        let seqs: Vec<u64> = ids.iter().map(Id::seq).collect();
        let expected: Vec<u64> = (seqs[0]..).take(count).collect();
        assert_eq!(seqs, expected);
        assert!(seqs[0] > self.last, "{} was followed by {}", self.last, seqs[0]);
        self.last = seqs[count - 1];
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

//! A client that comes back after every kill, and notes what it was shown.

use serde::Deserialize;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use support::client::{self, Client, Seen};
use support::http::PATIENCE;
use support::ledger::{Id, Ledger, Sees};
use support::random::Random;

pub(crate) struct Reader {
    name: &'static str,
    sees: Sees,
    manner: Manner,
    last_event_id: String,
    ledger: Arc<Mutex<Ledger>>,
}

enum Manner {
    /// Stays until the stream breaks.
    Faithful,
    /// Leaves in the middle and comes back, again and again.
    Restless(Random),
    /// Does not come to every server.
    Rare(Random),
    /// Comes to the first server, and then not until the end.
    Gone,
}

impl Reader {
    pub(crate) fn faithful(name: &'static str, sees: Sees, ledger: &Arc<Mutex<Ledger>>) -> Self {
        Reader::new(name, sees, ledger, Manner::Faithful)
    }

    pub(crate) fn restless(
        name: &'static str,
        sees: Sees,
        ledger: &Arc<Mutex<Ledger>>,
        seed: u64,
    ) -> Self {
        Reader::new(name, sees, ledger, Manner::Restless(Random::new(seed)))
    }

    pub(crate) fn rare(
        name: &'static str,
        sees: Sees,
        ledger: &Arc<Mutex<Ledger>>,
        seed: u64,
    ) -> Self {
        Reader::new(name, sees, ledger, Manner::Rare(Random::new(seed)))
    }

    pub(crate) fn gone(name: &'static str, sees: Sees, ledger: &Arc<Mutex<Ledger>>) -> Self {
        Reader::new(name, sees, ledger, Manner::Gone)
    }

    fn new(name: &'static str, sees: Sees, ledger: &Arc<Mutex<Ledger>>, manner: Manner) -> Self {
        Reader { name, sees, manner, last_event_id: String::new(), ledger: ledger.clone() }
    }

    pub(crate) fn sees(&self) -> &Sees {
        &self.sees
    }

    /// Reads until the server dies.
    pub(crate) fn read(&mut self, address: SocketAddr) {
        let comes = match &mut self.manner {
            Manner::Faithful => true,
            Manner::Restless(_) => return self.come_and_go(address),
            Manner::Rare(random) => random.below(4) == 0,
            Manner::Gone => false,
        };
        if comes || self.last_event_id.is_empty() {
            self.stay(address);
        }
    }

    /// Reads up to this event, which must come.
    pub(crate) fn read_until(&mut self, address: SocketAddr, id: &Id) {
        let client = Client::connect(address, &self.target(), &self.last_event_id);
        let id = id.to_string();
        client.wait("the last event", |seen| seen.last_event_id == id);
        self.note(&client.leave());
    }

    fn stay(&mut self, address: SocketAddr) {
        let Some(client) = self.connect(address) else { return };
        self.note(&client.ended());
    }

    fn come_and_go(&mut self, address: SocketAddr) {
        while let Some(client) = self.connect(address) {
            let Manner::Restless(random) = &mut self.manner else { return };
            let enough = random.below(300);
            let over = |seen: &Seen| seen.end.is_some() || seen.ordinary().count() >= enough;
            client.wait("events, or the end", over);
            self.note(&client.leave());
        }
    }

    /// None if the server is dead.
    fn connect(&self, address: SocketAddr) -> Option<Client> {
        let opened = client::open(address, &self.target(), &self.last_event_id).ok()?;
        assert_eq!(opened.head.status, 200, "{:?} within {PATIENCE:?}", opened.head);
        Some(opened.read())
    }

    fn target(&self) -> String {
        match &self.sees {
            Sees::Everything => "/events".to_owned(),
            Sees::Topic(topic) => format!("/events?topic={topic}"),
        }
    }

    fn note(&mut self, seen: &Seen) {
        let mut ledger = self.ledger.lock().unwrap();
        for event in &seen.events {
            match event.name.as_str() {
                "sse-open" => {
                    let open: Open = serde_json::from_str(&event.data).unwrap();
                    let at = Id::read(&open.cursor).unwrap();
                    ledger.opened(self.name, self.sees.clone(), &at, open.resumed);
                }
                "sse-gap" => {
                    let gap: Gap = serde_json::from_str(&event.data).unwrap();
                    let after = Id::read(&gap.resumed_after).unwrap();
                    match gap.reason.as_str() {
                        "trimmed" => ledger.gap(self.name, &after),
                        // Of the epoch that gave the id, nothing is kept.
                        "unknown-id" => ledger.forgotten(self.name, &after),
                        _ => panic!("{} was told {event:?}", self.name),
                    }
                }
                "sse-cursor" => {}
                "load" => ledger.event(self.name, Id::read(&event.id).unwrap(), &event.data),
                _ => panic!("{} was shown {event:?}", self.name),
            }
        }
        self.last_event_id.clone_from(&seen.last_event_id);
    }
}

#[derive(Deserialize)]
struct Open {
    cursor: String,
    resumed: bool,
}

#[derive(Deserialize)]
struct Gap {
    reason: String,
    resumed_after: String,
}

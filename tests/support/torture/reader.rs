//! A client that comes back after every kill, and notes what it was shown.

use crate::client::{self, Client, Seen};
use crate::http::PATIENCE;
use crate::ledger::{Id, Ledger, Sees};
use crate::parser::Event;
use crate::random::Random;
use serde::Deserialize;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// One of every kind.
pub(super) fn all(ledger: &Arc<Mutex<Ledger>>, random: &mut Random) -> Vec<Reader> {
    let topic = |topic: &str| Sees::Topic(topic.to_owned());
    vec![
        Reader::new("live", Sees::Everything, ledger, Manner::Faithful),
        Reader::new("topic a", topic("a"), ledger, Manner::Faithful),
        Reader::new("restless", Sees::Everything, ledger, Manner::restless(random)),
        Reader::new("restless b", topic("b"), ledger, Manner::restless(random)),
        Reader::new("rare", Sees::Everything, ledger, Manner::rare(random)),
        Reader::new("rare a", topic("a"), ledger, Manner::rare(random)),
        Reader::new("gone", Sees::Everything, ledger, Manner::Gone),
    ]
}

#[derive(Debug)]
pub(super) struct Reader {
    name: &'static str,
    sees: Sees,
    manner: Manner,
    last_event_id: String,
    ledger: Arc<Mutex<Ledger>>,
    /// The disk below the log may fail while it reads.
    pub(super) disk_fails: bool,
}

#[derive(Debug)]
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

impl Manner {
    fn restless(random: &mut Random) -> Self {
        Manner::Restless(Random::new(random.bits()))
    }

    fn rare(random: &mut Random) -> Self {
        Manner::Rare(Random::new(random.bits()))
    }
}

impl Reader {
    fn new(name: &'static str, sees: Sees, ledger: &Arc<Mutex<Ledger>>, manner: Manner) -> Self {
        let ledger = ledger.clone();
        Reader { name, sees, manner, last_event_id: String::new(), ledger, disk_fails: false }
    }

    pub(super) fn sees(&self) -> &Sees {
        &self.sees
    }

    /// Reads until the server dies.
    pub(super) fn read(&mut self, address: SocketAddr) {
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
    pub(super) fn read_until(&mut self, address: SocketAddr, id: &Id) {
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
        let mut ledger = locked(&self.ledger);
        for event in &seen.events {
            let Some(()) = self.note_event(&mut ledger, event) else { return };
            self.last_event_id.clone_from(&event.id);
        }
        self.last_event_id.clone_from(&seen.last_event_id);
    }

    /// None if what follows is of no meaning.
    fn note_event(&self, ledger: &mut Ledger, event: &Event) -> Option<()> {
        match event.name.as_str() {
            "sse-open" => {
                let open: Open = read(event);
                ledger.opened(self.name, self.sees.clone(), &id(&open.cursor), open.resumed);
            }
            "sse-gap" => {
                let gap: Gap = read(event);
                let after = id(&gap.resumed_after);
                match gap.reason.as_str() {
                    "trimmed" => ledger.gap(self.name, &after),
                    // Of the epoch that gave the id, nothing is kept.
                    "unknown-id" => ledger.forgotten(self.name, &after),
                    "lost" => ledger.told_of_a_loss(self.name, &after),
                    "unreadable" if self.disk_fails => return None,
                    _ => panic!("{} was told {event:?}", self.name),
                }
            }
            "sse-cursor" => {}
            "sse-close" if self.disk_fails => return None,
            "load" | "sse-topic-close" => ledger.event(self.name, id(&event.id), &event.data),
            _ => panic!("{} was shown {event:?}", self.name),
        }
        Some(())
    }
}

/// A lock that a failed check of another thread does not hide.
pub(super) fn locked(ledger: &Mutex<Ledger>) -> MutexGuard<'_, Ledger> {
    ledger.lock().unwrap_or_else(PoisonError::into_inner)
}

fn id(text: &str) -> Id {
    Id::read(text).expect("an id")
}

fn read<'a, T: Deserialize<'a>>(event: &'a Event) -> T {
    serde_json::from_str(&event.data).expect("the framework's own events have this form")
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

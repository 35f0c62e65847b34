//! What was promised, what was seen, and whether both are true: kept outside of the server.

mod loss;
mod verdict;

pub use loss::Loss;
pub use verdict::Fault;

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::time::Instant;

/// An event id as it stands on the wire, read without the framework's help: `<epoch>-<seq>`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Id {
    seq: u64,
    text: String,
}

impl Id {
    /// Reads an id.
    pub fn read(text: &str) -> Option<Self> {
        let seq = text.rsplit_once('-')?.1.parse().ok()?;
        Some(Id { seq, text: text.to_owned() })
    }

    /// Its position.
    pub fn seq(&self) -> u64 {
        self.seq
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A payload's hash (FNV-1a, 64 bits): what the ledger keeps in place of the payload.
pub fn hash(payload: &str) -> u64 {
    let mix = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    payload.bytes().fold(0xcbf2_9ce4_8422_2325, mix)
}

/// Events that were sent in one request, and its outcome: unknown until they are acknowledged.
#[derive(Clone, Debug)]
struct Sent {
    topic: Option<String>,
    payloads: Vec<u64>,
    acked: Option<Vec<Id>>,
    acked_at: Option<Instant>,
    /// Refused for certain: none of it may ever be seen.
    refused: bool,
}

/// Which topics a client sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sees {
    /// Everything.
    Everything,
    /// Events of this topic.
    Topic(String),
}

impl Sees {
    fn includes(&self, topic: Option<&str>) -> bool {
        match self {
            Sees::Everything => true,
            Sees::Topic(wanted) => topic == Some(wanted),
        }
    }
}

/// What a client was shown.
#[derive(Clone, Debug)]
enum Shown {
    /// A stream begins after this position, which is the one that the client asked for.
    Resumed(u64),
    /// A stream begins after this position, without having been asked.
    Began(u64),
    Event(Id, u64),
    /// A gap, after which the stream goes on after this position.
    Gap(u64),
    /// The same to a client whose id is no longer known: it need not be the oldest position.
    Forgotten(u64),
    /// The log has lost what the client was shown after this position. It is told so next.
    Lost(u64),
    /// A gap because of that.
    ToldOfLoss(u64),
}

#[derive(Clone, Debug)]
struct Client {
    sees: Sees,
    shown: Vec<Shown>,
}

/// What was sent, acknowledged and seen over the life of a log.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    sent: Vec<Sent>,
    clients: BTreeMap<String, Client>,
    /// What a loss of power took: the ids must not come again with other payloads.
    lost: HashMap<Id, u64>,
    gaps_allowed: bool,
}

/// A publish in a ledger.
#[derive(Clone, Copy, Debug)]
pub struct Entry(usize);

impl Ledger {
    /// A ledger of a log whose retention lets old events go: those who ask for them get a gap.
    pub fn of_a_log_that_trims() -> Self {
        Ledger { gaps_allowed: true, ..Ledger::default() }
    }

    /// Notes what is about to be published as one batch.
    pub fn sending<S: AsRef<str>>(&mut self, topic: Option<&str>, payloads: &[S]) -> Entry {
        let payloads = payloads.iter().map(|payload| hash(payload.as_ref())).collect();
        let topic = topic.map(str::to_owned);
        self.sent.push(Sent { topic, payloads, acked: None, acked_at: None, refused: false });
        Entry(self.sent.len() - 1)
    }

    /// Notes the ids that a publish was acknowledged with.
    pub fn acked(&mut self, entry: Entry, ids: Vec<Id>) {
        let sent = &mut self.sent[entry.0];
        (sent.acked, sent.acked_at) = (Some(ids), Some(Instant::now()));
    }

    /// Notes that a publish was refused for certain.
    pub fn refused(&mut self, entry: Entry) {
        self.sent[entry.0].refused = true;
    }

    /// How many events were acknowledged.
    pub fn acknowledged(&self) -> usize {
        self.sent.iter().filter_map(|sent| sent.acked.as_ref()).map(Vec::len).sum()
    }

    /// How many events clients have been shown, and how many gaps.
    pub fn shown(&self) -> (usize, usize) {
        let shown = || self.clients.values().flat_map(|client| &client.shown);
        let gap = |shown: &&Shown| {
            matches!(shown, Shown::Gap(_) | Shown::Forgotten(_) | Shown::ToldOfLoss(_))
        };
        let events = shown().filter(|shown| matches!(shown, Shown::Event(..))).count();
        (events, shown().filter(gap).count())
    }

    /// Notes that a client's stream begins at `at`, which it has asked for or not.
    pub fn opened(&mut self, client: &str, sees: Sees, at: &Id, resumed: bool) {
        let new = Client { sees, shown: Vec::new() };
        let client = self.clients.entry(client.to_owned()).or_insert(new);
        client.shown.push(match resumed {
            true => Shown::Resumed(at.seq),
            false => Shown::Began(at.seq),
        });
    }

    /// Notes that a client was shown an event.
    pub fn event(&mut self, client: &str, id: Id, payload: &str) {
        self.show(client, Shown::Event(id, hash(payload)));
    }

    /// Notes that a client was told of a gap after which the stream goes on after `resumed_after`.
    pub fn gap(&mut self, client: &str, resumed_after: &Id) {
        self.show(client, Shown::Gap(resumed_after.seq));
    }

    /// The same to a client whose id, it is said, is of a time of which nothing is kept.
    pub fn forgotten(&mut self, client: &str, resumed_after: &Id) {
        self.show(client, Shown::Forgotten(resumed_after.seq));
    }

    /// Notes that a client was told that the log has lost events that it had seen, and where the
    /// stream goes on.
    pub fn told_of_a_loss(&mut self, client: &str, resumed_after: &Id) {
        self.show(client, Shown::ToldOfLoss(resumed_after.seq));
    }

    fn show(&mut self, client: &str, shown: Shown) {
        let client = self.clients.get_mut(client).expect("a stream begins with its opening");
        client.shown.push(shown);
    }
}

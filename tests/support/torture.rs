//! A server in a process of its own that is struck down again and again, while it works and while
//! it starts, with its publishers and readers and the ledger of what they were told.

mod aim;
mod publisher;
mod reader;

pub use aim::Moment;

use crate::client::Client;
use crate::ledger::{Fault, Id, Ledger, Loss, Sees};
use crate::parser::Event;
use crate::random::Random;
use crate::server::{self, Server};
use publisher::{Manner, Publisher};
use reader::Reader;
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

/// What the server is doing when it is struck.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Doing {
    /// It stores one event at a time, for one publisher.
    SinglePublish,
    /// It stores what several publishers send at once, in batches too.
    GroupCommit,
    /// It begins a segment.
    SegmentRoll,
    /// It rewrites a full segment.
    Sealing,
    /// It removes a segment that is no longer kept.
    Retention,
    /// It opens the log.
    Opening,
}

impl Doing {
    /// What to strike in, by number: each in its turn, so that few strikes cover them all.
    pub fn of(number: u64, trims: bool) -> Self {
        match number % 5 {
            0 => Doing::SinglePublish,
            1 => Doing::SegmentRoll,
            2 => Doing::GroupCommit,
            3 if trims => Doing::Retention,
            3 => Doing::Sealing,
            _ => Doing::Opening,
        }
    }

    fn moment(self) -> Option<Moment> {
        match self {
            Doing::SegmentRoll => Some(Moment::Rolling),
            Doing::Sealing => Some(Moment::Sealing),
            Doing::Retention => Some(Moment::Removing),
            Doing::SinglePublish | Doing::GroupCommit | Doing::Opening => None,
        }
    }

    fn manner(self) -> Manner {
        match self {
            Doing::SinglePublish => Manner::Single,
            _ => Manner::Mixed,
        }
    }
}

/// How the server is struck; what it had written to its standard error until then.
pub type Blow<'a> = &'a mut dyn FnMut(Server) -> String;

/// A log, its server and those who use it.
#[derive(Debug)]
pub struct Torture {
    data: PathBuf,
    log: PathBuf,
    arguments: Vec<String>,
    random: Random,
    ledger: Arc<Mutex<Ledger>>,
    publishers: Vec<Publisher>,
    readers: Vec<Reader>,
    /// How long the last start took.
    start: Duration,
    strikes: BTreeMap<Doing, u64>,
}

impl Torture {
    /// A log in `data`, whose server has these options. What the server says goes into `notes`.
    pub fn new(data: PathBuf, notes: &Path, ledger: Ledger, options: &[&str], seed: u64) -> Self {
        let mut random = Random::new(seed);
        let options = options.iter().map(|&option| option.to_owned());
        let given = ["--data".to_owned(), data.display().to_string()];
        let ledger = Arc::new(Mutex::new(ledger));
        Torture {
            log: notes.join("server.log"),
            arguments: given.into_iter().chain(options).collect(),
            publishers: (0..4).map(|n| Publisher::new(n, &ledger, random.bits())).collect(),
            readers: reader::all(&ledger, &mut random),
            start: Duration::from_millis(30),
            strikes: BTreeMap::new(),
            data,
            random,
            ledger,
        }
    }

    /// Expects that the disk fails together with the server.
    #[must_use]
    pub fn whose_disk_fails(mut self) -> Self {
        self.publishers.iter_mut().for_each(|publisher| publisher.disk_fails = true);
        self.readers.iter_mut().for_each(|reader| reader.disk_fails = true);
        self
    }

    /// Publishers close topics, too. Not for a log that forgets: there a topic opens again.
    #[must_use]
    pub fn that_closes_topics(mut self) -> Self {
        self.publishers.iter_mut().for_each(|publisher| publisher.closes_topics = true);
        self
    }

    /// Lets the server work, and strikes it while it does this.
    ///
    /// # Panics
    ///
    /// If the server has complained before.
    pub fn strike(&mut self, doing: Doing, blow: Blow<'_>) {
        let log = match doing {
            Doing::Opening => self.strike_at_start(blow),
            doing => self.strike_at_work(doing, blow),
        };
        *self.strikes.entry(doing).or_default() += 1;
        let sound = !log.contains("panicked") && !log.contains("ERROR");
        assert!(sound, "the server complained:\n{log}");
    }

    fn strike_at_start(&mut self, blow: Blow<'_>) -> String {
        let server = Server::spawn(server::loadtarget(), &self.arguments, &self.log);
        let most = usize::try_from(self.start.as_micros()).unwrap_or(usize::MAX / 6) * 6 / 5;
        std::thread::sleep(Duration::from_micros(self.random.below(most) as u64));
        blow(server)
    }

    fn strike_at_work(&mut self, doing: Doing, blow: Blow<'_>) -> String {
        let server = self.start();
        let address = server.address();
        let life = Duration::from_millis(20 + self.random.below(1480) as u64);
        // How long a moment lasts depends on the disk: some strikes come after it.
        let later = Duration::from_micros(self.random.below(6_000) as u64);
        std::thread::scope(|scope| {
            for reader in &mut self.readers {
                scope.spawn(move || reader.read(address));
            }
            let busy = if doing == Doing::SinglePublish { 1 } else { usize::MAX };
            for publisher in self.publishers.iter_mut().take(busy) {
                scope.spawn(move || publisher.publish(address, doing.manner()));
            }
            match doing.moment() {
                Some(moment) => {
                    assert!(moment.wait(&self.data), "{moment:?} did not come");
                    std::thread::sleep(later);
                }
                None => std::thread::sleep(life),
            }
            blow(server)
        })
    }

    fn start(&mut self) -> Server {
        let began = Instant::now();
        let server = Server::start(server::loadtarget(), &self.arguments, &self.log);
        self.start = began.elapsed();
        server
    }

    /// Lets every client catch up, reads the whole history and compares.
    pub fn judge(&mut self) -> Verdict {
        let server = self.start();
        let address = server.address();
        // Who sees the topic b only ends with the one, who sees a with the other.
        let ends = ["b", "a"].map(|topic| self.publishers[0].publish_one(address, topic));
        for reader in &mut self.readers {
            let end = if *reader.sees() == Sees::Topic("b".into()) { &ends[0] } else { &ends[1] };
            reader.read_until(address, end);
        }
        let history = history(&server, &ends[1]);
        let closed = self.publishers.iter_mut().map(|one| one.all_are_closed(address)).sum();
        let ledger = self.ledger();
        let (shown, gaps) = ledger.shown();
        Verdict {
            faults: ledger.verdict(&history),
            acknowledged: ledger.acknowledged(),
            shown,
            gaps,
            closed,
            strikes: self.strikes.clone(),
        }
    }

    /// After a loss of power that may take what was not synced yet: starts the server, and finds out
    /// what is lost.
    pub fn settle(&mut self, lost_at: Instant) -> Loss {
        let server = self.start();
        self.publishers.iter_mut().for_each(Publisher::forget);
        let end = self.publishers[0].publish_one(server.address(), "a");
        let history = history(&server, &end);
        self.ledger().power_was_lost(lost_at, &history)
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        reader::locked(&self.ledger)
    }
}

/// Everything that the log gives, up to its newest event.
fn history(server: &Server, newest: &Id) -> Vec<(Id, String)> {
    let client = Client::connect(server.address(), "/events?last_event_id=earliest", "");
    let end = newest.to_string();
    let seen = client.wait("the newest event", |seen| seen.last_event_id == end);
    let event = |event: &Event| (Id::read(&event.id).expect("an id"), event.data.clone());
    let closes = |event: &&Event| event.name == "sse-topic-close";
    let stored = seen.events.iter().filter(|one| !one.name.starts_with("sse-") || closes(one));
    stored.map(event).collect()
}

/// What came of it.
#[derive(Clone, Debug, Default)]
pub struct Verdict {
    /// Promises that were broken.
    pub faults: Vec<Fault>,
    /// How many events were acknowledged.
    pub acknowledged: usize,
    /// How many events clients were shown.
    pub shown: usize,
    /// How many gaps clients were told of.
    pub gaps: usize,
    /// How many topics were closed, and are.
    pub closed: usize,
    /// How often it was struck, and in what.
    pub strikes: BTreeMap<Doing, u64>,
}

impl Verdict {
    /// Adds another.
    pub fn add(&mut self, other: Verdict) {
        self.faults.extend(other.faults);
        self.acknowledged += other.acknowledged;
        self.shown += other.shown;
        self.gaps += other.gaps;
        self.closed += other.closed;
        for (doing, strikes) in other.strikes {
            *self.strikes.entry(doing).or_default() += strikes;
        }
    }

    /// Prints it.
    ///
    /// # Panics
    ///
    /// If there is a fault, or there was nothing to judge.
    pub fn demand_no_fault(&self, what: &str) {
        eprintln!("{what}: {self}");
        let some = &self.faults[..self.faults.len().min(9)];
        assert!(some.is_empty(), "{} faults, the first of them {some:#?}", self.faults.len());
        assert!(self.acknowledged > 0 && self.shown > 0);
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Verdict { acknowledged, shown, gaps, closed, strikes, .. } = self;
        write!(f, "{} times (", strikes.values().sum::<u64>())?;
        for (place, (doing, strikes)) in strikes.iter().enumerate() {
            write!(f, "{}{doing:?} {strikes}", if place > 0 { ", " } else { "" })?;
        }
        write!(f, "); {acknowledged} acknowledged, {shown} shown, {gaps} gaps told, ")?;
        write!(f, "{closed} topics closed")?;
        for (kind, count) in Fault::count(&self.faults) {
            write!(f, ", {kind} {count}")?;
        }
        Ok(())
    }
}

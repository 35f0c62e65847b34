//! T2: what was acknowledged survives `kill -9`, and no client is shown anything else.
//!
//! A server in a process of its own is killed again and again, while it works and while it starts,
//! and started again on the same directory, now and then under `axum::serve`. `SSE_KILLS` says how often, `SSE_SEED` repeats a run.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is a test")]

mod publisher;
mod reader;

use publisher::Publisher;
use reader::Reader;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use support::client::Client;
use support::ledger::{Id, Ledger, Sees};
use support::random::{self, Random};
use support::server::{self, Server};
use tempfile::TempDir;

const KILLS: u64 = 30;

#[test]
fn an_acked_event_survives_kill() {
    let mut torture = Torture::new(Ledger::default(), &["--segment-bytes", "65536"], 1);
    torture.run(random::kills(KILLS));
    torture.judge();
}

#[test]
fn who_was_away_too_long_is_told_and_nobody_else_misses_anything() {
    let options = ["--segment-bytes", "16384", "--keep-events", "300"];
    let mut torture = Torture::new(Ledger::of_a_log_that_trims(), &options, 2);
    torture.run(random::kills(KILLS));
    let (_, gaps) = torture.judge();
    assert!(gaps > 0, "nobody was away long enough: the test shows nothing");
}

struct Torture {
    directory: Directory,
    arguments: Vec<String>,
    random: Random,
    ledger: Arc<Mutex<Ledger>>,
    publishers: Vec<Publisher>,
    readers: Vec<Reader>,
    /// How long the last start took.
    start: Duration,
}

impl Torture {
    fn new(ledger: Ledger, options: &[&str], variant: u64) -> Self {
        let mut random = Random::new(random::seed() + variant);
        let directory = Directory(Some(TempDir::new().unwrap()));
        let data = directory.path().join("data").display().to_string();
        let options = options.iter().map(|&option| option.to_owned());
        let arguments = ["--data".to_owned(), data].into_iter().chain(options).collect();
        let ledger = Arc::new(Mutex::new(ledger));
        let publishers = (0..4).map(|n| Publisher::new(n, &ledger, random.bits())).collect();
        let readers = vec![
            Reader::faithful("live", Sees::Everything, &ledger),
            Reader::faithful("topic a", Sees::Topic("a".into()), &ledger),
            Reader::restless("restless", Sees::Everything, &ledger, random.bits()),
            Reader::restless("restless b", Sees::Topic("b".into()), &ledger, random.bits()),
            Reader::rare("rare", Sees::Everything, &ledger, random.bits()),
            Reader::rare("rare a", Sees::Topic("a".into()), &ledger, random.bits()),
            Reader::gone("gone", Sees::Everything, &ledger),
        ];
        let start = Duration::from_millis(30);
        Torture { directory, arguments, random, ledger, publishers, readers, start }
    }

    fn run(&mut self, kills: u64) {
        for kill in 0..kills {
            let log = match self.random.below(10) {
                0 => self.kill_while_it_starts(),
                _ => self.kill_while_it_works(),
            };
            let sound = !log.contains("panicked") && !log.contains("ERROR");
            assert!(sound, "the server complained before kill {kill}:\n{log}");
        }
    }

    fn kill_while_it_starts(&mut self) -> String {
        let log = self.directory.path().join("server.log");
        let server = Server::spawn(server::loadtarget(), &self.arguments(), &log);
        let most = usize::try_from(self.start.as_micros()).unwrap() * 6 / 5;
        std::thread::sleep(Duration::from_micros(self.random.below(most) as u64));
        server.kill()
    }

    fn kill_while_it_works(&mut self) -> String {
        let server = self.start();
        let life = Duration::from_millis(20 + self.random.below(1480) as u64);
        let address = server.address();
        std::thread::scope(|scope| {
            for reader in &mut self.readers {
                scope.spawn(move || reader.read(address));
            }
            for publisher in &mut self.publishers {
                scope.spawn(move || publisher.publish(address));
            }
            std::thread::sleep(life);
            server.kill()
        })
    }

    fn arguments(&mut self) -> Vec<String> {
        let server = self.random.pick(&["framework", "framework", "framework", "axum"]);
        [&self.arguments[..], &["--server".to_owned(), server.to_owned()]].concat()
    }

    fn start(&mut self) -> Server {
        let began = Instant::now();
        let log = self.directory.path().join("server.log");
        let server = Server::start(server::loadtarget(), &self.arguments(), &log);
        self.start = began.elapsed();
        server
    }

    /// Lets every client catch up, reads the whole history and compares; what clients were shown.
    fn judge(&mut self) -> (usize, usize) {
        let server = self.start();
        let address = server.address();
        // Who sees the topic b only ends with the one, who sees a with the other.
        let ends = ["b", "a"].map(|topic| self.publishers[0].publish_one(address, topic));
        for reader in &mut self.readers {
            let end = if *reader.sees() == Sees::Topic("b".into()) { &ends[0] } else { &ends[1] };
            reader.read_until(address, end);
        }
        let end = ends[1].to_string();
        let history = Client::connect(address, "/events?last_event_id=earliest", "");
        let seen = history.wait("the newest event", |seen| seen.last_event_id == end);
        let event =
            |event: &support::parser::Event| (Id::read(&event.id).unwrap(), event.data.clone());
        let history: Vec<_> = seen.ordinary().map(event).collect();

        let ledger = self.ledger.lock().unwrap();
        let faults = ledger.verdict(&history);
        assert!(
            faults.is_empty(),
            "{} faults: {:#?}",
            faults.len(),
            &faults[..faults.len().min(9)]
        );
        let (acked, shown) = (ledger.acknowledged(), ledger.shown());
        eprintln!("{acked} acknowledged, {} in the log, {shown:?} shown and gaps", history.len());
        assert!(acked > 0 && shown.0 > 0);
        shown
    }
}

/// The directory of a log, kept if the test fails.
struct Directory(Option<TempDir>);

impl Directory {
    fn path(&self) -> &std::path::Path {
        self.0.as_ref().unwrap().path()
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let kept = self.0.take().unwrap().keep();
            eprintln!("the log is kept in {}", kept.display());
        }
    }
}

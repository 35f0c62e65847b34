//! What a life has told, and whether the log agrees.

use crate::life;
use sse_framework::{OpenLog, TopicSelection};
use std::ops::ControlFlow;
use std::path::Path;
use support::ledger::{Entry, Fault, Id, Ledger, Sees};

#[derive(Debug, Default)]
pub(crate) struct Account {
    ledger: Ledger,
    sent: Option<Entry>,
    /// Publishes whose outcome is not known.
    unknown: Vec<Entry>,
    reads: bool,
    pub(crate) told: Told,
}

/// How often what was told.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Told {
    pub(crate) opened: u64,
    pub(crate) not_opened: u64,
    pub(crate) acked: u64,
    pub(crate) refused: u64,
    pub(crate) unknown: u64,
    pub(crate) unread: u64,
    pub(crate) closed: u64,
    pub(crate) ended: bool,
}

impl Account {
    pub(crate) fn new() -> Self {
        Account { ledger: Ledger::of_a_log_that_trims(), ..Account::default() }
    }

    /// Notes a line that a life has said.
    pub(crate) fn note(&mut self, line: &str) {
        let mut words = line.split(' ');
        match words.next().unwrap_or_default() {
            "opened" => self.told.opened += 1,
            "not" if line.starts_with("not opened") => self.told.not_opened += 1,
            "sending" => {
                let mut number = || words.next().unwrap().parse::<u64>().unwrap();
                let (first, count) = (number(), number());
                self.sending(first, count);
            }
            "acked" => self.acked(words.map(|id| Id::read(id).unwrap()).collect()),
            "unknown" => self.unknown(),
            "refused" => self.refused(),
            "saw" => {
                let id = Id::read(words.next().unwrap()).unwrap();
                self.saw(id, words.next().unwrap().parse().unwrap());
            }
            "unread" => self.told.unread += words.next().unwrap().parse::<u64>().unwrap(),
            "closed" => self.told.closed += 1,
            "end" => self.told.ended = true,
            _ => {}
        }
    }

    pub(crate) fn sending(&mut self, first: u64, count: u64) {
        let payloads: Vec<_> = (first..first + count).map(life::payload).collect();
        self.sent = Some(self.ledger.sending(None, &payloads));
    }

    pub(crate) fn acked(&mut self, ids: Vec<Id>) {
        self.told.acked += 1;
        self.ledger.acked(self.sent.take().unwrap(), ids);
        // The log goes on after what it has acknowledged: what failed is not in between, nor later.
        self.unknown.drain(..).for_each(|entry| self.ledger.refused(entry));
    }

    pub(crate) fn refused(&mut self) {
        self.told.refused += 1;
        self.ledger.refused(self.sent.take().unwrap());
    }

    pub(crate) fn unknown(&mut self) {
        self.told.unknown += 1;
        self.unknown.push(self.sent.take().unwrap());
    }

    fn saw(&mut self, id: Id, n: u64) {
        if !std::mem::replace(&mut self.reads, true) {
            let before = Id::read(&format!("before-{}", id.seq() - 1)).unwrap();
            self.ledger.opened("reader", Sees::Everything, &before, false);
        }
        self.ledger.event("reader", id, &life::payload(n));
    }

    /// Opens the log, which nothing hinders any more, and compares.
    pub(crate) fn judge(&self, directory: &Path) -> Vec<Fault> {
        let (log, retention) = life::settings(directory);
        let log = Box::new(log).open(retention).unwrap();
        let (mut history, last) = (Vec::new(), log.history().last());
        log.read(0, last, &TopicSelection::everything(), &mut |record| {
            let data = String::from_utf8(record.data.to_vec()).unwrap();
            history.push((Id::read(&record.id.to_string()).unwrap(), data));
            ControlFlow::Continue(())
        })
        .unwrap();
        log.close().unwrap();
        self.ledger.verdict(&history)
    }
}

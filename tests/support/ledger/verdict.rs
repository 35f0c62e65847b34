//! The verdict over a ledger, given the whole history that the log has in the end.

use super::{Client, Id, Ledger, Sees, Shown, hash};
use std::collections::{BTreeMap, HashMap, HashSet};

/// A promise that was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// An acknowledged event is not in the history.
    Lost {
        /// Its id.
        id: Id,
    },
    /// Something was stored or shown twice.
    Duplicated {
        /// Where it was found again.
        id: Id,
    },
    /// Something stands, or was shown, before what it should follow.
    OutOfOrder {
        /// What comes too late.
        id: Id,
    },
    /// A client saw an event that is not in the history.
    NeverDurable {
        /// Who saw it.
        client: String,
        /// Its id.
        id: Id,
    },
    /// One id, or one position, was given to two payloads.
    TwoPayloads {
        /// The id.
        id: Id,
    },
    /// An event that was never sent, or was refused, or was shown to a client who must not see it.
    Foreign {
        /// Where it was seen: a client, or the history.
        at: String,
        /// Its id.
        id: Id,
    },
    /// A batch is there in part, or something stands between its events.
    Torn {
        /// The first of its events that is there.
        id: Id,
    },
    /// A client was not shown an event between others, and was not told of a gap.
    Hole {
        /// Who.
        client: String,
        /// The first position that is missing.
        seq: u64,
    },
    /// A client was told of a gap although everything was there, or began where it should not.
    FalseStart {
        /// Who.
        client: String,
        /// Where the stream went on.
        seq: u64,
    },
}

impl Fault {
    /// How many there are of each kind that the promises speak of.
    pub fn count(faults: &[Fault]) -> [(&'static str, usize); 6] {
        let mut count = [
            ("lost", 0),
            ("duplicated", 0),
            ("out of order", 0),
            ("seen but not durable", 0),
            ("ids with two payloads", 0),
            ("others", 0),
        ];
        for fault in faults {
            let kind = match fault {
                Fault::Lost { .. } => 0,
                Fault::Duplicated { .. } => 1,
                Fault::OutOfOrder { .. } => 2,
                Fault::NeverDurable { .. } => 3,
                Fault::TwoPayloads { .. } => 4,
                _ => 5,
            };
            count[kind].1 += 1;
        }
        count
    }
}

impl Ledger {
    /// Everything that is wrong, given the ids and payloads of the whole history, in the order in
    /// which the log gave them.
    pub fn verdict(&self, history: &[(Id, String)]) -> Vec<Fault> {
        let history: Vec<_> = history.iter().map(|(id, data)| (id.clone(), hash(data))).collect();
        let mut trial = Trial::new(self, &history);
        trial.history();
        trial.acknowledged();
        trial.batches();
        for (name, client) in &self.clients {
            trial.client(name, client);
        }
        trial.faults
    }
}

struct Trial<'a> {
    ledger: &'a Ledger,
    history: &'a [(Id, u64)],
    /// The oldest position of the history.
    floor: u64,
    /// What is known to stand at each position: by the history, or if it is trimmed by the acks.
    known: BTreeMap<u64, (&'a Id, u64)>,
    /// Payload to its publish, and its place therein.
    senders: HashMap<u64, (usize, usize)>,
    faults: Vec<Fault>,
}

impl<'a> Trial<'a> {
    fn new(ledger: &'a Ledger, history: &'a [(Id, u64)]) -> Self {
        let mut senders = HashMap::new();
        for (number, sent) in ledger.sent.iter().enumerate() {
            for (place, payload) in sent.payloads.iter().enumerate() {
                let twice = senders.insert(*payload, (number, place));
                assert_eq!(twice, None, "payloads must differ, or nothing can be told");
            }
        }
        let floor = history.first().map_or(1, |(id, _)| id.seq);
        let (known, faults) = (BTreeMap::new(), Vec::new());
        Trial { ledger, history, floor, known, senders, faults }
    }

    /// Notes what stands at a position; a fault if it is not what is known.
    fn know(&mut self, id: &'a Id, payload: u64) {
        let known = *self.known.entry(id.seq).or_insert((id, payload));
        let lost = self.ledger.lost.get(id).is_some_and(|lost| *lost != payload);
        if known != (id, payload) || lost {
            self.faults.push(Fault::TwoPayloads { id: id.clone() });
        }
    }

    fn topic(&self, payload: u64) -> Option<&'a str> {
        let (number, _) = self.senders.get(&payload)?;
        self.ledger.sent[*number].topic.as_deref()
    }

    fn is_foreign(&self, payload: u64) -> bool {
        let sender = self.senders.get(&payload);
        sender.is_none_or(|(number, _)| self.ledger.sent[*number].refused)
    }

    fn history(&mut self) {
        let mut last: Option<u64> = None;
        let mut payloads: HashMap<u64, ()> = HashMap::new();
        for (id, payload) in self.history {
            match last {
                Some(last) if id.seq == last => self.faults.push(duplicated(id)),
                Some(last) if id.seq < last => self.faults.push(out_of_order(id)),
                Some(last) if id.seq > last + 1 => {
                    self.faults.push(Fault::Hole { client: "the history".into(), seq: last + 1 });
                }
                _ => {}
            }
            last = Some(id.seq);
            self.know(id, *payload);
            if self.is_foreign(*payload) {
                self.faults.push(Fault::Foreign { at: "the history".into(), id: id.clone() });
            } else if payloads.insert(*payload, ()).is_some() {
                self.faults.push(duplicated(id));
            }
        }
    }

    fn acknowledged(&mut self) {
        for sent in &self.ledger.sent {
            for (id, payload) in sent.acked.iter().flatten().zip(&sent.payloads) {
                if id.seq >= self.floor && !self.known.contains_key(&id.seq) {
                    self.faults.push(Fault::Lost { id: id.clone() });
                } else {
                    self.know(id, *payload);
                }
            }
        }
    }

    /// What is there of a batch lies side by side, in order, and is the whole of it, unless its
    /// beginning has been trimmed.
    fn batches(&mut self) {
        let mut found: HashMap<usize, Vec<(usize, &Id)>> = HashMap::new();
        for (id, payload) in self.history {
            if let Some((number, place)) = self.senders.get(payload) {
                found.entry(*number).or_default().push((*place, id));
            }
        }
        for (number, found) in found {
            let size = self.ledger.sent[number].payloads.len();
            let (first, id) = found[0];
            let in_a_row = found.iter().zip(first..).zip(id.seq..);
            let in_a_row = in_a_row.filter(|(((a, id), b), seq)| a == b && id.seq == *seq).count();
            let may_begin_later = id.seq == self.floor;
            let whole = in_a_row == size - first && found.len() == in_a_row;
            if !whole || (first > 0 && !may_begin_later) {
                self.faults.push(Fault::Torn { id: id.clone() });
            }
        }
    }

    fn client(&mut self, name: &str, client: &'a Client) {
        // Where the client stands. Nothing that it may see lies unshown before.
        let mut at: Option<u64> = None;
        // Where the log lost what the client had seen, until it is told.
        let mut lost: Option<u64> = None;
        let mut seen: HashSet<&Id> = HashSet::new();
        for shown in &client.shown {
            match shown {
                Shown::Began(seq) if at.is_none() => at = Some(*seq),
                // The stream begins with a gap, which says where it goes on.
                Shown::Began(_) if self.ledger.gaps_allowed || lost.is_some() => {}
                Shown::Began(_)
                    if !self.ledger.lost.is_empty() && client.sees.may_move_unseen() => {}
                Shown::Resumed(seq) if at.is_some() && lost.is_none() => {
                    at = Some(self.passed(name, client, at.unwrap_or(*seq), *seq));
                }
                Shown::Began(seq) | Shown::Resumed(seq) => {
                    self.faults.push(Fault::FalseStart { client: name.to_owned(), seq: *seq });
                    at = Some(*seq);
                }
                Shown::Gap(seq) | Shown::Forgotten(seq) => {
                    let trimmed = match shown {
                        Shown::Gap(seq) => *seq < self.floor,
                        _ => at.is_some_and(|at| at < self.floor),
                    };
                    if !self.ledger.gaps_allowed || !trimmed || Some(*seq) <= at {
                        let client = name.to_owned();
                        self.faults.push(Fault::FalseStart { client, seq: *seq });
                    }
                    at = Some(*seq);
                }
                Shown::Lost(seq) => (at, lost) = (Some(*seq), Some(*seq)),
                Shown::ToldOfLoss(seq) => {
                    let moved = client.sees.may_move_unseen() && Some(*seq) >= at;
                    if lost.take() != Some(*seq) && !moved {
                        self.faults.push(Fault::FalseStart { client: name.to_owned(), seq: *seq });
                    }
                    at = Some(self.passed(name, client, at.unwrap_or(*seq), *seq));
                }
                Shown::Event(id, payload) => {
                    self.event(name, client, id, *payload);
                    if at.is_some_and(|at| id.seq <= at) {
                        let twice = seen.contains(id);
                        self.faults.push(if twice { duplicated(id) } else { out_of_order(id) });
                    }
                    seen.insert(id);
                    let passed = id.seq.saturating_sub(1);
                    self.passed(name, client, at.unwrap_or(passed), passed);
                    at = at.max(Some(id.seq));
                }
            }
        }
    }

    fn event(&mut self, name: &str, client: &Client, id: &'a Id, payload: u64) {
        if id.seq >= self.floor && !self.known.contains_key(&id.seq) {
            self.faults.push(Fault::NeverDurable { client: name.to_owned(), id: id.clone() });
        } else {
            self.know(id, payload);
        }
        let mine = client.sees.includes(self.topic(payload));
        if self.is_foreign(payload) || !mine {
            self.faults.push(Fault::Foreign { at: name.to_owned(), id: id.clone() });
        }
    }

    /// A client has passed from one position to another and saw nothing between: was there nothing?
    fn passed(&mut self, name: &str, client: &Client, from: u64, to: u64) -> u64 {
        let between = self.known.range(from + 1..to.max(from) + 1);
        let mut unseen = between.filter(|(_, (_, payload))| {
            let topic = self.topic(*payload);
            client.sees.includes(topic)
        });
        let everything = client.sees == Sees::Everything;
        let hole = unseen.next().map(|(seq, _)| *seq);
        let hole = hole.or((everything && to > from).then_some(from + 1));
        if let Some(seq) = hole {
            self.faults.push(Fault::Hole { client: name.to_owned(), seq });
        }
        to.max(from)
    }
}

fn duplicated(id: &Id) -> Fault {
    Fault::Duplicated { id: id.clone() }
}

fn out_of_order(id: &Id) -> Fault {
    Fault::OutOfOrder { id: id.clone() }
}

#[cfg(test)]
mod tests;

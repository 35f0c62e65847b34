//! What is queued at one time: which of it is stored, and what everybody is told.

use super::core::{Core, locked};
use super::publish::PublishError;
use super::queue::Job;
use crate::id::EventId;
use crate::log::{AppendError, Appended, Batch, BatchKey, History, LogError, NewRecord, StoredKey};
use crate::topic::Topic;
use std::collections::HashMap;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

/// Jobs that are decided on in the order in which they were queued, and stored together.
pub(super) struct Group<'c> {
    core: &'c Core,
    /// Which closes are kept when the group is decided on.
    history: History,
    /// What is to be appended.
    pub(super) batches: Vec<Batch>,
    /// How many records that are.
    records: u64,
    /// Topics that this group closes, and the places of the records that do.
    closing: HashMap<Topic, u64>,
    /// Keys that this group's batches have, and the places of their first records.
    keys: HashMap<u128, (BatchKey, u64)>,
    waiting: Vec<Waiting>,
}

/// Who waits for an answer.
struct Waiting {
    ack: oneshot::Sender<Result<EventId, PublishError>>,
    answer: Answer,
    /// Given back when there is the answer.
    _room: OwnedSemaphorePermit,
}

/// What is said when the group is stored.
enum Answer {
    /// The id of the record at this place of the group.
    Stored(u64),
    /// What was asked for had been done before.
    Known(EventId),
    /// The key had been given for something else before.
    Conflict(EventId),
    /// The same, for what is at this place of the group.
    ConflictInGroup(u64),
    /// The topic is closed, or will be by this very group.
    Closed { topic: Topic, by_group: bool },
}

impl<'c> Group<'c> {
    pub(super) fn of(core: &'c Core, jobs: Vec<Job>) -> Self {
        let (batches, closing, keys) =
            (Vec::with_capacity(jobs.len()), HashMap::new(), HashMap::new());
        let waiting = Vec::with_capacity(jobs.len());
        let history = core.log.history();
        let mut group = Group { core, history, batches, records: 0, closing, keys, waiting };
        jobs.into_iter().for_each(|job| group.add(job));
        group
    }

    fn add(&mut self, Job { batch, ack, room }: Job) {
        let answer = match self.decide(&batch) {
            Some(answer) => answer,
            None => self.accept(batch),
        };
        self.waiting.push(Waiting { ack, answer, _room: room });
    }

    /// The answer to what is not to be stored.
    fn decide(&self, batch: &Batch) -> Option<Answer> {
        // What was stored stays so, also if its topic has been closed since.
        if let Some(answer) = batch.key.and_then(|key| self.published(key)) {
            return Some(answer);
        }
        if let Some(topic) = batch.records.first().and_then(NewRecord::closes) {
            return match self.closing.get(topic) {
                Some(place) => Some(Answer::Stored(*place)),
                None => self.closed(topic).map(|seq| Answer::Known(self.history.id(seq))),
            };
        }
        let closed = |topic: &Topic| {
            let by_group = self.closing.contains_key(topic);
            let closed = by_group || self.closed(topic).is_some();
            closed.then(|| Answer::Closed { topic: topic.clone(), by_group })
        };
        batch.records.iter().filter_map(|record| record.topic.as_ref()).find_map(closed)
    }

    /// The answer to what has been published before, or is being published by this very group.
    fn published(&self, BatchKey { key, content }: BatchKey) -> Option<Answer> {
        if let Some((first, place)) = self.keys.get(&key) {
            let is_same = first.content == content;
            return Some(match is_same {
                true => Answer::Stored(*place),
                false => Answer::ConflictInGroup(*place),
            });
        }
        let first = locked(&self.core.keys).find(key)?;
        Some(match first.key.content == content {
            true => Answer::Known(first.id),
            false => Answer::Conflict(first.id),
        })
    }

    /// The seq of the record that had closed a topic before.
    fn closed(&self, topic: &Topic) -> Option<u64> {
        self.core.closed.find(topic.as_str(), self.history.first())
    }

    fn accept(&mut self, batch: Batch) -> Answer {
        let place = self.records;
        if let Some(topic) = batch.records.first().and_then(NewRecord::closes) {
            self.closing.insert(topic.clone(), place);
        }
        if let Some(key) = batch.key {
            self.keys.insert(key.key, (key, place));
        }
        self.records += batch.records.len() as u64;
        self.batches.push(batch);
        Answer::Stored(place)
    }

    /// The group is in the log: from now on its topics are closed, and its keys are known.
    pub(super) fn note_stored(&self, appended: Appended) {
        let (first, time_ms) = (appended.first, appended.time_ms);
        let mut stored: Vec<_> = self.keys.values().collect();
        stored.sort_unstable_by_key(|(_, place)| *place);
        for &&(key, place) in &stored {
            let id = EventId::new(first.epoch(), first.seq() + place);
            locked(&self.core.keys).insert(StoredKey { id, time_ms, key });
        }
        let floor = self.history.first();
        for (topic, place) in &self.closing {
            self.core.closed.insert(topic.as_str(), appended.first.seq() + place, floor);
        }
    }

    /// Tells everybody what became of the group, of which nothing was to be stored if it was not
    /// appended.
    pub(super) fn answer(self, outcome: Result<Option<Appended>, AppendError>) {
        let (first, failure) = match outcome {
            Ok(appended) => (appended.map(|appended| appended.first), None),
            Err(error) => (None, Some(Failure::of(error))),
        };
        let at = |place| first.map(|first| EventId::new(first.epoch(), first.seq() + place));
        for Waiting { ack, answer, _room } in self.waiting {
            let answer = match (answer, &failure) {
                (Answer::Known(id), _) => Ok(id),
                (Answer::Conflict(id), _) => Err(PublishError::Conflict { id }),
                (Answer::ConflictInGroup(_), Some(failure)) => Err(failure.refused()),
                (Answer::ConflictInGroup(place), None) => Err(match at(place) {
                    Some(id) => PublishError::Conflict { id },
                    None => PublishError::Closed,
                }),
                (Answer::Closed { by_group: true, .. }, Some(failure)) => Err(failure.refused()),
                (Answer::Closed { topic, .. }, _) => Err(PublishError::TopicClosed { topic }),
                (Answer::Stored(_), Some(failure)) => Err(failure.of_stored()),
                (Answer::Stored(place), None) => at(place).ok_or(PublishError::Closed),
            };
            // A publisher that has gone does not want to know.
            let _ = ack.send(answer);
        }
    }
}

/// The log has not taken the group: the same for everybody.
struct Failure {
    source: Arc<LogError>,
    refused: bool,
}

impl Failure {
    fn of(error: AppendError) -> Self {
        match error {
            AppendError::Refused(source) => Failure { source: source.into(), refused: true },
            AppendError::OutcomeUnknown(source) => {
                Failure { source: source.into(), refused: false }
            }
        }
    }

    /// For what was not even tried.
    fn refused(&self) -> PublishError {
        PublishError::Refused(self.source.clone())
    }

    fn of_stored(&self) -> PublishError {
        match self.refused {
            true => self.refused(),
            false => PublishError::OutcomeUnknown(self.source.clone()),
        }
    }
}

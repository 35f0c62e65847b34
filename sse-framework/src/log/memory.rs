//! A log in memory, for tests and for events that need not outlive the process.

use super::history::History;
use super::times::now_ms;
use super::{
    AppendError, Appended, Batch, EventLog, LogError, NewRecord, OpenLog, Position, Read,
    RecordRef, Retention,
};
use crate::id::{Epoch, EventId, IdKey};
use crate::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};
use crate::topic::{Topic, TopicSelection};
use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::sync::{Arc, PoisonError};

/// A log in memory: the same ids, replay and retention, gone with the process.
///
/// Unless the hub's retention says otherwise it keeps everything, so give it a bound.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct MemoryLog {}

impl MemoryLog {
    /// An empty log.
    pub fn new() -> Self {
        MemoryLog::default()
    }
}

impl OpenLog for MemoryLog {
    fn open(self: Box<Self>, retention: Retention) -> Result<Box<dyn EventLog>, LogError> {
        let epoch = Epoch::generate().map_err(LogError::no_random_bytes)?;
        let epochs = Arc::new([(epoch, 1)]);
        let id_key = IdKey::generate().map_err(LogError::no_random_bytes)?;
        let records = RwLock::new(Records { first: 1, ..Records::default() });
        let schemas = RwLock::new(None);
        Ok(Box::new(OpenMemoryLog { epochs, schemas, id_key, retention, records }))
    }
}

/// So many records are looked at by a reader before others have their turn, and none is shown meanwhile.
const SLICE: u64 = 256;

struct OpenMemoryLog {
    epochs: Arc<[(Epoch, u64)]>,
    schemas: RwLock<Option<Vec<u8>>>,
    id_key: IdKey,
    retention: Retention,
    records: RwLock<Records>,
}

#[derive(Default)]
struct Records {
    kept: VecDeque<Arc<Record>>,
    /// The seq of the first kept record.
    first: u64,
    bytes: u64,
    time_ms: u64,
    /// The time of the last record that is no longer kept.
    trimmed_ms: Option<u64>,
    closed: bool,
}

struct Record {
    time_ms: u64,
    record: NewRecord,
}

impl Records {
    fn last(&self) -> u64 {
        self.first + self.kept.len() as u64 - 1
    }

    fn trim(&mut self, retention: &Retention) {
        let oldest_ms = retention.oldest_ms();
        while let Some(oldest) = self.kept.front() {
            let too_many = retention.events.is_some_and(|most| self.kept.len() as u64 > most);
            let too_old = oldest.time_ms < oldest_ms;
            let too_large = retention.bytes.is_some_and(|most| self.bytes > most);
            if !(too_many || too_old || too_large) {
                return;
            }
            self.trimmed_ms = Some(oldest.time_ms);
            self.bytes -= oldest.record.bytes();
            self.first += 1;
            self.kept.pop_front();
        }
    }
}

impl OpenMemoryLog {
    fn records(&self) -> RwLockReadGuard<'_, Records> {
        self.records.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn records_mut(&self) -> RwLockWriteGuard<'_, Records> {
        self.records.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn id(&self, seq: u64) -> EventId {
        EventId::new(self.epochs[0].0, seq)
    }
}

impl EventLog for OpenMemoryLog {
    fn append(&self, batches: &[Batch]) -> Result<Appended, AppendError> {
        let mut records = self.records_mut();
        if records.closed {
            return Err(AppendError::Refused(LogError::Closed));
        }
        records.time_ms = now_ms(records.time_ms);
        let (time_ms, first) = (records.time_ms, records.last() + 1);
        for record in batches.iter().flat_map(|batch| &batch.records) {
            records.bytes += record.bytes();
            records.kept.push_back(Arc::new(Record { time_ms, record: record.clone() }));
        }
        records.trim(&self.retention);
        Ok(Appended { first: self.id(first), time_ms })
    }

    fn read(
        &self,
        after: u64,
        until: u64,
        topics: &TopicSelection,
        visit: &mut dyn FnMut(RecordRef<'_>) -> ControlFlow<()>,
    ) -> Result<Read, LogError> {
        let (mut first, mut next) = (None, after.saturating_add(1));
        loop {
            let records = self.records();
            if records.closed {
                return Err(LogError::Closed);
            }
            if let Some(first) = first.filter(|_| next < records.first) {
                // What comes next is no longer kept: the next read begins behind it.
                return Ok(Read { first, until: next - 1 });
            }
            next = next.max(records.first);
            let (first, until) = (*first.get_or_insert(next), until.min(records.last()));
            if next > until {
                return Ok(Read { first, until });
            }
            let end = until.min(next.saturating_add(SLICE - 1));
            let places = (next - records.first) as usize..=(end - records.first) as usize;
            let is_selected = |(_, kept): &(u64, &Arc<Record>)| {
                topics.includes(kept.record.topic.as_ref().map(Topic::as_str))
            };
            let selected = (next..).zip(records.kept.range(places)).filter(is_selected);
            let selected: Vec<_> = selected.map(|(seq, record)| (seq, record.clone())).collect();
            drop(records);
            for (seq, kept) in selected {
                let Record { time_ms, record } = &*kept;
                let flow = visit(RecordRef {
                    id: self.id(seq),
                    time_ms: *time_ms,
                    topic: record.topic.as_ref().map(Topic::as_str),
                    name: &record.name,
                    version: record.version,
                    data: &record.data,
                });
                if flow.is_break() {
                    return Ok(Read { first, until: seq });
                }
            }
            next = end + 1;
        }
    }

    fn position_at(&self, time_ms: u64) -> Result<Position, LogError> {
        let records = self.records();
        if records.closed {
            return Err(LogError::Closed);
        }
        if records.trimmed_ms.is_some_and(|trimmed| trimmed >= time_ms) {
            return Ok(Position::Trimmed);
        }
        let earlier = records.kept.partition_point(|record| record.time_ms < time_ms);
        Ok(Position::After(records.first + earlier as u64 - 1))
    }

    fn history(&self) -> History {
        if self.retention.age.is_some() {
            // What has grown too old since the last append is no longer kept either.
            self.records_mut().trim(&self.retention);
        }
        let records = self.records();
        History::new(self.epochs.clone(), records.first, records.last())
    }

    fn id_key(&self) -> Result<IdKey, LogError> {
        Ok(self.id_key.clone())
    }

    fn schemas(&self) -> Result<Option<Vec<u8>>, LogError> {
        Ok(self.schemas.read().unwrap_or_else(PoisonError::into_inner).clone())
    }

    fn store_schemas(&self, schemas: &[u8]) -> Result<(), LogError> {
        let mut kept = self.schemas.write().unwrap_or_else(PoisonError::into_inner);
        *kept = Some(schemas.to_vec());
        Ok(())
    }

    fn close(&self) -> Result<(), LogError> {
        self.records_mut().closed = true;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::times::position_by_records;
    use proptest::prelude::*;
    use std::time::Duration;

    /// Appends a record of each of these times, of which each is so much later than the one before.
    fn append(log: &OpenMemoryLog, steps: &[u64]) {
        for step in steps {
            let data = b"1".to_vec();
            let record = NewRecord { topic: None, name: "a".into(), version: 1, data };
            let batch = Batch { records: vec![record], key: None };
            // Time stands still for as long as it is in the future.
            log.records_mut().time_ms += step;
            log.append(&[batch]).unwrap();
        }
    }

    fn open(events: u64) -> OpenMemoryLog {
        let schemas = RwLock::new(None);
        let records = RwLock::new(Records { first: 1, ..Records::default() });
        records.write().unwrap().time_ms = FUTURE;
        let epochs = Arc::new([(Epoch::generate().unwrap(), 1)]);
        let retention = Retention::forever().events(events);
        let id_key = IdKey::generate().unwrap();
        OpenMemoryLog { epochs, schemas, id_key, retention, records }
    }

    const FUTURE: u64 = 1 << 50;

    /// Whoever wants to know the history does not wait for those who read.
    #[test]
    fn a_reader_holds_up_nobody_and_misses_nothing() {
        let log = Arc::new(open(3_000));
        append(&log, &[1; 2_000]);
        let (mut seen, all) = (Vec::new(), TopicSelection::everything());
        let read = log.read(10, 1_990, &all, &mut |record| {
            seen.push(record.id.seq());
            if record.id.seq() == 700 {
                let ((done, waiting), log) = (std::sync::mpsc::channel(), log.clone());
                std::thread::spawn(move || {
                    append(&log, &[1; 1_500]);
                    done.send(log.history().first())
                });
                let first = waiting.recv_timeout(Duration::from_secs(20));
                assert_eq!(first, Ok(501), "it waits for a reader");
            }
            ControlFlow::Continue(())
        });
        assert_eq!(read.unwrap(), Read { first: 11, until: 1_990 });
        assert_eq!(seen, (11..=1_990).collect::<Vec<_>>());
        // What is trimmed under a reader is not passed over.
        let read = log.read(0, 1_990, &all, &mut |record| {
            if record.id.seq() == 501 {
                append(&log, &[1; 1_000]);
            }
            ControlFlow::Continue(())
        });
        assert_eq!(read.unwrap(), Read { first: 501, until: 756 });
    }

    proptest! {
        #[test]
        fn a_time_stands_where_a_look_at_all_records_finds_it(
            steps in prop::collection::vec(0u64..4, 0..60),
            events in 1u64..70,
        ) {
            let log = open(events);
            append(&log, &steps);
            let mut now = FUTURE;
            let times: Vec<u64> = steps.iter().map(|step| { now += step; now }).collect();
            let first = log.history().first();
            for time in FUTURE..=now + 1 {
                let earlier = times.iter().filter(|&&other| other < time).count() as u64;
                let position = log.position_at(time).unwrap();
                match earlier + 1 < first {
                    true => prop_assert_eq!(position, Position::Trimmed),
                    false => prop_assert_eq!(position, Position::After(earlier)),
                }
                let by_records = match first > 1 && earlier < first {
                    true => Position::Trimmed,
                    false => position,
                };
                prop_assert_eq!(position_by_records(&log, time).unwrap(), by_records);
            }
        }
    }
}

//! A log of which a test changes something.

use sse_framework::{
    AppendError, Appended, Batch, EventLog, History, IdKey, LogError, LogStatus, MemoryLog,
    OpenLog, Position, Read, RecordRef, Retention, StoredKey, TopicSelection,
};
use std::ops::ControlFlow;

/// What happens on the way to a log. By default nothing.
pub trait Hooks: Send + Sync + 'static {
    /// Opens the log, which by default is one in memory.
    fn open(&self, retention: Retention) -> Result<Box<dyn EventLog>, LogError> {
        Box::new(MemoryLog::new()).open(retention)
    }

    /// In place of [`EventLog::append`].
    fn append(&self, log: &dyn EventLog, batches: &[Batch]) -> Result<Appended, AppendError> {
        log.append(batches)
    }

    /// In place of [`EventLog::read`].
    fn read(
        &self,
        log: &dyn EventLog,
        after: u64,
        until: u64,
        topics: &TopicSelection,
        visit: &mut dyn FnMut(RecordRef<'_>) -> ControlFlow<()>,
    ) -> Result<Read, LogError> {
        log.read(after, until, topics, visit)
    }

    /// In place of [`EventLog::position_at`].
    fn position_at(&self, log: &dyn EventLog, time_ms: u64) -> Result<Position, LogError> {
        log.position_at(time_ms)
    }
}

/// A log to which the way is by these hooks.
#[derive(Clone, Debug)]
pub struct Hooked<H>(pub H);

impl<H: Hooks> OpenLog for Hooked<H> {
    fn open(self: Box<Self>, retention: Retention) -> Result<Box<dyn EventLog>, LogError> {
        let log = self.0.open(retention)?;
        Ok(Box::new(OpenHooked { hooks: self.0, log }))
    }
}

struct OpenHooked<H> {
    hooks: H,
    log: Box<dyn EventLog>,
}

impl<H: Hooks> EventLog for OpenHooked<H> {
    fn append(&self, batches: &[Batch]) -> Result<Appended, AppendError> {
        self.hooks.append(&*self.log, batches)
    }

    fn read(
        &self,
        after: u64,
        until: u64,
        topics: &TopicSelection,
        visit: &mut dyn FnMut(RecordRef<'_>) -> ControlFlow<()>,
    ) -> Result<Read, LogError> {
        self.hooks.read(&*self.log, after, until, topics, visit)
    }

    fn position_at(&self, time_ms: u64) -> Result<Position, LogError> {
        self.hooks.position_at(&*self.log, time_ms)
    }

    fn history(&self) -> History {
        self.log.history()
    }

    fn closed_topics(&self, visit: &mut dyn FnMut(&str, u64)) -> Result<(), LogError> {
        self.log.closed_topics(visit)
    }

    fn keys(
        &self,
        since_ms: u64,
        visit: &mut dyn FnMut(StoredKey) -> ControlFlow<()>,
    ) -> Result<(), LogError> {
        self.log.keys(since_ms, visit)
    }

    fn id_key(&self) -> Result<IdKey, LogError> {
        self.log.id_key()
    }

    fn schemas(&self) -> Result<Option<Vec<u8>>, LogError> {
        self.log.schemas()
    }

    fn store_schemas(&self, schemas: &[u8]) -> Result<(), LogError> {
        self.log.store_schemas(schemas)
    }

    fn status(&self) -> LogStatus {
        self.log.status()
    }

    fn close(&self) -> Result<(), LogError> {
        self.log.close()
    }
}

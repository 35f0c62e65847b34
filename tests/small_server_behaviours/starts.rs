//! A hub that does not start leaves its log as it was.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sse_framework::{
    AppendError, Appended, Batch, EventLog, History, Hub, IdKey, IdStyle, LogError, MemoryLog,
    OpenLog, Read, RecordRef, Retention, SseEvent, StoredKey, TopicSelection,
};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// One call to this log fails. Whether it has been closed.
#[derive(Clone)]
struct Failing(&'static str, Arc<AtomicBool>);

struct Open(Failing, Box<dyn EventLog>);

impl Open {
    fn check(&self, call: &str) -> Result<(), LogError> {
        match self.0.0 == call {
            true => Err(LogError::other(self.0.0, "on demand")),
            false => Ok(()),
        }
    }
}

impl OpenLog for Failing {
    fn open(self: Box<Self>, retention: Retention) -> Result<Box<dyn EventLog>, LogError> {
        let log = Box::new(MemoryLog::new()).open(retention)?;
        Ok(Box::new(Open(*self, log)))
    }
}

impl EventLog for Open {
    fn append(&self, batches: &[Batch]) -> Result<Appended, AppendError> {
        self.1.append(batches)
    }

    fn read(
        &self,
        after: u64,
        until: u64,
        topics: &TopicSelection,
        visit: &mut dyn FnMut(RecordRef<'_>) -> ControlFlow<()>,
    ) -> Result<Read, LogError> {
        self.1.read(after, until, topics, visit)
    }

    fn history(&self) -> History {
        self.1.history()
    }

    fn closed_topics(&self, _: &mut dyn FnMut(&str, u64)) -> Result<(), LogError> {
        self.check("closed_topics")
    }

    fn keys(
        &self,
        _: u64,
        _: &mut dyn FnMut(StoredKey) -> ControlFlow<()>,
    ) -> Result<(), LogError> {
        self.check("keys")
    }

    fn id_key(&self) -> Result<IdKey, LogError> {
        self.check("id_key")?;
        self.1.id_key()
    }

    fn store_schemas(&self, _: &[u8]) -> Result<(), LogError> {
        self.check("store_schemas")
    }

    fn close(&self) -> Result<(), LogError> {
        self.0.1.store(true, Ordering::Relaxed);
        self.1.close()
    }
}

#[derive(Serialize, Deserialize, JsonSchema, SseEvent)]
struct Tick {}

#[tokio::test]
async fn a_log_is_closed_if_the_hub_does_not_start() {
    for call in ["closed_topics", "keys", "id_key", "store_schemas", ""] {
        let closed = Arc::new(AtomicBool::new(false));
        let log = Failing(call, closed.clone());
        let started = Hub::<Tick>::builder(log).ids(IdStyle::Opaque).start().await;
        assert_eq!(started.is_err(), !call.is_empty(), "{started:?}");
        assert_eq!(closed.load(Ordering::Relaxed), started.is_err(), "{call}");
    }
}

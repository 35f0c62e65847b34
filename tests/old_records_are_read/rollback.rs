//! A program of tomorrow, and that of today to which there is a way back.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sse_framework::{
    EventId, EventLog, Hub, HubBuilder, LogError, OnSchemaChange, OpenLog, Read, RecordRef,
    Retention, SledLog, SseEvent, TopicSelection,
};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex};
use support::log::{Hooked, Hooks};

#[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema, SseEvent)]
pub(super) struct Noted {
    pub(super) n: u64,
}

#[derive(Serialize, Deserialize, JsonSchema, SseEvent)]
#[sse(name = "counted", version = 2)]
pub(super) struct CountedOfTomorrow {}

#[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema, SseEvent)]
pub(super) struct Counted {}

#[derive(SseEvent)]
pub(super) enum Tomorrow {
    Noted(Noted),
    Counted(CountedOfTomorrow),
}

#[derive(Debug, PartialEq, SseEvent)]
pub(super) enum Today {
    Noted(Noted),
    Counted(Counted),
}

/// Writes so many records as tomorrow's program: notes where `reads`, and what today's cannot read.
pub(super) async fn write(log: &Path, count: u64, reads: impl Fn(u64) -> bool) -> Vec<EventId> {
    let hub = Hub::<Tomorrow>::open(log).await.unwrap();
    let event = |n| match reads(n) {
        true => Tomorrow::Noted(Noted { n }),
        false => Tomorrow::Counted(CountedOfTomorrow {}),
    };
    let all: Vec<_> = (1..=count).collect();
    let mut ids = Vec::new();
    for part in all.chunks(5000) {
        let published = hub.publish_all(part.iter().copied().map(event)).topic("a");
        ids.extend(published.await.unwrap());
    }
    hub.shutdown().await.unwrap();
    ids
}

/// How often a log is read.
#[derive(Default)]
pub(super) struct Reads {
    pub(super) count: AtomicUsize,
    /// On what the second read waits.
    pub(super) second: Mutex<Option<Receiver<()>>>,
}

/// A log on disk whose reads are counted.
struct Counting(SledLog, Arc<Reads>);

impl Hooks for Counting {
    fn open(&self, retention: Retention) -> Result<Box<dyn EventLog>, LogError> {
        Box::new(self.0.clone()).open(retention)
    }

    fn read(
        &self,
        log: &dyn EventLog,
        after: u64,
        until: u64,
        topics: &TopicSelection,
        visit: &mut dyn FnMut(RecordRef<'_>) -> ControlFlow<()>,
    ) -> Result<Read, LogError> {
        if self.1.count.fetch_add(1, Ordering::Relaxed) == 1 {
            let held = self.1.second.lock().unwrap().take();
            held.map(|held| held.recv());
        }
        log.read(after, until, topics, visit)
    }
}

/// Today's program on the log of tomorrow's.
pub(super) fn rolled_back(log: &Path, reads: &Arc<Reads>) -> HubBuilder<Today> {
    let log = Hooked(Counting(SledLog::new(log), reads.clone()));
    Hub::builder(log).on_schema_change(OnSchemaChange::Accept)
}

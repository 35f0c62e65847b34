//! What the benchmarks share.

use criterion::Criterion;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sse_framework::{Batch, EventLog, NewRecord, OpenLog, Retention, SledLog, SseEvent, Topic};
use std::path::Path;

/// An event of about 200 bytes.
#[derive(Clone, Serialize, Deserialize, JsonSchema, SseEvent)]
#[sse(topic = "shops/{shop}/orders")]
pub(crate) struct OrderPlaced {
    pub(crate) shop: u64,
    pub(crate) number: u64,
    pub(crate) item: String,
    pub(crate) note: String,
}

impl OrderPlaced {
    pub(crate) fn new(shop: u64) -> Self {
        let note = "left at the door, with a \"bell\" beside it; ".repeat(3);
        OrderPlaced { shop, number: 4711, item: "espresso cup, white".into(), note }
    }
}

/// The record of an order at one of so many shops.
pub(crate) fn record(shop: u64) -> NewRecord {
    let order = OrderPlaced::new(shop);
    let mut data = Vec::new();
    order.encode(&mut data).unwrap();
    let topic: Option<Topic> = order.topic().unwrap();
    NewRecord::new(topic, order.event_type().name(), 1, data)
}

pub(crate) fn batch(records: impl IntoIterator<Item = NewRecord>) -> Batch {
    Batch::new(records.into_iter().collect(), None)
}

pub(crate) fn open(path: &Path) -> Box<dyn EventLog> {
    Box::new(SledLog::new(path)).open(Retention::forever()).unwrap()
}

/// A directory on the disk that the build is on: `/tmp` may be memory.
pub(crate) fn directory() -> tempfile::TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}

/// Runs the benchmarks with criterion's command line.
pub(crate) fn run(benchmarks: &[fn(&mut Criterion)]) {
    let mut criterion = Criterion::default().configure_from_args();
    benchmarks.iter().for_each(|benchmark| benchmark(&mut criterion));
    criterion.final_summary();
}

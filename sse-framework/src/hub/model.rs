//! What the models of other modules need of a hub.

use super::closed::ClosedTopics;
use super::committer::commit;
use super::core::{Core, Settings};
use super::idempotency::Keys;
use super::queue::Queue;
use crate::event::Renewal;
use crate::id::Ids;
use crate::log::{Batch, MemoryLog, NewRecord, OpenLog, Retention, Window};
use crate::tail::{Room, Subscribers, Tail};
use std::sync::Arc;
use std::time::Duration;

impl Core {
    /// A hub whose committer is whoever calls [`commit`](Core::commit), with so many events in the
    /// tail.
    pub(crate) fn without_thread(tail_events: usize) -> Arc<Core> {
        let log = Box::new(MemoryLog::new()).open(Retention::forever()).unwrap();
        let settings = Settings {
            max_event_bytes: 99,
            heartbeat: Duration::MAX,
            retry: Duration::MAX,
            coalesce: Duration::ZERO,
            drain_window: Duration::ZERO,
            max_topics: 99,
            max_query_bytes: 99,
            log_readers: 4,
        };
        let tail = Tail::new(0, usize::MAX, tail_events);
        let subscribers = Arc::new(Subscribers::new(Room { all: 99, per_key: 99 }));
        let known = (ClosedTopics::default(), Keys::new(Window::DEFAULT));
        let (queue, shown) = (Queue::new(1 << 20), (Ids::Plain, Renewal::none()));
        Arc::new(Core::new(log.into(), known, tail, subscribers, queue, settings, shown))
    }

    /// Closes a topic.
    pub(crate) fn close(&self, topic: &str) {
        let batch = Batch { records: vec![NewRecord::closing(topic.parse().unwrap())], key: None };
        let _ack = self.queue.try_push(batch, &self.pressure).unwrap();
        commit(self, self.queue.take().unwrap()).unwrap();
    }

    /// Publishes records of these topics together, and commits them.
    pub(crate) fn commit(&self, topics: &[&str]) {
        let record = |topic: &&str| NewRecord {
            topic: Some(topic.parse().unwrap()),
            name: "x".into(),
            version: 1,
            data: b"1".to_vec(),
        };
        let batch = Batch { records: topics.iter().map(record).collect(), key: None };
        let _ack = self.queue.try_push(batch, &self.pressure).unwrap();
        commit(self, self.queue.take().unwrap()).unwrap();
    }
}

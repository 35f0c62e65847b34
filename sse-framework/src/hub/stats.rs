//! What a hub can tell of its clients, and of its limits.

use super::Hub;
use super::core::locked;
use super::pressure::Limit;
use crate::event::SseEvent;
use std::sync::atomic::Ordering;

/// Figures of one moment, each exact by itself. Those of type `u64` count since the hub began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Subscriptions, within the process and as responses.
    pub subscriptions: usize,
    /// Of these, responses that the HTTP server drives, each by a task.
    pub streams_by_body: usize,
    /// Responses that the writer of [`serve`](fn@crate::serve) has taken over.
    pub streams_by_writer: usize,
    /// Topics that are closed, each of which takes some 60 bytes of memory at most. Up to as many
    /// again, and always up to 1,024, may be counted whose closes are no longer kept.
    pub closed_topics: usize,
    /// Idempotency keys that are known, each of which takes 220 bytes of memory at most. Some may have
    /// become older than the [window](crate::HubBuilder::idempotency_window): they go when the next
    /// event with a key is published.
    pub idempotency_keys: usize,
    /// Subscriptions that were refused because there were
    /// [`max_subscriptions`](crate::HubBuilder::max_subscriptions) already.
    pub subscriptions_refused: u64,
    /// Subscriptions that were refused because there were
    /// [`max_subscriptions_per_key`](crate::HubBuilder::max_subscriptions_per_key) of their key.
    pub subscriptions_refused_by_key: u64,
    /// Subscriptions that were refused for more than [`max_topics`](crate::HubBuilder::max_topics).
    pub topics_refused: u64,
    /// Subscriptions that were refused for a query longer than
    /// [`max_query_bytes`](crate::HubBuilder::max_query_bytes).
    pub queries_refused: u64,
    /// Who waits for its turn to read the log, since [`log_readers`](crate::HubBuilder::log_readers) do.
    pub log_reads_waiting: usize,
    /// Reads of the log that had to wait.
    pub log_reads_delayed: u64,
    /// Publishes that were refused for more than [`max_event_bytes`](crate::HubBuilder::max_event_bytes), or as
    /// a batch for more than [`queue_bytes`](crate::HubBuilder::queue_bytes).
    pub publishes_too_large: u64,
    /// Publishes that found the queue full, and waited or were given back.
    pub publishes_delayed: u64,
}

impl<E: SseEvent> Hub<E> {
    /// Who is connected, how they are served, and which limits were met.
    pub fn stats(&self) -> Stats {
        let core = self.core();
        let met = |limit| core.pressure.count(limit);
        Stats {
            subscriptions: core.subscribers.count(),
            streams_by_body: core.streams.by_body.load(Ordering::Relaxed),
            idempotency_keys: locked(&core.keys).count(),
            closed_topics: core.closed.count(),
            streams_by_writer: core.streams.by_writer.load(Ordering::Relaxed),
            subscriptions_refused: met(Limit::Subscriptions),
            subscriptions_refused_by_key: met(Limit::SubscriptionsPerKey),
            topics_refused: met(Limit::Topics),
            queries_refused: met(Limit::QueryBytes),
            log_reads_waiting: core.pressure.reads_waiting(),
            log_reads_delayed: met(Limit::LogReaders),
            publishes_too_large: met(Limit::PublishBytes),
            publishes_delayed: met(Limit::QueueBytes),
        }
    }
}

//! What a hub can tell of its clients.

use super::Hub;
use crate::event::SseEvent;
use std::sync::atomic::Ordering;

/// Figures of one moment, each exact by itself.
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
    /// again may be counted whose closes are no longer kept.
    pub closed_topics: usize,
}

impl<E: SseEvent> Hub<E> {
    /// Who is connected, and how they are served.
    pub fn stats(&self) -> Stats {
        let core = self.core();
        Stats {
            subscriptions: core.subscribers.count(),
            streams_by_body: core.streams.by_body.load(Ordering::Relaxed),
            closed_topics: core.closed.count(),
            streams_by_writer: core.streams.by_writer.load(Ordering::Relaxed),
        }
    }
}

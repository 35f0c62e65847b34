//! Whether a hub can do its work.

use super::Hub;
use crate::event::SseEvent;
use crate::log::{SalvageReport, StorageFailure};

/// Whether a hub can do its work: for the route that tells a load balancer, and for monitoring.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Health {
    /// Events are stored and delivered.
    Ready,
    /// Events cannot be stored at the moment, and publishing fails. Subscribers still get what there
    /// is. The hub tries again by itself, and goes on when it can.
    StorageFailing(StorageFailure),
    /// The streams have been ended, or the hub has been shut down: new clients should go elsewhere.
    Draining,
}

impl Health {
    /// Whether it is [`Ready`](Health::Ready).
    pub fn is_ready(&self) -> bool {
        matches!(self, Health::Ready)
    }
}

impl<E: SseEvent> Hub<E> {
    /// Whether the hub can do its work. Cheap: it looks at what is known, and does not touch the disk.
    ///
    /// ```
    /// use axum::{Router, http::StatusCode, routing::get};
    /// # use schemars::JsonSchema;
    /// # use serde::{Deserialize, Serialize};
    /// use sse_framework::{Health, Hub, SseEvent};
    /// # #[derive(Serialize, Deserialize, JsonSchema, SseEvent)]
    /// # struct OrderPlaced {
    /// #     id: u64,
    /// # }
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let hub = Hub::<OrderPlaced>::in_memory()?;
    /// let ready = {
    ///     let hub = hub.clone();
    ///     get(async move || match hub.health() {
    ///         Health::Ready => StatusCode::OK,
    ///         _ => StatusCode::SERVICE_UNAVAILABLE,
    ///     })
    /// };
    /// let app: Router = Router::new().route("/events", hub.endpoint()).route("/ready", ready);
    /// # Ok(())
    /// # }
    /// ```
    pub fn health(&self) -> Health {
        let core = self.core();
        if core.subscribers.drains() || core.queue.is_closed() {
            return Health::Draining;
        }
        match core.log.status().failing {
            Some(failure) => Health::StorageFailing(failure),
            None => Health::Ready,
        }
    }

    /// What the log has lost, and what damaged files it has put aside. Empty if all is well.
    pub fn salvage_report(&self) -> SalvageReport {
        self.core().log.status().salvage
    }
}

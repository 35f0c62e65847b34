//! The hub: where events are published and subscribed to.

mod builder;
mod close;
mod closed;
mod committer;
mod core;
mod drain;
mod group;
mod health;
mod idempotency;
#[cfg(all(test, loom))]
mod model;
mod pages;
mod pressure;
mod publish;
mod queue;
#[cfg(all(test, shuttle))]
mod schedules;
mod stats;

pub use builder::{HubBuilder, StartError};
pub use close::CloseTopic;
pub use health::Health;
pub use idempotency::{IdempotencyKeyError, MAX_IDEMPOTENCY_KEY_LENGTH};
pub use publish::{BatchReceipt, Publish, PublishAll, PublishError, Receipt, TryPublishError};
pub use stats::Stats;

pub(crate) use core::{Core, PageRead, Settings, Streams};
pub(crate) use pressure::{Limit, Pressure};

use crate::event::SseEvent;
use crate::id::{EventId, ParseIdError};
use crate::log::{LogError, MemoryLog, OpenLog, Position, Retention, SledLog};
use crate::subscribe::{Subscribe, SubscriptionBuilder};
use std::fmt;
use std::marker::PhantomData;
use std::path::PathBuf;
use std::sync::Arc;

/// Publishes events of the set `E` and lets clients subscribe to them.
///
/// A hub owns a log. What is published is appended to the log, and when it is durable every
/// subscription that may see it gets it, in the log's order. A subscription is a position in the
/// log, so one that was away, or is slow, reads from there on and misses nothing.
///
/// Cloning a hub gives another handle to the same. When the last handle is dropped, the hub stores
/// what is queued, ends its subscriptions and closes the log, on a thread of its own;
/// [`shutdown`](Hub::shutdown) does the same and waits.
///
/// ```
/// use schemars::JsonSchema;
/// use serde::{Deserialize, Serialize};
/// use sse_framework::{Hub, SseEvent};
///
/// #[derive(Serialize, Deserialize, JsonSchema, SseEvent)]
/// struct OrderPlaced {
///     id: u64,
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let hub = Hub::<OrderPlaced>::in_memory()?;
/// let app: axum::Router = axum::Router::new().route("/events", hub.endpoint());
///
/// let id = hub.publish(OrderPlaced { id: 7 }).await?;
/// assert_eq!(hub.last_event_id(), id);
/// # Ok(())
/// # }
/// ```
pub struct Hub<E> {
    handle: Arc<Handle>,
    events: PhantomData<fn() -> E>,
}

/// What the clones of a hub share; its end is the hub's end.
struct Handle {
    core: Arc<Core>,
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.core.queue.close();
    }
}

impl<E: SseEvent> Hub<E> {
    /// A hub whose log is in the directory at `path`, with every setting at its default.
    ///
    /// # Errors
    ///
    /// [`StartError`], for example because another process has the log open, or because the event types do not
    /// [fit](StartError::Schema) what it was written with.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub async fn open(path: impl Into<PathBuf>) -> Result<Self, StartError> {
        Self::builder(SledLog::new(path)).start().await
    }

    /// A hub that keeps the newest 100,000 events, 64 MiB at most, in memory: for tests, and for
    /// events that need not outlive the process.
    ///
    /// # Errors
    ///
    /// [`StartError`] if an event type's name is not allowed, or the system has no thread to give.
    pub fn in_memory() -> Result<Self, StartError> {
        let retention = Retention::forever().events(100_000).bytes(64 << 20);
        Self::builder(MemoryLog::new()).retention(retention).start_now()
    }

    /// Settings for a hub on `log`.
    pub fn builder(log: impl OpenLog) -> HubBuilder<E> {
        HubBuilder::new(Box::new(log))
    }

    /// Publishes one event: await it to get the event's id.
    ///
    /// See [`Publish`] for what it promises, how to choose a topic, and how to publish without
    /// waiting.
    pub fn publish(&self, event: impl Into<E>) -> Publish<'_, E> {
        Publish::new(self, event.into())
    }

    /// Publishes events as one batch: they get consecutive ids with nothing in between, and are
    /// kept all or none, also over a crash. Await it, or [`enqueue`](PublishAll::enqueue) it.
    pub fn publish_all<I: Into<E>>(
        &self,
        events: impl IntoIterator<Item = I>,
    ) -> PublishAll<'_, E> {
        PublishAll::new(self, events.into_iter().map(Into::into).collect())
    }

    /// Queues one event without waiting, for callers that cannot await.
    ///
    /// The [`Receipt`] resolves when the event is durable; dropping it does not cancel.
    ///
    /// # Errors
    ///
    /// [`TryPublishError`] gives the event back, for example when the queue is full.
    pub fn try_publish(&self, event: impl Into<E>) -> Result<Receipt, TryPublishError<E>> {
        self.publish(event).enqueue()
    }

    /// Begins a subscription for a request, or with `Subscribe::default()` within this process.
    ///
    /// It shows nothing until [`topics`](SubscriptionBuilder::topics) or
    /// [`everything`](SubscriptionBuilder::everything) has said what it may see.
    pub fn subscribe(&self, request: Subscribe) -> SubscriptionBuilder<E> {
        SubscriptionBuilder::new(self.core().clone(), request)
    }

    /// How many subscriptions there are now.
    pub fn subscriber_count(&self) -> usize {
        self.core().subscribers.count()
    }

    /// How many of them were begun with this [`key`](SubscriptionBuilder::key).
    pub fn subscriber_count_of(&self, key: impl fmt::Display) -> usize {
        self.core().subscribers.count_of(&key.to_string())
    }

    /// The id of the newest event that subscribers can see. Before the first event it is the
    /// position that the first event will follow.
    pub fn last_event_id(&self) -> EventId {
        let history = self.core().log.history();
        history.id(self.core().tail.head())
    }

    /// The text of an event's id as clients see it, in the hub's
    /// [style](HubBuilder::ids): what stands in its `id:` field. At most 64 characters of `[a-z0-9-]`.
    ///
    /// It is for an event that the client may see, which it can recognise by it. If all that the client
    /// is to know is where it stands, give it [`encode_cursor`](Hub::encode_cursor).
    pub fn encode_id(&self, id: EventId) -> String {
        self.core().ids.event(id).to_string()
    }

    /// The text of a position as clients see it, say that of a state that the app has answered
    /// with: a client that subscribes with it as its last event id gets what comes after. At most 64
    /// characters of `[a-z0-9-]`.
    ///
    /// With [opaque](crate::IdStyle::Opaque) ids it is another text each time, so that nobody finds out
    /// whether something happened between two of them.
    pub fn encode_cursor(&self, at: EventId) -> String {
        self.core().ids.position(at)
    }

    /// The id behind a text that a client gives back: from an `id:` field,
    /// [`encode_id`](Hub::encode_id) or [`encode_cursor`](Hub::encode_cursor).
    ///
    /// # Errors
    ///
    /// [`ParseIdError`] if the text is none that the hub's log has given, as far as it remembers.
    pub fn decode_id(&self, text: &str) -> Result<EventId, ParseIdError> {
        let id = self.core().ids.read(text)?;
        match self.core().log.history().find(id) {
            Position::Unknown => Err(ParseIdError::new()),
            _ => Ok(id),
        }
    }

    /// Ends the subscriptions of this moment that were begun with this
    /// [`key`](SubscriptionBuilder::key), and says how many there were. Within a second they yield
    /// their last event, or their `sse-close`; a client whose connection takes nothing gets nothing
    /// more. They count, for [limits](HubBuilder::max_subscriptions_per_key) too, until they are gone.
    ///
    /// Clients may come back, so take the right away first: then the handler refuses them. A request
    /// that the handler has let in, but whose subscription has not begun, is none of this moment. If
    /// that must not be, begin the subscription and look after it whether the right is still there.
    ///
    /// ```
    /// # async fn sign_out<E: sse_framework::SseEvent>(hub: sse_framework::Hub<E>, user: u64) {
    /// // The session is gone from the database.
    /// hub.disconnect(user);
    /// # }
    /// ```
    pub fn disconnect(&self, key: impl fmt::Display) -> usize {
        self.core().subscribers.end_key(&key.to_string())
    }

    /// Ends the subscriptions of this moment. Their clients may come back, and go on where they
    /// were.
    pub fn disconnect_all(&self) {
        self.core().subscribers.end_today();
    }

    /// Stops the hub: refuses new events, stores those that are queued, ends all subscriptions and
    /// closes the log, after which it can be opened again.
    ///
    /// All of that waits for the disk, and for whoever reads the log at the time, which may run the app's own
    /// code: the `upcast` and the `Deserialize` of old records. If one of these hangs, this does not return; after
    /// 5 seconds of waiting for readers a warning is logged. Where something else has to go on, put a timeout around
    /// it. What has been acknowledged is in the log also if it was never closed.
    ///
    /// # Errors
    ///
    /// [`LogError`] if the log's last sync failed, or the log failed so that the hub had ended
    /// already. It is given to the first caller.
    ///
    /// # Cancel safety
    ///
    /// The shutdown goes on if the future is dropped.
    pub async fn shutdown(&self) -> Result<(), LogError> {
        self.core().shutdown().await
    }

    pub(crate) fn core(&self) -> &Arc<Core> {
        &self.handle.core
    }
}

impl<E> Clone for Hub<E> {
    fn clone(&self) -> Self {
        Hub { handle: self.handle.clone(), events: PhantomData }
    }
}

impl<E> fmt::Debug for Hub<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let core = &self.handle.core;
        f.debug_struct("Hub")
            .field("head", &core.tail.head())
            .field("subscribers", &core.subscribers.count())
            .finish_non_exhaustive()
    }
}

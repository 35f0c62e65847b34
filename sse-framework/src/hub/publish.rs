//! Publishing: an event, a batch, a receipt.

use super::Hub;
use super::idempotency::{self, IdempotencyKeyError};
use super::pressure::Limit;
use super::queue::Ack;
use crate::event::{EncodeError, SseEvent};
use crate::id::EventId;
use crate::log::{Batch, BatchKey, LogError, NewRecord, key};
use crate::topic::{Topic, TopicError};
use crate::wire;
use std::borrow::Cow;
use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

/// An event that is about to be published: await it, or [`enqueue`](Publish::enqueue) it.
///
/// # Ordering
///
/// Events get their ids in the order in which they entered the hub's queue. Two publishes that one
/// task awaits one after the other are in that order.
///
/// # Durability
///
/// It resolves to the event's id when the event is as durable as the log is set to make it and
/// subscribers can see it.
///
/// # Back-pressure
///
/// While the queue is full it waits. Nothing is ever dropped.
///
/// # Cancel safety
///
/// Not polled, nothing is published. Once the event is queued, dropping the future does not cancel
/// it. Between, while it waits for room, dropping it publishes nothing.
///
/// # Errors
///
/// [`PublishError`]; after [`OutcomeUnknown`](PublishError::OutcomeUnknown) alone the event may
/// still be found in the log. With an [`idempotency_key`](Publish::idempotency_key) it can be
/// published again after any error, and is stored once.
#[must_use = "nothing is published until this is awaited or enqueued"]
pub struct Publish<'h, E> {
    hub: &'h Hub<E>,
    event: E,
    options: Options,
}

/// A batch that is about to be published: await it to get the events' ids, or
/// [`enqueue`](PublishAll::enqueue) it.
///
/// What [`Publish`] says of order, durability, back-pressure and cancelling holds here too. An
/// empty batch resolves to no ids at once.
#[must_use = "nothing is published until this is awaited or enqueued"]
pub struct PublishAll<'h, E> {
    hub: &'h Hub<E>,
    events: Vec<E>,
    options: Options,
}

/// What has been said of a publish beside its events.
#[derive(Debug, Default)]
struct Options {
    topic: Option<Result<Topic, TopicError>>,
    /// What is kept of it.
    key: Option<Result<u128, IdempotencyKeyError>>,
}

impl Options {
    fn topic(self, topic: &str) -> Self {
        Options { topic: Some(topic.parse()), ..self }
    }

    fn key(self, text: &str) -> Self {
        Options { key: Some(idempotency::check(text).map(key::of_text)), ..self }
    }
}

impl<'h, E: SseEvent> Publish<'h, E> {
    pub(super) fn new(hub: &'h Hub<E>, event: E) -> Self {
        Publish { hub, event, options: Options::default() }
    }

    /// Publishes to this topic rather than the event's own. Text that is no topic is an error when
    /// it is published.
    pub fn topic(self, topic: impl AsRef<str>) -> Self {
        Publish { options: self.options.topic(topic.as_ref()), ..self }
    }

    /// Makes it safe to try this again: with the same key the event is stored once, and everybody
    /// gets its id.
    ///
    /// A key is text of 1 to [`MAX_IDEMPOTENCY_KEY_LENGTH`](crate::MAX_IDEMPOTENCY_KEY_LENGTH) bytes that is
    /// made once for what is published, before the first attempt, for example a UUID; what is no key is an
    /// error when it is published. Keys are those of the hub, whatever topics there are: if keys come
    /// from users, put before each whose it is, so that no user can meet with another's.
    ///
    /// - Tried again within the window, which is 10 minutes or 100,000 keys unless
    ///   [`HubBuilder::idempotency_window`](crate::HubBuilder::idempotency_window) says otherwise, it stores
    ///   nothing, tells no subscriber anything and resolves to the first id. So it does after a restart,
    ///   also if the process was killed, and also if the event is no longer kept or its topic has been
    ///   closed since.
    /// - Tried at the same time, one is stored, and the others await that. If it fails, those that were
    ///   to be stored together with it have the same error; whoever comes later is on its own.
    /// - The same key with another payload, topic, event type or version is
    ///   [`PublishError::Conflict`]. So the event must be encoded to the same bytes each time: the time of the
    ///   attempt in it makes it another, and so does a `HashMap`, whose order changes.
    /// - A publish that failed leaves no key: it can be tried again with the same one. So after
    ///   [`OutcomeUnknown`](PublishError::OutcomeUnknown), too: whether the event had been kept or not, it
    ///   is in the log once then.
    ///
    /// With [`Durability::Buffered`](crate::Durability::Buffered) a loss of power can take the last
    /// events, and their keys with them: who tries again then stores the event anew.
    ///
    /// ```
    /// # use schemars::JsonSchema;
    /// # use serde::{Deserialize, Serialize};
    /// use sse_framework::{Hub, PublishError, SseEvent};
    ///
    /// # #[derive(Serialize, Deserialize, JsonSchema, SseEvent)]
    /// # struct Paid { order: u64 }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let hub = Hub::<Paid>::in_memory()?;
    /// let first = hub.publish(Paid { order: 7 }).idempotency_key("paid-7").await?;
    /// let again = hub.publish(Paid { order: 7 }).idempotency_key("paid-7").await?;
    /// assert_eq!(again, first);
    /// assert_eq!(hub.last_event_id(), first, "nothing has been stored since");
    ///
    /// let other = hub.publish(Paid { order: 8 }).idempotency_key("paid-7").await;
    /// assert!(matches!(other, Err(PublishError::Conflict { id }) if id == first));
    /// # Ok(())
    /// # }
    /// ```
    pub fn idempotency_key(self, key: impl AsRef<str>) -> Self {
        Publish { options: self.options.key(key.as_ref()), ..self }
    }

    /// Queues the event without waiting.
    ///
    /// # Errors
    ///
    /// [`TryPublishError`] gives the event back, for example when the queue is full.
    pub fn enqueue(self) -> Result<Receipt, TryPublishError<E>> {
        let Publish { hub, event, options } = self;
        let core = hub.core();
        let queued = batch(hub, std::slice::from_ref(&event), options)
            .and_then(|batch| core.queue.try_push(batch, &core.pressure));
        match queued {
            Ok(ack) => Ok(Receipt(ack)),
            Err(error) => Err(TryPublishError { event, error }),
        }
    }
}

impl<'h, E: SseEvent> PublishAll<'h, E> {
    pub(super) fn new(hub: &'h Hub<E>, events: Vec<E>) -> Self {
        PublishAll { hub, events, options: Options::default() }
    }

    /// Publishes all of them to this topic rather than their own.
    pub fn topic(self, topic: impl AsRef<str>) -> Self {
        PublishAll { options: self.options.topic(topic.as_ref()), ..self }
    }

    /// Makes it safe to try the batch again, as [`Publish::idempotency_key`] does for one event: one
    /// key for all, who tries again gets the first ids, and other events, fewer or more are a
    /// conflict.
    pub fn idempotency_key(self, key: impl AsRef<str>) -> Self {
        PublishAll { options: self.options.key(key.as_ref()), ..self }
    }

    /// Queues the batch without waiting: all of it or nothing.
    ///
    /// # Errors
    ///
    /// [`TryPublishError`] gives the events back, for example when the queue is full.
    ///
    /// ```
    /// # use schemars::JsonSchema;
    /// # use serde::{Deserialize, Serialize};
    /// use sse_framework::{Hub, SseEvent};
    ///
    /// # #[derive(Serialize, Deserialize, JsonSchema, SseEvent)]
    /// # struct Tick { n: u64 }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let hub = Hub::<Tick>::in_memory()?;
    /// match hub.publish_all([Tick { n: 1 }, Tick { n: 2 }]).enqueue() {
    ///     Ok(receipt) => assert_eq!(receipt.await?.len(), 2),
    ///     Err(refused) => println!("{} events were not queued", refused.event.len()),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn enqueue(self) -> Result<BatchReceipt, TryPublishError<Vec<E>>> {
        let PublishAll { hub, events, options } = self;
        if events.is_empty() {
            return Ok(BatchReceipt::of_nothing());
        }
        let core = hub.core();
        let queued = batch(hub, &events, options)
            .and_then(|batch| core.queue.try_push(batch, &core.pressure));
        match queued {
            Ok(ack) => Ok(BatchReceipt::new(ack, events.len())),
            Err(error) => Err(TryPublishError { event: events, error }),
        }
    }
}

/// Encodes events, on the task of their publisher.
fn batch<E: SseEvent>(
    hub: &Hub<E>,
    events: &[E],
    Options { topic, key }: Options,
) -> Result<Batch, PublishError> {
    let (topic, key) = (topic.transpose()?, key.transpose()?);
    let limit = hub.core().settings.max_event_bytes;
    let record = |event: &E| {
        let event_type = event.event_type();
        let topic = match &topic {
            Some(topic) => Some(topic.clone()),
            None => event.topic()?,
        };
        let mut data = Vec::new();
        event.encode(&mut data)?;
        let (name, bytes) = (event_type.name(), data.len());
        wire::check_event(name, &data).map_err(|source| EncodeError::Frame { name, source })?;
        if bytes > limit {
            hub.core().pressure.met(Limit::PublishBytes);
            return Err(PublishError::EventTooLarge { name, bytes, limit });
        }
        Ok(NewRecord { topic, name: Cow::Borrowed(name), version: event_type.version(), data })
    };
    let records = events.iter().map(record).collect::<Result<Vec<_>, PublishError>>()?;
    let key = key.map(|key| BatchKey { key, content: key::of_records(&records) });
    Ok(Batch { records, key })
}

impl<'h, E: SseEvent> IntoFuture for Publish<'h, E> {
    type Output = Result<EventId, PublishError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 'h>>;

    fn into_future(self) -> Self::IntoFuture {
        let Publish { hub, event, options } = self;
        Box::pin(async move {
            let batch = batch(hub, std::slice::from_ref(&event), options)?;
            drop(event);
            let core = hub.core();
            Receipt(core.queue.push(batch, &core.pressure).await?).await
        })
    }
}

impl<'h, E: SseEvent> IntoFuture for PublishAll<'h, E> {
    type Output = Result<Vec<EventId>, PublishError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 'h>>;

    fn into_future(self) -> Self::IntoFuture {
        let PublishAll { hub, events, options } = self;
        Box::pin(async move {
            let count = events.len();
            if count == 0 {
                return BatchReceipt::of_nothing().await;
            }
            let batch = batch(hub, &events, options)?;
            drop(events);
            let core = hub.core();
            BatchReceipt::new(core.queue.push(batch, &core.pressure).await?, count).await
        })
    }
}

/// An event that is queued: resolves to its id when it is durable, as [`Publish`] does.
///
/// It may be dropped: the event is published all the same.
#[derive(Debug)]
pub struct Receipt(pub(super) Ack);

impl Future for Receipt {
    type Output = Result<EventId, PublishError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // Without an answer, the committer ended in the middle of this event's commit.
        let unknown = |_| Err(PublishError::OutcomeUnknown(Arc::new(LogError::Closed)));
        Poll::Ready(ready!(Pin::new(&mut self.0).poll(cx)).unwrap_or_else(unknown))
    }
}

/// A batch that is queued: resolves to its events' ids when it is durable, as [`PublishAll`] does.
///
/// It may be dropped: the events are published all the same.
#[derive(Debug)]
pub struct BatchReceipt {
    /// None of an empty batch.
    first: Option<Receipt>,
    count: u64,
}

impl BatchReceipt {
    fn new(ack: Ack, count: usize) -> Self {
        BatchReceipt { first: Some(Receipt(ack)), count: count as u64 }
    }

    fn of_nothing() -> Self {
        BatchReceipt { first: None, count: 0 }
    }
}

impl Future for BatchReceipt {
    type Output = Result<Vec<EventId>, PublishError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(first) = &mut self.first else { return Poll::Ready(Ok(Vec::new())) };
        let first = ready!(Pin::new(first).poll(cx))?;
        let seqs = first.seq()..first.seq().saturating_add(self.count);
        Poll::Ready(Ok(seqs.map(|seq| EventId::new(first.epoch(), seq)).collect()))
    }
}

/// An event could not be published.
///
/// Clones of one error reach every publisher of a group that failed together, so the log's error
/// is shared.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PublishError {
    /// The value could not be made an event. Publishing it again fails again.
    #[error("the event cannot be encoded")]
    Encode(#[source] Arc<EncodeError>),
    /// What `.topic(..)` or `close_topic(..)` was given is no topic.
    #[error("the topic given to publish is not a topic")]
    Topic(#[from] TopicError),
    /// What `.idempotency_key(..)` was given is no key.
    #[error("what was given as the idempotency key of a publish is none")]
    IdempotencyKey(#[from] IdempotencyKeyError),
    /// The idempotency key has been used before, for something else. Nothing has been stored.
    #[error(
        "the idempotency key was used for another event, {id}: make a new key for each event that is \
         published, and use it again only to try exactly that again"
    )]
    Conflict {
        /// The id of what it was used for; of a batch, of its first event.
        id: EventId,
    },
    /// The topic has been closed, so nothing more can be published to it. The event is not in the
    /// log, nor is any other of its batch.
    #[error("topic `{topic}` has been closed: publish to another one")]
    TopicClosed {
        /// The topic.
        topic: Topic,
    },
    /// The payload is larger than the hub's `max_event_bytes`.
    #[error(
        "event `{name}` has {bytes} bytes of payload, the limit is {limit}: \
         publish a reference to the data, or raise HubBuilder::max_event_bytes"
    )]
    EventTooLarge {
        /// The event type.
        name: &'static str,
        /// Its payload's size.
        bytes: usize,
        /// The most that is allowed.
        limit: usize,
    },
    /// The batch, of more than one event, is larger than the hub's whole queue.
    #[error(
        "the batch takes {bytes} bytes, the publish queue holds {limit}: \
         publish smaller batches, or raise HubBuilder::queue_bytes"
    )]
    BatchTooLarge {
        /// The batch's size.
        bytes: usize,
        /// The most that fits.
        limit: usize,
    },
    /// The queue has no room now. Only of publishing that does not wait.
    #[error("the publish queue is full: await the publish, or try again later")]
    QueueFull,
    /// The hub has been shut down. The event is not in the log.
    #[error("the hub has been shut down")]
    Closed,
    /// The log could not take the event, which is not in it. Trying again may succeed.
    #[error("the log refused the event")]
    Refused(#[source] Arc<LogError>),
    /// Writing the event failed half way: it may or may not be found in the log later.
    #[error("the log failed while the event was being stored: it may or may not have been kept")]
    OutcomeUnknown(#[source] Arc<LogError>),
}

impl From<EncodeError> for PublishError {
    fn from(error: EncodeError) -> Self {
        PublishError::Encode(Arc::new(error))
    }
}

/// What could not be queued, and why: an event, or the events of a batch.
#[derive(thiserror::Error)]
#[error("nothing was queued")]
pub struct TryPublishError<E> {
    /// The event, given back; of a batch, all of its events.
    pub event: E,
    /// Why.
    #[source]
    pub error: PublishError,
}

/// Events need not be `Debug` for this to be an error.
impl<E> fmt::Debug for TryPublishError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TryPublishError").field("error", &self.error).finish_non_exhaustive()
    }
}

impl<E> fmt::Debug for Publish<'_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Publish").field("options", &self.options).finish_non_exhaustive()
    }
}

impl<E> fmt::Debug for PublishAll<'_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.events.len();
        f.debug_struct("PublishAll")
            .field("count", &count)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

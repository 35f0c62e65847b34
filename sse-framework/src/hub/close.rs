//! Closing topics.

use super::Hub;
use super::publish::{PublishError, Receipt};
use crate::event::SseEvent;
use crate::id::EventId;
use crate::log::{Batch, NewRecord};
use crate::topic::{Topic, TopicError};
use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;

/// A topic that is about to be closed: await it to get the id of the close, or
/// [`enqueue`](CloseTopic::enqueue) it.
///
/// What [`Publish`](super::Publish) says of order, durability, back-pressure and cancelling holds
/// here too.
#[must_use = "no topic is closed until this is awaited or enqueued"]
pub struct CloseTopic<'h, E> {
    hub: &'h Hub<E>,
    topic: Result<Topic, TopicError>,
}

impl<E: SseEvent> Hub<E> {
    /// Closes a topic: nothing more can be published to it, and the streams of those who read
    /// nothing else end.
    ///
    /// It is stored like an event, in its place among the others. Who reads the topic gets all that
    /// was published before, and then the close: an `sse-topic-close` event, or
    /// [`Received::TopicClosed`](crate::Received::TopicClosed). What is published to it after that,
    /// in the order of the queue, is refused with [`PublishError::TopicClosed`]. Closing a topic that
    /// is closed does nothing, and gives the id of its close. Topics below it are other topics.
    ///
    /// A topic stays closed for as long as retention keeps the close. After that nothing is known of
    /// it any more, and it can be published to again.
    ///
    /// ```
    /// # use schemars::JsonSchema;
    /// # use serde::{Deserialize, Serialize};
    /// use sse_framework::{CloseReason, Hub, PublishError, Received, SseEvent, Start, Subscribe};
    ///
    /// # #[derive(Serialize, Deserialize, JsonSchema, SseEvent, Debug)]
    /// # struct Token { text: String }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let hub = Hub::<Token>::in_memory()?;
    /// hub.publish(Token { text: "Yes.".into() }).topic("answers/7").await?;
    /// hub.close_topic("answers/7").await?;
    ///
    /// let more = hub.publish(Token { text: "And".into() }).topic("answers/7").await;
    /// assert!(matches!(more, Err(PublishError::TopicClosed { .. })));
    ///
    /// let topics = ["answers/7".parse()?];
    /// let mut answer = hub.subscribe(Subscribe::default()).start(Start::Oldest).topics(topics);
    /// assert!(matches!(answer.next().await, Some(Received::Event(_))));
    /// assert!(matches!(answer.next().await, Some(Received::TopicClosed { .. })));
    /// assert!(matches!(answer.next().await, Some(Received::Closed(CloseReason::Complete))));
    /// # Ok(())
    /// # }
    /// ```
    pub fn close_topic(&self, topic: impl AsRef<str>) -> CloseTopic<'_, E> {
        CloseTopic { hub: self, topic: topic.as_ref().parse() }
    }

    /// The id of the record that closes a topic; none if the topic is open, or the text no topic. Costs no
    /// reading.
    pub fn topic_closed(&self, topic: impl AsRef<str>) -> Option<EventId> {
        self.core().closed_at(topic.as_ref())
    }
}

impl<E: SseEvent> CloseTopic<'_, E> {
    /// Queues the close without waiting, for example when something is dropped.
    ///
    /// # Errors
    ///
    /// [`PublishError`], for example because the queue is full.
    pub fn enqueue(self) -> Result<Receipt, PublishError> {
        let core = self.hub.core();
        core.queue.try_push(closing(self.topic)?, &core.pressure).map(Receipt)
    }
}

fn closing(topic: Result<Topic, TopicError>) -> Result<Batch, TopicError> {
    Ok(Batch { records: vec![NewRecord::closing(topic?)], key: None })
}

impl<'h, E: SseEvent> IntoFuture for CloseTopic<'h, E> {
    type Output = Result<EventId, PublishError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 'h>>;

    fn into_future(self) -> Self::IntoFuture {
        let CloseTopic { hub, topic } = self;
        let core = hub.core();
        Box::pin(
            async move { Receipt(core.queue.push(closing(topic)?, &core.pressure).await?).await },
        )
    }
}

impl<E> fmt::Debug for CloseTopic<'_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CloseTopic").field("topic", &self.topic).finish_non_exhaustive()
    }
}

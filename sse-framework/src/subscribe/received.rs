//! What a subscription within the process yields.

use super::control::{CloseReason, Gap};
use crate::id::EventId;
use crate::topic::Topic;
use std::time::SystemTime;

/// What a [`Subscription`](super::Subscription) yields: events, and what happened to the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Received<E> {
    /// An event.
    Event(Delivered<E>),
    /// Events are missing, or with a choice of topics may be missing, before the next one.
    Gap(Gap),
    /// A topic was [closed](crate::Hub::close_topic): nothing more comes of it. If there are other
    /// topics, the stream goes on with these.
    #[non_exhaustive]
    TopicClosed {
        /// The id of the close: a subscription after it goes on with the next event.
        id: EventId,
        /// The topic.
        topic: Topic,
    },
    /// The subscription is over: nothing follows.
    Closed(CloseReason),
}

/// An event as a subscriber gets it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Delivered<E> {
    /// Its id: a subscription after it goes on with the next event.
    pub id: EventId,
    /// The topic that it was published to.
    pub topic: Option<Topic>,
    /// When it was published, by the clock of the machine that stored it, to a millisecond. Never
    /// earlier than the event before.
    pub time: SystemTime,
    /// The event.
    pub event: E,
}

impl<E> Received<E> {
    /// The event, if it is one.
    pub fn event(self) -> Option<E> {
        match self {
            Received::Event(delivered) => Some(delivered.event),
            Received::Gap(_) | Received::TopicClosed { .. } | Received::Closed(_) => None,
        }
    }

    /// The position after which a subscription would go on, which is what to store beside what was
    /// made of it; none after the end.
    pub fn id(&self) -> Option<EventId> {
        match self {
            Received::Event(Delivered { id, .. }) | Received::TopicClosed { id, .. } => Some(*id),
            Received::Gap(gap) => Some(gap.resumed_after),
            Received::Closed(_) => None,
        }
    }
}

//! Server-Sent Events for axum with a durable log.
#![cfg_attr(docsrs, feature(doc_cfg))]

#[doc(hidden)]
pub use event::private as __private;

mod event;
mod hub;
mod id;
mod log;
mod subscribe;
mod tail;
#[cfg(feature = "test-util")]
#[cfg_attr(docsrs, doc(cfg(feature = "test-util")))]
pub mod testing;
mod topic;
pub mod wire;

pub use event::{
    DecodeError, EncodeError, EventType, EventTypeError, MAX_EVENT_NAME_LENGTH, RawEvent, SseEvent,
};
pub use hub::{
    Hub, HubBuilder, Publish, PublishAll, PublishError, Receipt, StartError, TryPublishError,
};
pub use id::{Epoch, EventId, ParseIdError};
pub use log::{
    AppendError, Appended, Batch, Durability, EventLog, History, LogError, MemoryLog, NewRecord,
    OpenLog, Position, RecordRef, Retention, SledLog,
};
pub use subscribe::{
    CloseReason, Delivered, Gap, GapReason, OnGap, Received, Snapshot, Start, Subscribe,
    SubscribeRejection, Subscription, SubscriptionBuilder,
};
pub use topic::{MAX_TOPIC_LENGTH, Topic, TopicError, TopicFilter, TopicSelection};

pub use sse_derive::SseEvent;

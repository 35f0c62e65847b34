//! Server-Sent Events for axum with a durable log.
#![cfg_attr(docsrs, feature(doc_cfg))]

#[doc(hidden)]
pub use event::private as __private;

mod event;
mod id;
mod log;
mod topic;
pub mod wire;

pub use event::{
    DecodeError, EncodeError, EventType, EventTypeError, MAX_EVENT_NAME_LENGTH, RawEvent, SseEvent,
};
pub use id::{Epoch, EventId, ParseIdError};
pub use log::{
    AppendError, Appended, Batch, Durability, EventLog, History, LogError, MemoryLog, NewRecord,
    OpenLog, Position, RecordRef, Retention, SledLog,
};
pub use topic::{MAX_TOPIC_LENGTH, Topic, TopicError, TopicFilter, TopicSelection};

pub use sse_derive::SseEvent;

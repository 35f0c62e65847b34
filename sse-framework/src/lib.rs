//! Server-Sent Events for axum with a durable log: what your app publishes reaches every browser
//! that may see it, in order, also the one that was away.
//!
//! You describe your events as types, publish them to a [`Hub`], and mount its endpoint. Each event
//! is written into a log on disk before anybody sees it, and gets an id. A browser that comes back
//! sends the last id that it has seen, as every `EventSource` does, and gets what it missed: after
//! a broken connection, a deploy, or `kill -9`.
//!
//! ```
//! use axum::Router;
//! use schemars::JsonSchema;
//! use serde::{Deserialize, Serialize};
//! use sse_framework::{Hub, Received, SseEvent, Start, Subscribe};
//!
//! /// An order was accepted.
//! #[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema, SseEvent)]
//! #[sse(topic = "shops/{shop}/orders")]
//! struct OrderPlaced {
//!     shop: String,
//!     item: String,
//! }
//!
//! #[tokio::main]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     # let directory = tempfile::tempdir()?;
//!     # let path = directory.path().join("events");
//!     # /*
//!     let path = "data/events";
//!     # */
//!     let hub = Hub::<OrderPlaced>::open(path).await?;
//!
//!     // A route for browsers: `new EventSource("/events")`. To be given to `sse_framework::serve`.
//!     let app: Router = Router::new().route("/events", hub.endpoint());
//!
//!     // Returns when the event is on disk.
//!     let order = OrderPlaced { shop: "rome".into(), item: "cup".into() };
//!     let id = hub.publish(order).await?;
//!
//!     // The same subscription without HTTP.
//!     let mut orders = hub.subscribe(Subscribe::default()).start(Start::Oldest).everything();
//!     let Some(Received::Event(first)) = orders.next().await else { return Ok(()) };
//!     assert_eq!((first.id, first.event.item.as_str()), (id, "cup"));
//!
//!     hub.shutdown().await?;
//!     # drop(app);
//!     Ok(())
//! }
//! ```
//!
//! # Overview
//!
//! * [`Hub`] is where everything happens: [`publish`](Hub::publish),
//!   [`publish_all`](Hub::publish_all), [`try_publish`](Hub::try_publish),
//!   [`endpoint`](Hub::endpoint), [`subscribe`](Hub::subscribe),
//!   [`close_topic`](Hub::close_topic), [`drained_by`](Hub::drained_by), [`shutdown`](Hub::shutdown).
//! * [`SseEvent`](macro@SseEvent) makes a struct an event and an enum a set of events.
//! * [`Subscribe`] is the extractor for handlers that decide who may see what, by [`TopicFilter`];
//!   [`Subscription`] is what they answer with, and a stream of [`Received`] for your own code.
//! * [`typescript`] makes a module for browsers: the types of the events, and a client that knows them.
//! * [`json_schemas`] and [`openapi`] describe the events to others; [`Hub::schema_routes`] serves that.
//! * [`serve`](fn@serve) takes the place of `axum::serve`, and serves streams at the least cost.
//! * [`HubBuilder`] has the settings, [`SledLog`] the log on disk with its [`Durability`],
//!   [`Retention`] how much is kept, and [`EventLog`] the trait behind a log of your own.
//! * [`wire`] writes and reads the format itself. Most apps never need it.
//!
//! # What it is not
//!
//! Not a message broker: it has no protocol of its own and one process per log. Not a WebSocket
//! layer: events go from the server to the client. Not a job queue: every subscriber sees every
//! event that it may see. Not an event-sourcing framework: the log is there so that clients can
//! catch up.
//!
//! # Features
//!
//! | feature | by default | what it adds |
//! |---|---|---|
//! | `serve` | yes | [`serve`], a server in which streams cost little |
//! | `http2` | no | HTTP/2 without TLS in `serve` |
//! | `test-util` | no | the module `testing`: a client that tests your app through its router |
#![cfg_attr(docsrs, feature(doc_cfg))]

#[doc(hidden)]
pub use event::private as __private;

mod event;
mod hub;
mod id;
mod log;
mod planted;
mod schema;
#[cfg(feature = "serve")]
mod serve;
mod subscribe;
mod sync;
mod tail;
#[cfg(feature = "test-util")]
#[cfg_attr(docsrs, doc(cfg(feature = "test-util")))]
pub mod testing;
mod topic;
mod unwind;
pub mod wire;

pub use event::{
    DecodeError, EncodeError, EventType, EventTypeError, MAX_EVENT_NAME_LENGTH, RawEvent, SseEvent,
};
pub use hub::{
    BatchReceipt, CloseTopic, Health, Hub, HubBuilder, IdempotencyKeyError,
    MAX_IDEMPOTENCY_KEY_LENGTH, Publish, PublishAll, PublishError, Receipt, StartError, Stats,
    TryPublishError,
};
pub use id::{Epoch, EventId, IdKey, IdStyle, ParseIdError};
pub use log::{
    AppendError, Appended, Batch, BatchKey, Damage, Durability, EventLog, Exported, History,
    LogError, LogStats, LogStatus, MemoryLog, NewRecord, OnDamage, OpenLog, Position, Progress,
    Read, RecordRef, Retention, SalvageReport, Salvaged, SchemasFlaw, SegmentStats, SledLog,
    StorageFailure, StoredKey, Verified,
};
pub use schema::{
    Breaks, OnSchemaChange, SchemaChange, SchemaError, json_schemas, openapi, typescript,
};
#[cfg(feature = "serve")]
#[cfg_attr(docsrs, doc(cfg(feature = "serve")))]
pub use serve::{Serve, serve};
pub use subscribe::{
    CloseReason, Delivered, Gap, GapReason, OnGap, Problem, Received, Snapshot, Start, Subscribe,
    SubscribeRejection, Subscription, SubscriptionBuilder,
};
pub use topic::{MAX_TOPIC_LENGTH, Topic, TopicError, TopicFilter, TopicSelection};

/// What describes payloads: `JsonSchema`, and the schemas that [`EventType::schema`] gives.
pub use schemars;
pub use sse_derive::SseEvent;

/// The program in the README, which is compiled with the documentation's tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

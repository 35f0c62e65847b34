//! Every attribute in every place where it has a meaning, in a strict crate.
#![deny(warnings, missing_docs, unused_qualifications)]

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sse_framework::SseEvent;

/// A struct.
#[derive(Debug, Serialize, Deserialize, JsonSchema, SseEvent)]
#[sse(name = "order", topic = "shops/{shop}/{{orders}}/n-{id}")]
pub struct OrderPlaced {
    /// A field.
    pub shop: String,
    /// Another.
    pub id: u64,
}

/// A set.
#[derive(Debug, Serialize, Deserialize, JsonSchema, SseEvent)]
#[sse(rename_all = "camelCase", topic = "shops/{shop}")]
pub enum ShopEvent {
    /// Delegates.
    Placed(OrderPlaced),
    /// Has a name of its own, and the set's topic.
    #[sse(name = "opening")]
    Opened {
        /// A field.
        shop: String,
    },
    /// Has a topic of its own.
    #[sse(topic = "moved/{0}")]
    Moved(u8, u8),
    /// Plain data.
    #[sse(json, topic = "notes")]
    Note(String),
}

/// A set of sets, without serde.
#[derive(Debug, SseEvent)]
pub enum Everything {
    /// Delegates, and `From` is not wanted.
    #[sse(no_from)]
    Shop(Box<ShopEvent>),
}

fn main() {
    let names: Vec<_> = Everything::TYPES.iter().map(|event_type| event_type.name()).collect();
    assert_eq!(names, ["opening", "moved", "note", "order"]);
    let _: ShopEvent = OrderPlaced { shop: String::new(), id: 1 }.into();
}

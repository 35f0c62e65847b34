//! Events whose topics are made from their fields.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sse_framework::SseEvent;

// ANCHOR: dotted
/// A line was added to an order.
#[derive(Debug, Serialize, Deserialize, JsonSchema, SseEvent)]
#[sse(topic = "shops/{order.shop}/orders/{order.id}")]
pub struct LineAdded {
    /// Which order.
    pub order: Order,
    /// What was added.
    pub sku: String,
}

/// Names an order.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Order {
    /// The shop.
    pub shop: String,
    /// The number.
    pub id: u64,
}
// ANCHOR_END: dotted

// ANCHOR: unnamed
/// A customer gave an item some stars.
#[derive(Debug, Serialize, Deserialize, JsonSchema, SseEvent)]
#[sse(topic = "ratings/stars-{1}/{{all}}")]
pub struct Rating(pub String, pub u8);
// ANCHOR_END: unnamed

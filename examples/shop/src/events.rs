//! What happens in a shop.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sse_framework::SseEvent;

// ANCHOR: events
/// An order was accepted.
#[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema, SseEvent)]
#[sse(topic = "shops/{shop}/orders")]
pub(crate) struct OrderPlaced {
    pub(crate) shop: String,
    pub(crate) item: String,
    pub(crate) quantity: u32,
}

/// There is more or less of an item than before.
#[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema, SseEvent)]
#[sse(topic = "shops/{shop}/stock")]
pub(crate) struct StockChanged {
    pub(crate) shop: String,
    pub(crate) item: String,
    pub(crate) left: u32,
}

/// Somebody looked at an item.
#[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema, SseEvent)]
#[sse(topic = "shops/{shop}/views")]
pub(crate) struct ItemViewed {
    pub(crate) shop: String,
    pub(crate) item: String,
}

/// Something that everybody should know.
#[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema, SseEvent)]
pub(crate) struct Announcement {
    pub(crate) text: String,
}

/// Everything that this app's hub carries.
#[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema, SseEvent)]
pub(crate) enum ShopEvent {
    OrderPlaced(OrderPlaced),
    StockChanged(StockChanged),
    ItemViewed(ItemViewed),
    Announcement(Announcement),
}
// ANCHOR_END: events

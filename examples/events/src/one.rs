//! Types that are one event.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sse_framework::SseEvent;

// ANCHOR: named
/// An order was accepted.
#[derive(Debug, Serialize, Deserialize, JsonSchema, SseEvent)]
#[sse(topic = "shops/{shop}/orders")]
pub struct OrderPlaced {
    /// Where it was placed.
    pub shop: String,
    /// Its number, which counts up in each shop.
    pub id: u64,
}
// ANCHOR_END: named

// ANCHOR: newtype
/// What the cart costs now, in cents.
#[derive(Debug, Serialize, Deserialize, JsonSchema, SseEvent)]
pub struct CartTotal(pub u64);
// ANCHOR_END: newtype

// ANCHOR: tuple
/// An item went from one shelf to another.
#[derive(Debug, Serialize, Deserialize, JsonSchema, SseEvent)]
pub struct ItemMoved(pub String, pub String);
// ANCHOR_END: tuple

// ANCHOR: unit
/// The shop takes no more orders today.
#[derive(Debug, Serialize, Deserialize, JsonSchema, SseEvent)]
pub struct ShopClosed;
// ANCHOR_END: unit

// ANCHOR: name
/// An item costs more or less than before.
#[derive(Debug, Serialize, Deserialize, JsonSchema, SseEvent)]
#[sse(name = "price")]
pub struct PriceChanged {
    /// The item's number.
    pub sku: String,
    /// In cents.
    pub price: u64,
}
// ANCHOR_END: name

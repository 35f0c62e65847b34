//! The app with a change that nobody thought through: prices in cents, where euros were.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sse_framework::{Hub, SseEvent, StartError};
use std::path::Path;

// ANCHOR: types
/// An order was accepted.
#[derive(Serialize, Deserialize, JsonSchema, SseEvent)]
#[sse(topic = "shops/{shop}/orders")]
pub(crate) struct OrderPlaced {
    shop: String,
    cents: u64,
}

/// Everything that this app's hub carries.
#[derive(SseEvent)]
pub(crate) enum ShopEvent {
    OrderPlaced(OrderPlaced),
}
// ANCHOR_END: types

/// Does not start.
pub(crate) async fn run(log: &Path) -> Result<(), StartError> {
    Hub::<ShopEvent>::open(log).await.map(drop)
}

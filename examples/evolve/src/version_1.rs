//! The app as it was first.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sse_framework::{Hub, OnSchemaChange, SledLog, SseEvent};
use std::error::Error;
use std::path::Path;

// ANCHOR: types
/// An order was accepted.
#[derive(Serialize, Deserialize, JsonSchema, SseEvent)]
#[sse(topic = "shops/{shop}/orders")]
pub(crate) struct OrderPlaced {
    pub(crate) shop: String,
    /// In euros.
    pub(crate) price: u32,
}

/// There is more or less of an item than before.
#[derive(Serialize, Deserialize, JsonSchema, SseEvent)]
#[sse(topic = "shops/{shop}/stock")]
pub(crate) struct StockChanged {
    pub(crate) shop: String,
    pub(crate) left: u32,
}

/// Everything that this app's hub carries.
#[derive(SseEvent)]
pub(crate) enum ShopEvent {
    OrderPlaced(OrderPlaced),
    StockChanged(StockChanged),
}
// ANCHOR_END: types

/// Publishes some events.
pub(crate) async fn run(log: &Path) -> Result<(), Box<dyn Error>> {
    let hub = Hub::<ShopEvent>::open(log).await?;
    for (place, price) in (1..).zip([3, 12, 5]) {
        hub.publish(OrderPlaced { shop: "rome".to_owned(), price }).await?;
        hub.publish(StockChanged { shop: "rome".to_owned(), left: 10 - place }).await?;
    }
    hub.shutdown().await?;
    Ok(())
}

/// Starts this version after version 2.
pub(crate) async fn roll_back(log: &Path) -> Result<(), Box<dyn Error>> {
    // ANCHOR: accept
    let hub = Hub::<ShopEvent>::builder(SledLog::new(log))
        .on_schema_change(OnSchemaChange::Accept)
        .start()
        .await?;
    // ANCHOR_END: accept
    hub.shutdown().await?;
    Ok(())
}

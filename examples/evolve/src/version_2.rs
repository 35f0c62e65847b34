//! The app as it is now.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sse_framework::{Hub, Received, SledLog, SseEvent, Start, Subscribe};
use std::error::Error;
use std::path::Path;

// ANCHOR: types
/// The event type as it was in version 1.
#[derive(Serialize, Deserialize, JsonSchema, SseEvent)]
#[sse(name = "order-placed")]
pub(crate) struct OrderPlacedV1 {
    shop: String,
    price: u32,
}

/// An order was accepted.
#[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema, SseEvent)]
#[sse(version = 2, upcast = from_v1, topic = "shops/{shop}/orders")]
pub(crate) struct OrderPlaced {
    pub(crate) shop: String,
    pub(crate) cents: u64,
    /// A new field needs no new version, if there is something to read where it was not written.
    #[serde(default)]
    pub(crate) gift: bool,
}

fn from_v1(old: OrderPlacedV1) -> OrderPlaced {
    OrderPlaced { shop: old.shop, cents: u64::from(old.price) * 100, gift: false }
}

/// Everything that this app's hub carries.
#[derive(Debug, PartialEq, SseEvent)]
pub(crate) enum ShopEvent {
    OrderPlaced(OrderPlaced),
}
// ANCHOR_END: types

/// All orders that there have ever been, and one more.
pub(crate) async fn run(log: &Path) -> Result<Vec<OrderPlaced>, Box<dyn Error>> {
    // ANCHOR: start
    let hub = Hub::<ShopEvent>::builder(SledLog::new(log))
        .retired_types(["stock-changed"])
        .start()
        .await?;
    // ANCHOR_END: start
    let new = OrderPlaced { shop: "rome".to_owned(), cents: 450, gift: true };
    let last = hub.publish(new).await?;
    // ANCHOR: read
    let mut orders = Vec::new();
    let mut history = hub.subscribe(Subscribe::default()).start(Start::Oldest).everything();
    while let Some(received) = history.next().await {
        match received {
            Received::Event(delivered) => {
                let ShopEvent::OrderPlaced(order) = delivered.event;
                orders.push(order);
                if delivered.id == last {
                    break;
                }
            }
            Received::Gap(gap) => println!("{:?}: {}", gap.reason, gap.resumed_after),
            _ => break,
        }
    }
    // ANCHOR_END: read
    hub.shutdown().await?;
    Ok(orders)
}

use serde::{Deserialize, Serialize};
use sse_framework::SseEvent;

/// One compile tells all of it, and nothing follows from it at the use below.
#[derive(Serialize, Deserialize, SseEvent)]
#[sse(renam_all = "snake_case")]
enum ShopEvent {
    #[sse(nmae = "stock")]
    StockChanged { left: u32 },
    #[sse(topic = "shops/{shpo}")]
    Opened { shop: String },
    Error,
    OrderPlaced(OrderPlaced),
}

#[derive(Serialize, Deserialize, schemars::JsonSchema, SseEvent)]
struct OrderPlaced;

fn publish<E: SseEvent>(_: impl Into<E>) {}

fn main() {
    publish::<ShopEvent>(OrderPlaced);
}

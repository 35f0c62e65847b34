use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sse_framework::SseEvent;

#[derive(Serialize, Deserialize, JsonSchema, SseEvent)]
#[sse(topic = "shops/{order.shpo}")]
struct OrderPlaced {
    order: Order,
}

#[derive(Serialize, Deserialize)]
struct Order {
    shop: String,
}

fn main() {}

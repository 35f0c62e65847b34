use serde::{Deserialize, Serialize};
use sse_framework::SseEvent;

#[derive(Serialize, Deserialize, SseEvent)]
#[sse(topic = "shops/{order..shop}")]
struct OrderPlaced {
    order: Order,
}

#[derive(Serialize, Deserialize)]
struct Order {
    shop: String,
}

fn main() {}

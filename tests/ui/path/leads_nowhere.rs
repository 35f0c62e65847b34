use serde::{Deserialize, Serialize};
use sse_framework::SseEvent;

#[derive(Serialize, Deserialize, SseEvent)]
#[sse(crate = "events", topic = "orders/{id}")]
struct OrderPlaced {
    id: u64,
}

#[derive(Serialize, Deserialize, SseEvent)]
#[sse(crate = "events")]
enum ShopEvent {
    Placed(OrderPlaced),
    Closed,
}

fn main() {}

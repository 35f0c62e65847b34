use serde::{Deserialize, Serialize};
use sse_framework::SseEvent;

#[derive(Serialize, Deserialize, SseEvent)]
struct OrderPlaced {
    id: u64,
}

#[derive(Serialize, Deserialize, SseEvent)]
enum ShopEvent {
    OrderPlaced(OrderPlaced),
    StockChanged { left: u32 },
}

fn main() {}

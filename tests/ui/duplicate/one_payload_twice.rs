use serde::{Deserialize, Serialize};
use sse_framework::SseEvent;

#[derive(Serialize, Deserialize, SseEvent)]
struct OrderPlaced;

#[derive(SseEvent)]
enum ShopEvent {
    Placed(OrderPlaced),
    PlacedAgain(OrderPlaced),
}

fn main() {}

use serde::{Deserialize, Serialize};
use sse_framework::SseEvent;

#[derive(Serialize, Deserialize, SseEvent)]
struct OrderPlaced;

#[derive(Serialize, Deserialize, SseEvent)]
enum ShopEvent {
    #[serde(skip)]
    Placed(OrderPlaced),
}

fn main() {}

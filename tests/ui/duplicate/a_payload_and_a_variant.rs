use serde::{Deserialize, Serialize};
use sse_framework::SseEvent;

#[derive(Serialize, Deserialize, SseEvent)]
struct OrderPlaced;

#[derive(Serialize, Deserialize, SseEvent)]
enum ShopEvent {
    Placed(OrderPlaced),
    #[sse(name = "order-placed")]
    Own { id: u64 },
}

fn main() {}

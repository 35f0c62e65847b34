use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sse_framework::SseEvent;

#[derive(Serialize, Deserialize, JsonSchema, SseEvent)]
struct OrderPlaced;

#[derive(Serialize, Deserialize, JsonSchema, SseEvent)]
enum ShopEvent {
    Placed(OrderPlaced),
    #[sse(name = "order-placed")]
    Own { id: u64 },
}

fn main() {}

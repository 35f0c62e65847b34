use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sse_framework::SseEvent;

#[derive(Serialize, Deserialize, JsonSchema, SseEvent)]
struct OrderPlaced {
    shop: String,
}

#[derive(SseEvent)]
enum ShopEvent {
    #[sse(name = "placed", topic = "shops")]
    Placed(OrderPlaced),
}

fn main() {}

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sse_framework::SseEvent;

#[derive(Serialize, Deserialize, JsonSchema, SseEvent)]
struct OrderPlaced;

#[derive(Serialize, Deserialize, JsonSchema, SseEvent)]
enum ShopEvent {
    Placed(OrderPlaced),
    Total(u64),
    Lines(Vec<OrderPlaced>),
    Maybe(Option<OrderPlaced>),
}

fn main() {}

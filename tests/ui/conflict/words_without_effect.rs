use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sse_framework::SseEvent;

#[derive(Serialize, Deserialize, JsonSchema, SseEvent)]
struct OrderPlaced;

#[derive(SseEvent)]
#[sse(rename_all = "snake_case", topic = "shops")]
enum ShopEvent {
    Placed(OrderPlaced),
}

fn main() {}

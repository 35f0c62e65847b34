use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sse_framework::SseEvent;

#[derive(Serialize, Deserialize, JsonSchema, SseEvent)]
struct OrderPlaced;

type Alias = OrderPlaced;

#[derive(SseEvent)]
enum ShopEvent {
    Placed(OrderPlaced),
    Again(Alias),
}

fn main() {}

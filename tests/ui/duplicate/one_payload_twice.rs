use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sse_framework::SseEvent;

#[derive(Serialize, Deserialize, JsonSchema, SseEvent)]
struct OrderPlaced;

#[derive(SseEvent)]
enum ShopEvent {
    Placed(OrderPlaced),
    PlacedAgain(OrderPlaced),
    PlacedInABox(Box<OrderPlaced>),
}

fn main() {}

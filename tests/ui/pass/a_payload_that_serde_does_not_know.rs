//! Serde's words for skipping are for variants that pass an event on, whatever stands beside them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sse_framework::SseEvent;

#[derive(Serialize, Deserialize, JsonSchema, SseEvent)]
struct OrderPlaced;

#[derive(Serialize, Deserialize, JsonSchema, SseEvent)]
enum ShopEvent {
    #[serde(skip)]
    Placed(OrderPlaced),
}

fn main() {
    let mut out = Vec::new();
    ShopEvent::from(OrderPlaced).encode(&mut out).unwrap();
    assert_eq!(out, b"null");
}

//! A set that only delegates never uses its own serde impls, so they may be anything.
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sse_framework::SseEvent;

#[derive(Serialize, Deserialize, JsonSchema, SseEvent)]
struct OrderPlaced {
    id: u64,
}

#[derive(Serialize, Deserialize, JsonSchema, SseEvent)]
#[serde(tag = "type")]
enum ShopEvent {
    OrderPlaced(OrderPlaced),
}

fn main() {
    let mut out = Vec::new();
    ShopEvent::from(OrderPlaced { id: 1 }).encode(&mut out).unwrap();
    assert_eq!(out, br#"{"id":1}"#);
}

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sse_framework::SseEvent;

#[derive(Serialize, Deserialize, JsonSchema, SseEvent)]
struct OrderPlacedV1;

#[derive(Serialize, Deserialize, JsonSchema, SseEvent)]
#[sse(version = 2, upcast = from_v1)]
struct OrderPlaced;

fn from_v1(_: OrderPlacedV1) -> OrderPlaced {
    OrderPlaced
}

#[derive(Serialize, Deserialize, JsonSchema, SseEvent)]
#[sse(version = 3, upcast = from_v2)]
struct Closed;

#[derive(Serialize, Deserialize, JsonSchema, SseEvent)]
#[sse(name = "closed")]
struct ClosedV1;

fn from_v2(_: ClosedV1) -> Closed {
    Closed
}

#[derive(Serialize, Deserialize, JsonSchema, SseEvent)]
#[sse(version = 2, upcast = to_text)]
struct Opened;

#[derive(Serialize, Deserialize, JsonSchema, SseEvent)]
#[sse(name = "opened")]
struct OpenedV1;

fn to_text(_: OpenedV1) -> String {
    String::new()
}

fn main() {}

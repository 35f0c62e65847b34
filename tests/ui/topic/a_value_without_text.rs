use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sse_framework::SseEvent;

#[derive(Serialize, Deserialize, JsonSchema, SseEvent)]
#[sse(topic = "shops/{shop}")]
struct OrderPlaced {
    shop: Option<String>,
}

fn main() {}

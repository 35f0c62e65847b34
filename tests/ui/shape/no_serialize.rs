use schemars::JsonSchema;
use serde::Deserialize;
use sse_framework::SseEvent;

#[derive(Deserialize, JsonSchema, SseEvent)]
struct OrderPlaced {
    id: u64,
}

fn main() {}

use serde::{Deserialize, Serialize};
use sse_framework::SseEvent;

#[derive(Serialize, Deserialize, SseEvent)]
#[sse(topic = "shops/{shop}{id}")]
struct OrderPlaced {
    shop: String,
    id: u64,
}

fn main() {}

use serde::{Deserialize, Serialize};
use sse_framework::SseEvent;

#[derive(Serialize, Deserialize, SseEvent)]
#[sse(topic = "shops/{shop}/**")]
struct OrderPlaced {
    shop: String,
}

fn main() {}

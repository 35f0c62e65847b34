use serde::{Deserialize, Serialize};
use sse_framework::SseEvent;

#[derive(Serialize, Deserialize, SseEvent)]
#[sse(topic = "shops/{shop")]
struct Opened {
    shop: String,
}

#[derive(Serialize, Deserialize, SseEvent)]
#[sse(topic = "shops/shop}")]
struct Closed {
    shop: String,
}

#[derive(Serialize, Deserialize, SseEvent)]
#[sse(topic = "shops/{}")]
struct Empty {
    shop: String,
}

#[derive(Serialize, Deserialize, SseEvent)]
#[sse(topic = "shops/{shop:?}")]
struct Formatted {
    shop: String,
}

fn main() {}

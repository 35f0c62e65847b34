use serde::{Deserialize, Serialize};
use sse_framework::SseEvent;

#[derive(Serialize, Deserialize, SseEvent)]
#[sse(topic = "shops//{shop}")]
enum ShopEvent {
    Opened { shop: String },
    Closed { shop: String },
}

fn main() {}

use serde::{Deserialize, Serialize};
use sse_framework::SseEvent;

#[derive(Serialize, Deserialize, SseEvent)]
#[sse(topic = "shops/{shpo}")]
struct OrderPlaced {
    shop: String,
    id: u64,
}

#[derive(Serialize, Deserialize, SseEvent)]
#[sse(topic = "shops/{1}")]
struct Priced(u8);

#[derive(Serialize, Deserialize, SseEvent)]
#[sse(topic = "shops/{shop}")]
struct Closed;

fn main() {}

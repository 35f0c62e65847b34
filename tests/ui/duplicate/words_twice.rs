use serde::{Deserialize, Serialize};
use sse_framework::SseEvent;

#[derive(Serialize, Deserialize, SseEvent)]
#[sse(topic = "a", topic = "b", rename_all = "lowercase", rename_all = "UPPERCASE")]
enum ShopEvent {
    #[sse(json, json)]
    Note(String),
}

fn main() {}

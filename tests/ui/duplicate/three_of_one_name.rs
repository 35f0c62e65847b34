use serde::{Deserialize, Serialize};
use sse_framework::SseEvent;

#[derive(Serialize, Deserialize, SseEvent)]
enum ShopEvent {
    #[sse(name = "a")]
    First,
    #[sse(name = "a")]
    Second,
    #[sse(name = "a")]
    Third,
}

fn main() {}

use serde::{Deserialize, Serialize};
use sse_framework::SseEvent;

#[derive(Serialize, Deserialize, SseEvent)]
enum ShopEvent {
    #[sse(crate = "::sse_framework")]
    Closed,
}

fn main() {}

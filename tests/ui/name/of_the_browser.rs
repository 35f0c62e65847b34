use serde::{Deserialize, Serialize};
use sse_framework::SseEvent;

#[derive(Serialize, Deserialize, SseEvent)]
enum ShopEvent {
    Open,
    #[sse(name = "error")]
    Failed,
}

fn main() {}

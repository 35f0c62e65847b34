use serde::{Deserialize, Serialize};
use sse_framework::SseEvent;

#[derive(Serialize, Deserialize, SseEvent)]
enum ShopEvent {
    OPEN,
    Error { code: u16 },
}

#[derive(Serialize, Deserialize, SseEvent)]
#[sse(rename_all = "lowercase")]
enum Door {
    OPEN,
}

fn main() {}

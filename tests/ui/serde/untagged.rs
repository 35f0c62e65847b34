use serde::{Deserialize, Serialize};
use sse_framework::SseEvent;

#[derive(Serialize, Deserialize, SseEvent)]
#[serde(untagged)]
enum ShopEvent {
    StockChanged { left: u32 },
}

fn main() {}

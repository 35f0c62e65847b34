use serde::{Deserialize, Serialize};
use sse_framework::SseEvent;

#[derive(Serialize, Deserialize, SseEvent)]
#[serde(tag = "type", content = "data")]
enum ShopEvent {
    StockChanged { left: u32 },
}

fn main() {}

use serde::{Deserialize, Serialize};
use sse_framework::SseEvent;

#[derive(Serialize, Deserialize, SseEvent)]
enum ShopEvent {
    StockChanged { left: u32 },
    #[serde(other)]
    Unknown,
}

fn main() {}

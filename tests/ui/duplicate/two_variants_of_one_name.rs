use serde::{Deserialize, Serialize};
use sse_framework::SseEvent;

#[derive(Serialize, Deserialize, SseEvent)]
enum ShopEvent {
    StockChanged { left: u32 },
    #[sse(name = "stock-changed")]
    Restocked { left: u32 },
}

fn main() {}

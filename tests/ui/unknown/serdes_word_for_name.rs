use serde::{Deserialize, Serialize};
use sse_framework::SseEvent;

#[derive(Serialize, Deserialize, SseEvent)]
enum ShopEvent {
    #[sse(rename = "stock")]
    StockChanged { left: u32 },
}

fn main() {}

use serde::{Deserialize, Serialize};
use sse_framework::SseEvent;

pub enum Theirs {
    StockChanged { left: u32 },
}

#[derive(Serialize, Deserialize, SseEvent)]
#[serde(remote = "Theirs")]
enum ShopEvent {
    StockChanged { left: u32 },
}

fn main() {}

use serde::{Deserialize, Serialize};
use sse_framework::SseEvent;

#[derive(Serialize, Deserialize, SseEvent)]
enum ShopEvent {
    StockChanged { left: u32 },
    #[serde(skip)]
    Internal,
    #[serde(skip_serializing)]
    Unwritten,
    #[serde(skip_deserializing)]
    Unread,
    #[sse(json)]
    #[serde(skip)]
    Note(String),
}

fn main() {}

use schemars::JsonSchema;
use serde::Serialize;
use sse_framework::SseEvent;

#[derive(Serialize, JsonSchema, SseEvent)]
enum ShopEvent {
    StockChanged { left: u32 },
    Opened,
}

fn main() {}

use serde::{Deserialize, Serialize};
use sse_framework::SseEvent;

#[derive(Serialize, Deserialize, SseEvent)]
#[sse(rename_all = "kebab_case")]
enum ShopEvent {
    StockChanged,
}

fn main() {}

use serde::{Deserialize, Serialize};
use sse_framework::SseEvent;

#[derive(Serialize, Deserialize, SseEvent)]
#[sse(json)]
struct OrderPlaced;

#[derive(Serialize, Deserialize, SseEvent)]
#[sse(name = "shop")]
enum ShopEvent {
    #[sse(json)]
    Moved(u8, u8),
    #[sse(no_from)]
    Opened,
    #[sse(rename_all = "snake_case")]
    Closed,
}

fn main() {}

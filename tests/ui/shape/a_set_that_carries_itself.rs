use serde::{Deserialize, Serialize};
use sse_framework::SseEvent;

#[derive(Serialize, Deserialize, SseEvent)]
enum ShopEvent {
    Closed,
    Again(Box<ShopEvent>),
    AndAgain(Box<Self>),
}

fn main() {}

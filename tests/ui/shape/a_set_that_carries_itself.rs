use serde::{Deserialize, Serialize};
use sse_framework::SseEvent;

#[derive(Serialize, Deserialize, SseEvent)]
enum ShopEvent {
    Closed,
    Again(Box<ShopEvent>),
    AndAgain(Box<Self>),
}

#[derive(Serialize, Deserialize, SseEvent)]
enum Changes<T> {
    One { to: T },
    Another(Box<Changes<T>>),
}

fn main() {}

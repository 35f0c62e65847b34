use serde::{Deserialize, Serialize};
use sse_framework::SseEvent;

#[derive(Serialize, Deserialize, SseEvent)]
#[sse(name)]
struct OrderPlaced;

#[derive(Serialize, Deserialize, SseEvent)]
#[sse(name = OrderPlaced)]
struct OrderPaid;

#[derive(Serialize, Deserialize, SseEvent)]
enum ShopEvent {
    #[sse(json = true)]
    Note(String),
}

fn main() {}

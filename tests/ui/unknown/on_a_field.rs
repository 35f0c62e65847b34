use serde::{Deserialize, Serialize};
use sse_framework::SseEvent;

#[derive(Serialize, Deserialize, SseEvent)]
struct OrderPlaced {
    #[sse(name = "orderId")]
    id: u64,
}

fn main() {}

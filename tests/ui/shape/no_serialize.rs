use serde::Deserialize;
use sse_framework::SseEvent;

#[derive(Deserialize, SseEvent)]
struct OrderPlaced {
    id: u64,
}

fn main() {}

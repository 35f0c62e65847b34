use serde::{Deserialize, Serialize};
use sse_framework::SseEvent;

#[derive(Serialize, Deserialize, SseEvent)]
struct Changed<T> {
    to: T,
}

fn main() {}

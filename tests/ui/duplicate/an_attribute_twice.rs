use serde::{Deserialize, Serialize};
use sse_framework::SseEvent;

#[derive(Serialize, Deserialize, SseEvent)]
#[sse(name = "a")]
#[sse(name = "b")]
struct OrderPlaced;

fn main() {}

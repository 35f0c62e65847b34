use serde::{Deserialize, Serialize};
use sse_framework::SseEvent;

#[derive(Serialize, Deserialize, SseEvent)]
#[sse(version = 2, upcast = "upcast")]
struct OrderPlaced;

fn main() {}

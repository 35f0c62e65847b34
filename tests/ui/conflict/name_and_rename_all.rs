use serde::{Deserialize, Serialize};
use sse_framework::SseEvent;

#[derive(Serialize, Deserialize, SseEvent)]
#[sse(name = "placed", rename_all = "snake_case")]
struct OrderPlaced;

fn main() {}

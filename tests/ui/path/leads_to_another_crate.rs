use serde::{Deserialize, Serialize};
use sse_framework::SseEvent;

#[derive(Serialize, Deserialize, SseEvent)]
#[sse(crate = "serde")]
struct OrderPlaced;

fn main() {}

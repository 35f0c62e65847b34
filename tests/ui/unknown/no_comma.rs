use serde::{Deserialize, Serialize};
use sse_framework::SseEvent;

#[derive(Serialize, Deserialize, SseEvent)]
#[sse(name = "order" topic = "orders")]
struct OrderPlaced;

fn main() {}

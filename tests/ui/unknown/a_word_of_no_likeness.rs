use serde::{Deserialize, Serialize};
use sse_framework::SseEvent;

#[derive(Serialize, Deserialize, SseEvent)]
#[sse(retry = 3)]
struct OrderPlaced;

fn main() {}

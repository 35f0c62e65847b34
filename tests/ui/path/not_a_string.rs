use serde::{Deserialize, Serialize};
use sse_framework::SseEvent;

#[derive(Serialize, Deserialize, SseEvent)]
#[sse(crate = sse_framework)]
struct OrderPlaced;

fn main() {}

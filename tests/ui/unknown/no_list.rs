use serde::{Deserialize, Serialize};
use sse_framework::SseEvent;

#[derive(Serialize, Deserialize, SseEvent)]
#[sse]
struct OrderPlaced;

#[derive(Serialize, Deserialize, SseEvent)]
#[sse = "order"]
struct OrderPaid;

fn main() {}

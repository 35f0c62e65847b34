use serde::{Deserialize, Serialize};
use sse_framework::SseEvent;

#[derive(Serialize, Deserialize, SseEvent)]
#[sse(event = "order")]
struct OrderPlaced;

#[derive(Serialize, Deserialize, SseEvent)]
#[sse(type = "order")]
struct OrderPaid;

fn main() {}

use serde::{Deserialize, Serialize};
use sse_framework::SseEvent;

#[derive(Serialize, Deserialize, SseEvent)]
#[sse(sse::name = "order")]
struct OrderPlaced;

fn main() {}

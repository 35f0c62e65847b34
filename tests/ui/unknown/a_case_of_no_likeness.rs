use serde::{Deserialize, Serialize};
use sse_framework::SseEvent;

#[derive(Serialize, Deserialize, SseEvent)]
#[sse(rename_all = "Title Case")]
struct OrderPlaced;

fn main() {}

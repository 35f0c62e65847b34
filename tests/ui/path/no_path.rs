use serde::{Deserialize, Serialize};
use sse_framework::SseEvent;

#[derive(Serialize, Deserialize, SseEvent)]
#[sse(crate = "sse framework")]
struct OrderPlaced;

#[derive(Serialize, Deserialize, SseEvent)]
#[sse(crate = "")]
struct OrderPaid;

fn main() {}

use serde::{Deserialize, Serialize};
use sse_framework::SseEvent;

#[derive(Serialize, Deserialize, SseEvent)]
#[sse(topic = "/shops")]
struct Opened;

#[derive(Serialize, Deserialize, SseEvent)]
#[sse(topic = "")]
struct Closed;

fn main() {}

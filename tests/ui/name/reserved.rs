use serde::{Deserialize, Serialize};
use sse_framework::SseEvent;

#[derive(Serialize, Deserialize, SseEvent)]
#[sse(name = "sse-gap")]
struct Gap;

#[derive(Serialize, Deserialize, SseEvent)]
struct SseOpen;

fn main() {}

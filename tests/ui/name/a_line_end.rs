use serde::{Deserialize, Serialize};
use sse_framework::SseEvent;

#[derive(Serialize, Deserialize, SseEvent)]
#[sse(name = "a\nb")]
struct Newline;

#[derive(Serialize, Deserialize, SseEvent)]
#[sse(name = "a\rb")]
struct Return;

#[derive(Serialize, Deserialize, SseEvent)]
#[sse(name = "a\0b")]
struct Nul;

fn main() {}

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sse_framework::SseEvent;

#[derive(Serialize, Deserialize, JsonSchema, SseEvent)]
#[sse(topic = "rows/{to}")]
struct Changed<T> {
    to: T,
}

fn main() {
    fn publish<E: SseEvent>(_: E) {}
    publish(Changed { to: vec![1] });
}

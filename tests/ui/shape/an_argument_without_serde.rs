use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sse_framework::SseEvent;

#[derive(Serialize, Deserialize, JsonSchema, SseEvent)]
struct Changed<T> {
    to: T,
}

struct Address;

fn main() {
    fn publish<E: SseEvent>(_: E) {}
    publish(Changed { to: Address });
}

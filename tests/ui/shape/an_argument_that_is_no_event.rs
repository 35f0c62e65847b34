use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sse_framework::SseEvent;

#[derive(SseEvent)]
enum WithSystem<E> {
    App(E),
    System(System),
}

#[derive(Serialize, Deserialize, JsonSchema, SseEvent)]
struct System;

fn main() {
    fn publish<E: SseEvent>(_: E) {}
    publish(WithSystem::App(String::new()));
}

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sse_framework::SseEvent;

#[derive(Serialize, Deserialize, JsonSchema, SseEvent)]
enum Orders {
    Closed,
}

#[derive(Serialize, Deserialize, JsonSchema, SseEvent)]
enum Shops {
    Opened,
    Closed,
}

#[derive(SseEvent)]
enum Everything {
    Orders(Orders),
    Shops(Shops),
}

fn main() {}

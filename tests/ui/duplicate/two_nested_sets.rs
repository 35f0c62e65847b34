use serde::{Deserialize, Serialize};
use sse_framework::SseEvent;

#[derive(Serialize, Deserialize, SseEvent)]
enum Orders {
    Closed,
}

#[derive(Serialize, Deserialize, SseEvent)]
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

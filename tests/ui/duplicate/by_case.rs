use serde::{Deserialize, Serialize};
use sse_framework::SseEvent;

#[derive(Serialize, Deserialize, SseEvent)]
#[sse(rename_all = "lowercase")]
enum ShopEvent {
    SetUp,
    Setup,
}

fn main() {}

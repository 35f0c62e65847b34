use serde::{Deserialize, Serialize};
use sse_framework::SseEvent;

#[derive(Serialize, Deserialize, SseEvent)]
struct OrderPlaced {
    shop: &'static str,
}

/// serde borrows for text even where it is told to read a number.
#[derive(Serialize, Deserialize, SseEvent)]
#[serde(from = "u8")]
struct Moved {
    to: &'static str,
}

impl From<u8> for Moved {
    fn from(_: u8) -> Self {
        Moved { to: "berlin" }
    }
}

fn main() {}

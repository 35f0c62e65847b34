use serde::Serialize;
use sse_framework::SseEvent;

#[derive(Serialize, SseEvent)]
enum ShopEvent<const N: usize> {
    Changed { to: u8 },
}

fn main() {}

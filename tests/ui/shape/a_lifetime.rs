use serde::Serialize;
use sse_framework::SseEvent;

#[derive(Serialize, SseEvent)]
struct OrderPlaced<'a> {
    shop: &'a str,
}

fn main() {}

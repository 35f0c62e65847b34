use sse_framework::SseEvent;

#[derive(SseEvent)]
struct OrderPlaced {
    id: u64,
}

#[derive(SseEvent)]
enum ShopEvent {
    Closed,
    Opened { shop: String },
}

fn main() {}

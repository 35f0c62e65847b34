use serde::Serialize;
use sse_framework::SseEvent;

#[derive(Serialize, SseEvent)]
enum ShopEvent<'a, 'b: 'a, T> {
    Placed { shop: &'a str, item: &'b str },
    Noted { text: T },
}

fn publish(event: ShopEvent<'static, 'static, u8>) {
    let _ = event.event_type();
}

fn main() {}

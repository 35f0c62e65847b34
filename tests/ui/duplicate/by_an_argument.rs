use serde::{Deserialize, Serialize};
use sse_framework::SseEvent;

#[derive(Serialize, Deserialize, SseEvent)]
enum ShopEvent<T> {
    #[sse(name = "changed")]
    PriceChanged,
    Other(Changed<T>),
}

#[derive(Serialize, Deserialize, SseEvent)]
struct Changed<T> {
    to: T,
}

fn main() {
    println!("{}", ShopEvent::<u8>::TYPES.len());
}

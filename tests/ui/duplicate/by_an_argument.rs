use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sse_framework::SseEvent;

#[derive(Serialize, Deserialize, JsonSchema, SseEvent)]
enum ShopEvent<T> {
    #[sse(name = "changed")]
    PriceChanged,
    Other(Changed<T>),
}

#[derive(Serialize, Deserialize, JsonSchema, SseEvent)]
struct Changed<T> {
    to: T,
}

fn main() {
    println!("{}", ShopEvent::<u8>::TYPES.len());
}

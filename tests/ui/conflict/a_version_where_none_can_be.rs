use serde::{Deserialize, Serialize};
use sse_framework::SseEvent;

#[derive(Serialize, Deserialize, SseEvent)]
#[sse(version = 0)]
struct Zero;

#[derive(Serialize, Deserialize, SseEvent)]
#[sse(version = "2")]
struct Text;

#[derive(Serialize, Deserialize, SseEvent)]
#[sse(upcast = from_v0)]
struct First;

#[derive(Serialize, Deserialize, SseEvent)]
#[sse(version = 2, upcast = |old| old)]
struct Closure;

#[derive(SseEvent)]
#[sse(version = 2)]
enum ShopEvent {
    #[sse(version = 2, upcast = from_v1)]
    First(First),
}

fn main() {}

use serde::{Deserialize, Serialize};
use sse_framework::SseEvent;

#[derive(Serialize, Deserialize, SseEvent)]
enum ShopEvent {
    #[sse(topic = r"shops/{shopId}")]
    Opened { shop_id: String },
    #[sse(topic = "shops/{shop}")]
    Moved(String, String),
}

fn main() {}

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sse_framework::SseEvent;

mod orders {
    use serde::{Deserialize, Serialize};

    #[derive(Serialize, Deserialize)]
    pub struct Order {
        shop: String,
    }
}

#[derive(Serialize, Deserialize, JsonSchema, SseEvent)]
#[sse(topic = "shops/{order.shop}")]
struct OrderPlaced {
    order: orders::Order,
}

fn main() {}

use serde::{Deserialize, Serialize};
use sse_framework::SseEvent;

#[derive(Clone, Serialize, Deserialize, SseEvent)]
#[serde(try_from = "u32")]
enum ShopEvent {
    StockChanged { left: u32 },
}

impl TryFrom<u32> for ShopEvent {
    type Error = std::num::TryFromIntError;

    fn try_from(left: u32) -> Result<Self, Self::Error> {
        Ok(ShopEvent::StockChanged { left })
    }
}

fn main() {}

use serde::{Deserialize, Serialize};
use sse_framework::SseEvent;

#[derive(Clone, Serialize, Deserialize, SseEvent)]
#[serde(from = "Row", into = "Row")]
enum ShopEvent {
    StockChanged { left: u32 },
}

#[derive(Serialize, Deserialize)]
struct Row(u32);

impl From<Row> for ShopEvent {
    fn from(row: Row) -> Self {
        ShopEvent::StockChanged { left: row.0 }
    }
}

impl From<ShopEvent> for Row {
    fn from(event: ShopEvent) -> Self {
        let ShopEvent::StockChanged { left } = event;
        Row(left)
    }
}

fn main() {}

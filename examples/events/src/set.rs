//! Enums, which are sets of events.

use crate::{OrderPlaced, PriceChanged, ShopClosed};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sse_framework::SseEvent;

// ANCHOR: set
/// Everything that happens in the shop.
#[derive(Debug, Serialize, Deserialize, JsonSchema, SseEvent)]
pub enum ShopEvent {
    /// An event with a type of its own.
    OrderPlaced(OrderPlaced),
    /// Another.
    ShopClosed(ShopClosed),
    /// The stock of an item changed.
    #[sse(name = "stock", topic = "stock/{sku}")]
    StockChanged {
        /// The item's number.
        sku: String,
        /// How many are left.
        left: u32,
    },
    /// Two items were put into one parcel.
    Packed(String, String),
    /// The shelves are being counted.
    InventoryStarted,
    /// A text for everyone.
    #[sse(json)]
    Notice(String),
}
// ANCHOR_END: set

// ANCHOR: rename_all
/// What the staff does.
#[derive(Debug, Serialize, Deserialize, JsonSchema, SseEvent)]
#[sse(rename_all = "camelCase", topic = "staff/{person}")]
pub enum Staff {
    /// Someone's shift begins.
    ShiftStarted {
        /// Who.
        person: String,
    },
    /// Someone's shift ends. This event has a topic of its own.
    #[sse(topic = "shifts")]
    ShiftEnded {
        /// Who.
        person: String,
    },
}
// ANCHOR_END: rename_all

// ANCHOR: nested
/// All events of one hub. It only passes events on, and needs no serde of its own.
#[derive(Debug, SseEvent)]
pub enum Everything {
    /// The events of the set above.
    Shop(ShopEvent),
    /// Those of the staff.
    Staff(Staff),
    /// One event. There will be no `From<PriceChanged>`.
    #[sse(no_from)]
    Price(PriceChanged),
}
// ANCHOR_END: nested

// ANCHOR: serde
/// Money goes back.
#[derive(Debug, Serialize, Deserialize, JsonSchema, SseEvent)]
#[serde(rename_all_fields = "camelCase")]
pub enum Refund {
    /// By letter.
    Sent {
        /// In the JSON `orderId`.
        order_id: u64,
        /// Left out if there is none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
        /// Its fields stand beside the others.
        #[serde(flatten)]
        address: Address,
    },
}

/// Where it goes.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Address {
    /// The town.
    pub town: String,
}
// ANCHOR_END: serde

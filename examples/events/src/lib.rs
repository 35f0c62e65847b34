//! Events of a shop, in every shape that the derive takes.

mod more;
mod one;
mod set;
mod topics;

#[allow(deprecated, reason = "clients of old can still be told of it")]
pub use more::EuroPrice;
pub use more::{ItemSeen, SettingChanged, WithSettings};
pub use one::{CartTotal, ItemMoved, OrderPlaced, PriceChanged, ShopClosed};
pub use set::{Address, Everything, Refund, ShopEvent, Staff};
pub use topics::{LineAdded, Order, Rating};

/// Crates that this one passes on.
pub mod vendor {
    pub use sse_framework;
}

use sse_framework::SseEvent;
use sse_framework::wire::Frame;
use std::error::Error;

// ANCHOR: frame
/// The event as it stands on the wire, without the id that the log gives it.
///
/// # Errors
///
/// If the event cannot be written as JSON.
pub fn frame<E: SseEvent>(event: &E) -> Result<String, Box<dyn Error>> {
    let mut data = Vec::new();
    event.encode(&mut data)?;
    let data = String::from_utf8(data)?;
    let mut out = Vec::new();
    Frame::new().event(event.event_type().name()).data(&data).write_to(&mut out)?;
    Ok(String::from_utf8(out)?)
}
// ANCHOR_END: frame

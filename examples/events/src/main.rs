//! Prints events as they stand on the wire.

use example_events::{
    Address, CartTotal, Everything, ItemMoved, ItemSeen, OrderPlaced, PriceChanged, Refund,
    SettingChanged, ShopClosed, ShopEvent, Staff, WithSettings, frame,
};
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let order = || OrderPlaced { shop: "berlin".to_owned(), id: 7 };
    let (from, to) = ("A-1".to_owned(), "B-2".to_owned());
    let frames = [
        frame(&order())?,
        frame(&CartTotal(1999))?,
        frame(&ItemMoved(from.clone(), to.clone()))?,
        frame(&ShopClosed)?,
        frame(&PriceChanged { sku: "tea".to_owned(), price: 450 })?,
        frame(&ShopEvent::from(order()))?,
        frame(&ShopEvent::from(ShopClosed))?,
        frame(&ShopEvent::StockChanged { sku: "tea".to_owned(), left: 3 })?,
        frame(&ShopEvent::Packed(from, to))?,
        frame(&ShopEvent::InventoryStarted)?,
        frame(&ShopEvent::Notice("Fresh bread!".to_owned()))?,
        frame(&Staff::ShiftStarted { person: "Kim".to_owned() })?,
        frame(&Everything::from(ShopEvent::from(order())))?,
        frame(&Refund::Sent {
            order_id: 7,
            reason: None,
            address: Address { town: "Bonn".to_owned() },
        })?,
        frame(&SettingChanged { name: "greeting".to_owned(), to: "Hello!".to_owned() })?,
        frame(&WithSettings::<ShopEvent>::from(SettingChanged {
            name: "tables".to_owned(),
            to: 9,
        }))?,
        frame(&WithSettings::App(ShopEvent::InventoryStarted))?,
        old()?,
        frame(&ItemSeen { sku: "tea".to_owned() })?,
    ];
    print!("{}", frames.concat());
    Ok(())
}

#[allow(deprecated, reason = "clients of old can still be told of it")]
fn old() -> Result<String, Box<dyn Error>> {
    frame(&example_events::EuroPrice { sku: "tea".to_owned(), euros: 4 })
}

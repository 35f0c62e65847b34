//! Prints events as they stand on the wire.

use example_events::{
    Address, CartTotal, Everything, ItemMoved, OrderPlaced, PriceChanged, Refund, ShopClosed,
    ShopEvent, Staff, frame,
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
    ];
    print!("{}", frames.concat());
    Ok(())
}

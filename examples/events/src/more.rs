//! Types with parameters, types that are no longer used, and another way to the framework.
#![allow(deprecated, reason = "schemars' derive does not allow it itself")]

use crate::vendor;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vendor::sse_framework::SseEvent;

// ANCHOR: generic
/// A setting has another value.
#[derive(Debug, Serialize, Deserialize, JsonSchema, SseEvent)]
#[sse(topic = "settings/{name}")]
pub struct SettingChanged<T> {
    /// Which one.
    pub name: String,
    /// What it is now.
    pub to: T,
}

/// The events of any app, and those of the settings.
#[derive(Debug, SseEvent)]
pub enum WithSettings<E> {
    /// All that the app has.
    #[sse(no_from)]
    App(E),
    /// Settings that are numbers.
    Setting(SettingChanged<u32>),
}
// ANCHOR_END: generic

// ANCHOR: deprecated
/// The price of an item, once in whole euros.
#[deprecated(note = "listen for `price`")]
#[derive(Debug, Serialize, Deserialize, JsonSchema, SseEvent)]
pub struct EuroPrice {
    /// The item's number.
    pub sku: String,
    /// In euros.
    pub euros: u64,
}
// ANCHOR_END: deprecated

// ANCHOR: crate
/// Somebody looked at an item.
#[derive(Debug, Serialize, Deserialize, JsonSchema, SseEvent)]
#[sse(crate = "vendor::sse_framework")]
pub struct ItemSeen {
    /// The item's number.
    pub sku: String,
}
// ANCHOR_END: crate

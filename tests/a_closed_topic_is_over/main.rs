//! A closed topic is over: nothing is added to it, whoever reads it gets the rest and is told, and a
//! stream of closed topics ends, for good.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is a test")]

mod later;
mod publishing;
mod streams;
mod subscriptions;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sse_framework::SseEvent;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, SseEvent)]
struct Token {
    n: u64,
}

//! Derives events where `Cargo.toml` gives sse-framework another name.

use events::SseEvent;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An event.
#[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema, SseEvent)]
#[sse(crate = "events", topic = "shops/{shop}")]
pub struct Opened {
    /// Which.
    pub shop: String,
}

/// A set.
#[derive(Debug, PartialEq, SseEvent)]
#[sse(crate = "::events")]
pub enum ShopEvent {
    /// Delegates.
    Opened(Opened),
}

#[cfg(test)]
mod tests {
    use super::*;
    use events::Topic;
    use std::error::Error;

    #[test]
    fn derived_code_uses_the_new_name() -> Result<(), Box<dyn Error>> {
        let event = ShopEvent::from(Opened { shop: "rome".to_owned() });
        assert_eq!(event.topic()?.as_ref().map(Topic::as_str), Some("shops/rome"));
        Ok(())
    }
}

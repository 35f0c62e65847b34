//! Derives events through a crate that re-exports sse-framework, which this crate cannot name.

use hygiene_facade::{SseEvent, company_event, vendor};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

company_event! {
    /// Written by a macro of the other crate.
    #[derive(Clone)]
    pub Hired { name: String }
}

/// A set through the path, with `From` and all.
#[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema, SseEvent)]
#[sse(crate = "hygiene_facade::vendor::sse_framework")]
pub enum StaffEvent {
    /// Delegates.
    Hired(Hired),
    /// Of its own.
    #[sse(topic = "staff")]
    AllHired,
}

/// Through an import, with a parameter.
#[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema, SseEvent)]
#[sse(crate = "vendor::sse_framework")]
pub struct Changed<T> {
    /// Now.
    pub to: T,
}

#[cfg(test)]
mod tests {
    use super::*;
    use hygiene_facade::Topic;
    use std::error::Error;

    #[test]
    fn derived_code_follows_the_path() -> Result<(), Box<dyn Error>> {
        let event = StaffEvent::from(Hired { id: 7, name: "Kim".to_owned() });
        assert_eq!(event.event_type().name(), "hired");
        assert_eq!(event.topic()?.as_ref().map(Topic::as_str), Some("company/7"));
        assert_eq!(StaffEvent::AllHired.topic()?.as_ref().map(Topic::as_str), Some("staff"));
        assert_eq!(Changed::<u8>::TYPES[0].name(), "changed");
        Ok(())
    }
}

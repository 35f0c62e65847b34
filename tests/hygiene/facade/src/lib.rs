//! What the crate of a company might be: it passes sse-framework on, and has a macro of its own.

/// The framework, some way down.
pub mod vendor {
    pub use sse_framework;
}

pub use sse_framework::{SseEvent, Topic};

/// Writes an event type of this company.
#[macro_export]
macro_rules! company_event {
    ($(#[$attr:meta])* $visibility:vis $name:ident { $($field:ident: $ty:ty),* }) => {
        $(#[$attr])*
        #[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
        #[derive($crate::vendor::sse_framework::schemars::JsonSchema, $crate::SseEvent)]
        #[schemars(crate = "::hygiene_facade::vendor::sse_framework::schemars")]
        #[sse(crate = "::hygiene_facade::vendor::sse_framework", topic = "company/{id}")]
        $visibility struct $name {
            /// Which one.
            pub id: u64,
            $(
                /// Of the event's own.
                pub $field: $ty,
            )*
        }
    };
}

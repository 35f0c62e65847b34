//! Schemas that are kept with the log, whether today's event types still fit them, and documents of them.

mod check;
mod collected;
mod compare;
mod error;
mod json_schemas;
mod number;
mod openapi;
mod routes;
mod shape;
mod stored;
mod typescript;

pub use error::{Breaks, SchemaChange, SchemaError};
pub use json_schemas::json_schemas;
pub use openapi::openapi;
pub use typescript::typescript;

pub(crate) use check::{Choices, Refused, check};

/// What happens if the event types no longer fit what the log was written with.
///
/// A change is one that breaks if records that are kept can no longer be decoded, or if clients that were
/// written for the schema before would be shown something else. The book's page on schemas has the table of
/// which changes do. A change that cannot be judged counts as one that breaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnSchemaChange {
    /// The hub does not start, and [`SchemaError`] says what has changed.
    #[default]
    Refuse,
    /// The hub starts, and logs a warning for each change. Records that cannot be decoded leave
    /// [gaps](crate::GapReason::Unreadable). The log remembers what was accepted: the same types start
    /// with `Refuse` from then on.
    ///
    /// Schemas that another version of the framework has kept in a format of its own are never replaced: that is
    /// [`LogError::Format`](crate::LogError::Format).
    Accept,
}

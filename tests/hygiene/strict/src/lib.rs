//! Derives events where nothing is imported, every familiar name means something else, and every
//! lint is an error.
#![no_implicit_prelude]
#![forbid(unsafe_code)]
#![deny(
    warnings,
    missing_docs,
    missing_debug_implementations,
    unreachable_pub,
    unused_qualifications,
    clippy::all,
    clippy::pedantic
)]

pub mod cases;
mod collisions;
mod names;

pub use cases::{Conditional, Deprecated, local};
pub use collisions::{Colliding, Event, Generic};
pub use names::{Parameters, Set, Struct};

#[cfg(test)]
mod tests;

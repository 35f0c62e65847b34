//! Subscribing: from a request, or within the process, to events in order.

mod accept;
mod body;
mod completion;
mod control;
mod cursor;
mod endpoint;
mod exclusive;
mod filter;
mod handover;
mod page;
mod problem;
mod received;
mod request;
mod since;
mod snapshot;
mod start;
mod subscription;
mod unopened;
mod unreadable;

#[cfg(feature = "serve")]
pub(crate) use handover::Handover;

pub(crate) use control::CONTROL;

pub use control::{CloseReason, Gap, GapReason};
pub use problem::Problem;
pub use received::{Delivered, Received};
pub use request::{Subscribe, SubscribeRejection};
pub use snapshot::Snapshot;
pub use start::{OnGap, Start};
pub use subscription::{Subscription, SubscriptionBuilder};

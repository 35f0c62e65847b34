//! The load: who publishes and who listens. One thread for each.

mod crowd;
mod histogram;
mod payload;
mod publisher;
mod subscriber;

pub(crate) use self::crowd::{Crowd, Tally};
pub(crate) use self::histogram::Histogram;
pub(crate) use self::payload::now_ns;
pub(crate) use self::publisher::{Pace, Publisher, Publishing};

/// Whom an event is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Audience {
    /// Every subscriber.
    All,
    /// One subscriber of so many, each of which has a topic of its own.
    OneOf(usize),
}

impl Audience {
    /// The one subscriber that the event of this number is for.
    pub(crate) fn only(self, number: u64) -> Option<usize> {
        match self {
            Audience::All => None,
            // A fixed sequence without a pattern: neighbours are not neighbours in memory.
            Audience::OneOf(count) => Some(scatter(number) as usize % count.max(1)),
        }
    }

    /// Where a subscriber finds its events, or where an event for it is sent.
    pub(crate) fn path(self, route: &str, subscriber: Option<usize>) -> String {
        match (self, subscriber) {
            (Audience::OneOf(_), Some(subscriber)) => format!("/{route}?topic=t/{subscriber}"),
            _ => format!("/{route}"),
        }
    }
}

/// The finalizer of SplitMix64.
pub(crate) fn scatter(number: u64) -> u64 {
    let z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

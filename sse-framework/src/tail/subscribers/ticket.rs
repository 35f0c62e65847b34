//! Whose a subscription is, how long it may last, and why it ends.

use crate::planted::planted;
use crate::sync::AtomicU64;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

/// Why a subscription is to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// All of them are, later ones too.
    Drain,
    /// The app said so.
    Disconnected,
    /// Its time is over.
    Expired,
}

/// Whose a subscription is, and how long it may last.
#[derive(Debug)]
pub(crate) struct Ticket {
    pub(super) key: Option<Arc<str>>,
    pub(super) until: Option<Instant>,
    /// 0, or an [`End`] of this subscription's own.
    end: AtomicU64,
}

impl Ticket {
    pub(crate) fn new(key: Option<Arc<str>>, until: Option<Instant>) -> Self {
        Ticket { key, until, end: AtomicU64::new(0) }
    }

    pub(super) fn end(&self) -> Option<End> {
        [End::Disconnected, End::Expired]
            .into_iter()
            .find(|end| *end as u64 == self.end.load(Ordering::Acquire))
    }

    pub(super) fn set(&self, end: End) {
        if planted("end-of-one-ignored") {
            return;
        }
        self.end.store(end as u64, Ordering::Release);
    }
}
